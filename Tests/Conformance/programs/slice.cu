// Says how much memory the device has, by every call there is, and how much of it can be had: that of a
// slice must look like that of a whole GPU.
#include "check.h"

/// The same with memory of a pool that keeps all it has; others get it when they need it.
static void pool(size_t total) {
    const size_t step = 64 << 20;
    static void *pieces[1024];
    int count = 0;
    cudaMemPool_t pool;
    unsigned long long all = ~0ull;
    CHECK(cudaDeviceGetDefaultMemPool(&pool, 0));
    CHECK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all));
    while (count < 1024 && cudaMallocAsync(&pieces[count], step, 0) == cudaSuccess) count++;
    printf("in pieces of a pool: %s\n", cudaGetErrorName(cudaGetLastError()));
    expect(count * step <= total && count * step + (256 << 20) > total, "nearly all of it could be had again");
    for (int i = 0; i < count; i++) CHECK(cudaFreeAsync(pieces[i], 0));
    CHECK(cudaDeviceSynchronize());
    void *whole;
    CHECK(cudaMalloc(&whole, total - (256 << 20)));
    CHECK(cudaMemset(whole, 1, total - (256 << 20)));
    CHECK(cudaFree(whole));
}

int main() {
    size_t free_bytes, total, allocated = 0;
    cudaDeviceProp properties;
    CHECK(cudaMemGetInfo(&free_bytes, &total));
    CHECK(cudaGetDeviceProperties(&properties, 0));
    printf("cudaMemGetInfo: %zu MiB, free %zu MiB\n", total >> 20, free_bytes >> 20);
    printf("cudaGetDeviceProperties: %zu MiB\n", properties.totalGlobalMem >> 20);
    static void *pieces[1024];
    void *p;
    printf("the whole and a MiB: %s\n", cudaGetErrorName(cudaMalloc(&p, total + (1 << 20))));
    printf("then %s\n", cudaGetErrorName(cudaGetLastError()));
    const size_t step = 64 << 20;
    int count = 0;
    while (count < 1024 && cudaMalloc(&pieces[count], step) == cudaSuccess) {
        allocated += step;
        count++;
    }
    printf("in pieces: %s\n", cudaGetErrorName(cudaGetLastError()));
    CHECK(cudaMemGetInfo(&free_bytes, &total));
    expect(allocated <= total && allocated + (256 << 20) > total, "nearly all of it could be had");
    expect(free_bytes + allocated <= total, "what was had is no longer free");
    for (int i = 0; i < count; i++) CHECK(cudaFree(pieces[i]));
    pool(total);
    return finish();
}
