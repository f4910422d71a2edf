// What cudaMemGetInfo says before, between and after allocations.
#include "check.h"

int main() {
    const size_t mebibyte = 1 << 20, size = 64 * mebibyte;
    size_t before, during, after, total;
    CHECK(cudaFree(nullptr));
    CHECK(cudaMemGetInfo(&before, &total));
    cudaDeviceProp properties;
    CHECK(cudaGetDeviceProperties(&properties, 0));
    expect(before <= total && total > 0, "free is at most the total");
    expect(total == properties.totalGlobalMem, "total is that of the properties");
    void *first, *second;
    CHECK(cudaMalloc(&first, size));
    CHECK(cudaMalloc(&second, size));
    CHECK(cudaMemGetInfo(&during, &total));
    expect(before - during >= 2 * size && before - during < 2 * size + 32 * mebibyte, "two allocations are taken");
    CHECK(cudaFree(first));
    CHECK(cudaFree(second));
    CHECK(cudaMemGetInfo(&after, &total));
    expect(after == before, "and given back");
    return finish();
}
