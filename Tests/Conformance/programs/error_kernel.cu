// What a kernel does wrong becomes the error of the next call that waits, and of every call after it:
// the context is lost, and the program can still end in good order. The argument says what goes wrong.
#include "check.h"

#include <cassert>
#include <cstring>

__global__ void far_write(int *p, long long far) { p[far] = 1; }
__global__ void far_read(const int *p, long long far, int *out) { *out = p[far]; }
__global__ void misaligned(char *p) { *reinterpret_cast<int *>(p + 1) = 1; }
__global__ void asserts(int x) { assert(x == 7); }
__global__ void traps() { __trap(); }
__global__ void shared_far(int far, int *out) {
    __shared__ int line[32];
    line[threadIdx.x] = 1;
    __syncthreads();
    out[threadIdx.x] = line[threadIdx.x + far];
}

int main(int argc, char **argv) {
    const char *kind = argc > 1 ? argv[1] : "null";
    int *data, *out;
    CHECK(cudaMalloc(&data, 1 << 20));
    CHECK(cudaMalloc(&out, 1 << 20));
    if (!strcmp(kind, "null")) far_write<<<1, 1>>>(nullptr, 0);
    else if (!strcmp(kind, "write")) far_write<<<1, 1>>>(data, 1ll << 38);
    else if (!strcmp(kind, "read")) far_read<<<1, 1>>>(data, -(1ll << 38), out);
    else if (!strcmp(kind, "misaligned")) misaligned<<<1, 1>>>(reinterpret_cast<char *>(data));
    else if (!strcmp(kind, "assert")) asserts<<<1, 1>>>(8);
    else if (!strcmp(kind, "trap")) traps<<<1, 1>>>();
    else if (!strcmp(kind, "shared")) shared_far<<<1, 32>>>(100 << 20, out);
    else return 2;
    printf("launch: %s\n", cudaGetErrorName(cudaGetLastError()));
    cudaError_t first = cudaDeviceSynchronize();
    // Which of the two a trap is differs between generations of GPUs.
    bool trapped = !strcmp(kind, "trap") && (first == cudaErrorLaunchFailure || first == cudaErrorIllegalInstruction);
    printf("synchronise: %s\n", trapped ? "trapped" : cudaGetErrorName(first));
    auto show = [&](const char *what, cudaError_t error) {
        printf("%s: %s\n", what, error == first ? "the same" : cudaGetErrorName(error));
    };
    int value = 0;
    void *more = nullptr;
    show("last error", cudaGetLastError());
    show("copy", cudaMemcpy(&value, data, sizeof value, cudaMemcpyDeviceToHost));
    show("allocate", cudaMalloc(&more, 16));
    asserts<<<1, 1>>>(7);
    show("launch", cudaGetLastError());
    show("synchronise", cudaDeviceSynchronize());
    show("free", cudaFree(data));
    int device = -1;
    const char *name = cudaGetErrorName(cudaGetDevice(&device));
    printf("get device: %s, %d\n", name, device);
    return first == cudaSuccess ? 1 : 0;
}
