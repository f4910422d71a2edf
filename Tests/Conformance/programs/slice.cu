// Says how much memory the device has, by every call there is, and how much of it can be had: that of a
// slice must look like that of a whole GPU.
#include "check.h"

int main() {
    size_t free_bytes, total, allocated = 0;
    cudaDeviceProp properties;
    CHECK(cudaMemGetInfo(&free_bytes, &total));
    CHECK(cudaGetDeviceProperties(&properties, 0));
    printf("cudaMemGetInfo: %zu MiB, free %zu MiB\n", total >> 20, free_bytes >> 20);
    printf("cudaGetDeviceProperties: %zu MiB\n", properties.totalGlobalMem >> 20);
    void *p;
    printf("the whole and a MiB: %s\n", cudaGetErrorName(cudaMalloc(&p, total + (1 << 20))));
    printf("then %s\n", cudaGetErrorName(cudaGetLastError()));
    const size_t step = 64 << 20;
    while (cudaMalloc(&p, step) == cudaSuccess) allocated += step;
    printf("in pieces: %s\n", cudaGetErrorName(cudaGetLastError()));
    CHECK(cudaMemGetInfo(&free_bytes, &total));
    expect(allocated <= total && allocated + (256 << 20) > total, "nearly all of it could be had");
    expect(free_bytes + allocated <= total, "what was had is no longer free");
    return finish();
}
