// Memory after it was given back, and addresses that never were: copies, sets, frees, and a kernel.
#include "check.h"

__global__ void write(int *p) { p[threadIdx.x] = 1; }

int main() {
    // Large enough to be mapped on its own on every GPU.
    const size_t size = 64 << 20;
    int *p, value = 3;
    CHECK(cudaMalloc(&p, size));
    int *inside = p + 1000;
    SHOW(cudaFree(inside));
    SHOW(cudaFree(p));
    SHOW(cudaFree(p));
    SHOW(cudaGetLastError());
    SHOW(cudaGetLastError());
    SHOW(cudaFree(nullptr));
    SHOW(cudaFree(&value));
    SHOW(cudaMemcpy(&value, p, sizeof value, cudaMemcpyDeviceToHost));
    SHOW(cudaMemcpy(p, &value, sizeof value, cudaMemcpyHostToDevice));
    SHOW(cudaMemset(p, 0, sizeof value));
    cudaGetLastError();

    // A copy beyond the end of an allocation.
    CHECK(cudaMalloc(&p, size));
    std::vector<char> host(16 << 20);
    SHOW(cudaMemcpy(host.data(), reinterpret_cast<char *>(p) + size - (8 << 20), host.size(), cudaMemcpyDeviceToHost));
    SHOW(cudaMemcpy(&value, p, sizeof value, cudaMemcpyDeviceToHost));
    cudaGetLastError();

    CHECK(cudaFree(p));
    write<<<1, 32>>>(p);
    SHOW(cudaGetLastError());
    SHOW(cudaDeviceSynchronize());
    SHOW(cudaFree(nullptr));
    return 0;
}
