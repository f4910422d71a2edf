// Ways to end a program with work and memory outstanding. The argument says which.
#include "check.h"

#include <csignal>
#include <cstring>
#include <thread>
#include <unistd.h>

__global__ void work(int *data, int n) {
    for (int i = threadIdx.x; i < n; i += blockDim.x) data[i] += i;
}

int main(int argc, char **argv) {
    const char *kind = argc > 1 ? argv[1] : "return";
    const int n = 100000;
    int *data, *pinned;
    cudaStream_t stream;
    cudaEvent_t event;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaEventCreate(&event));
    CHECK(cudaMalloc(&data, n * sizeof(int)));
    CHECK(cudaMallocHost(&pinned, n * sizeof(int)));
    CHECK(cudaMemsetAsync(data, 0, n * sizeof(int), stream));
    for (int i = 0; i < 5; i++) work<<<1, 256, 0, stream>>>(data, n);
    CHECK(cudaMemcpyAsync(pinned, data, n * sizeof(int), cudaMemcpyDeviceToHost, stream));
    CHECK(cudaEventRecord(event, stream));
    printf("%s with work outstanding\n", kind);
    fflush(stdout);
    if (!strcmp(kind, "exit")) exit(3);
    if (!strcmp(kind, "_exit")) _exit(4);
    if (!strcmp(kind, "abort")) abort();
    if (!strcmp(kind, "segfault")) raise(SIGSEGV);
    if (!strcmp(kind, "thread")) std::thread([] { exit(5); }).join();
    if (!strcmp(kind, "reset")) {
        CHECK(cudaDeviceReset());
        CHECK(cudaMalloc(&data, 16));
        return 6;
    }
    return 0;
}
