// Says that it works and goes on working until it is killed. The argument says in what: `launches`,
// `kernel` (one that does not end) or `copies`.
#include "check.h"

#include <cstring>

__global__ void forever(volatile int *stop, int *out) {
    int rounds = 0;
    while (*stop == 0) rounds++;
    *out = rounds;
}

__global__ void once(int *out) { atomicAdd(out, 1); }

int main(int argc, char **argv) {
    const char *kind = argc > 1 ? argv[1] : "launches";
    const size_t size = 256 << 20;
    int *big, *small;
    CHECK(cudaMalloc(&big, size));
    CHECK(cudaMalloc(&small, 2 * sizeof(int)));
    CHECK(cudaMemset(small, 0, 2 * sizeof(int)));
    std::vector<char> host(32 << 20, 1);
    once<<<1, 32>>>(small);
    CHECK(cudaDeviceSynchronize());
    if (!strcmp(kind, "kernel")) {
        CHECK(cudaMemset(small, 0, 2 * sizeof(int)));
        forever<<<1, 1>>>(small, small + 1);
    }
    printf("working\n");
    fflush(stdout);
    if (!strcmp(kind, "kernel")) CHECK(cudaDeviceSynchronize());
    while (true) {
        if (!strcmp(kind, "copies")) CHECK(cudaMemcpy(big, host.data(), host.size(), cudaMemcpyHostToDevice));
        for (int i = 0; i < 50; i++) once<<<1, 32>>>(small);
        CHECK(cudaDeviceSynchronize());
    }
}
