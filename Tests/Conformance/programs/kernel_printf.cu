// printf from kernels appears on the program's own standard output, at the next synchronisation and
// in its place between what the host prints; nothing here flushes.
#include "check.h"

__global__ void formats(int x) {
    printf("int %d, padded [%6d] [%-6d] [%06d] [%+d]\n", x, x, x, x, x);
    printf("unsigned %u, hexadecimal %x %X %#x, octal %o\n", 3000000000u, 48879, 48879, 255, 8);
    printf("long long %lld %llu %llx\n", -5000000000LL, 18446744073709551615ULL, 0x123456789ABCDEFULL);
    printf("float %f %.3f %10.2f %e %g %G\n", 1.5f, 2.0 / 3.0, -3.14159, 12345.678, 1e-10, 1e20);
    printf("string %s [%8s] [%-8s] [%.2s], character %c, percent %%\n", "text", "right", "left", "cut", 'z');
    printf("star [%*d]\n", 7, 42);
    printf("without arguments\n");
}

__global__ void turns(int from) {
    for (int t = 0; t < static_cast<int>(blockDim.x); t++) {
        if (static_cast<int>(threadIdx.x) == t) printf("  thread %d of launch %d\n", t, from);
        __syncthreads();
    }
}

__global__ void many(int n) {
    for (int i = 0; i < n; i++) printf("line %d of a kernel that prints much\n", i);
}

int main() {
    printf("host: first\n");
    formats<<<1, 1>>>(-42);
    CHECK(cudaDeviceSynchronize());
    printf("host: after the formats\n");
    turns<<<1, 3>>>(1);
    turns<<<1, 2>>>(2);
    CHECK(cudaDeviceSynchronize());
    printf("host: after two launches\n");

    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    turns<<<1, 1, 0, stream>>>(3);
    CHECK(cudaStreamSynchronize(stream));
    printf("host: after a stream\n");

    cudaEvent_t event;
    CHECK(cudaEventCreate(&event));
    turns<<<1, 1, 0, stream>>>(4);
    CHECK(cudaEventRecord(event, stream));
    CHECK(cudaEventSynchronize(event));
    CHECK(cudaStreamSynchronize(stream));
    printf("host: after an event\n");

    int value = 0;
    Device<int> memory(1);
    turns<<<1, 1>>>(5);
    CHECK(cudaMemcpy(&value, memory, sizeof value, cudaMemcpyDeviceToHost));
    CHECK(cudaDeviceSynchronize());
    printf("host: after a copy\n");

    many<<<1, 1>>>(300);
    CHECK(cudaDeviceSynchronize());
    printf("host: last\n");
    return 0;
}
