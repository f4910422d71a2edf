// Managed memory: the same pointer for the processor and the GPU.
#include "report.h"

__managed__ int total = 0;

__global__ void sum(const int *data, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) atomicAdd(&total, data[i]);
}

int main() {
    Report report;
    const int n = 100000;
    int *data;
    CHECK(cudaMallocManaged(&data, n * sizeof(int)));
    for (int i = 0; i < n; i++) data[i] = i % 7;
    sum<<<(n + 255) / 256, 256>>>(data, n);
    CHECK(cudaDeviceSynchronize());
    report.digest("sum", std::vector<int>{total});
    data[0] = 5;
    sum<<<(n + 255) / 256, 256>>>(data, n);
    CHECK(cudaDeviceSynchronize());
    report.digest("sum after a change", std::vector<int>{total});
    return report.finish(steady([&] { sum<<<(n + 255) / 256, 256>>>(data, n); }, 20));
}
