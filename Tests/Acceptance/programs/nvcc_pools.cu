// Memory that is allocated and freed in the order of a stream, and a pool of one's own.
#include "report.h"

__global__ void fill(int *data, int n, int value) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) data[i] = value + i;
}

int main() {
    Report report;
    const int n = 100000;
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    int *data;
    CHECK(cudaMallocAsync(&data, n * sizeof(int), stream));
    fill<<<(n + 255) / 256, 256, 0, stream>>>(data, n, 5);
    CHECK(cudaStreamSynchronize(stream));
    report.digest("filled", download(data, n));
    CHECK(cudaFreeAsync(data, stream));

    cudaMemPoolProps properties = {};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location = {cudaMemLocationTypeDevice, 0};
    cudaMemPool_t pool;
    CHECK(cudaMemPoolCreate(&pool, &properties));
    CHECK(cudaMallocFromPoolAsync(&data, n * sizeof(int), pool, stream));
    fill<<<(n + 255) / 256, 256, 0, stream>>>(data, n, 9);
    CHECK(cudaStreamSynchronize(stream));
    report.digest("filled from a pool of its own", download(data, n));
    CHECK(cudaFreeAsync(data, stream));
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaMemPoolDestroy(pool));
    return report.finish(steady([&] {
        CHECK(cudaMallocAsync(&data, n * sizeof(int), stream));
        CHECK(cudaFreeAsync(data, stream));
    }, 100));
}
