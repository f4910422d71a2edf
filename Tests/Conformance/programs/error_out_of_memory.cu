// Out of memory is an answer, not an end: what is free can still be had, and what is given back again.
#include "check.h"

__global__ void touch(unsigned char *p, size_t last) { p[last] = 42, p[0] = 41; }

int main() {
    size_t free_bytes, total;
    CHECK(cudaMemGetInfo(&free_bytes, &total));
    void *p = reinterpret_cast<void *>(16);
    SHOW(cudaMalloc(&p, static_cast<size_t>(1) << 50));
    SHOW(cudaGetLastError());
    SHOW(cudaMalloc(&p, total + (1 << 20)));
    SHOW(cudaGetLastError());
    SHOW(cudaGetLastError());

    // Halves of what is left until less than 32 MiB can be had.
    std::vector<unsigned char *> parts;
    size_t size = free_bytes / 2, got = 0;
    while (size >= 32 << 20) {
        unsigned char *part;
        cudaError_t error = cudaMalloc(&part, size);
        if (error == cudaSuccess) {
            parts.push_back(part);
            got += size;
            touch<<<1, 1>>>(part, size - 1);
        } else if (error == cudaErrorMemoryAllocation) {
            size /= 2;
        } else {
            CHECK(error);
        }
    }
    expect(cudaGetLastError() == cudaErrorMemoryAllocation, "full");
    expect(got <= free_bytes && got + (128 << 20) > free_bytes, "nearly all of the free memory could be had");
    CHECK(cudaDeviceSynchronize());
    bool right = true;
    for (unsigned char *part : parts) {
        unsigned char first = 0;
        CHECK(cudaMemcpy(&first, part, 1, cudaMemcpyDeviceToHost));
        right = right && first == 41;
        CHECK(cudaFree(part));
    }
    expect(right, "all of it works");
    CHECK(cudaMalloc(&p, free_bytes / 2));
    CHECK(cudaFree(p));
    expect(true, "half of it again, at once");
    return finish();
}
