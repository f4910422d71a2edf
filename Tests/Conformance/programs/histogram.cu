// Histogram of bytes: one of each block in shared memory, added up by atomics.
#include "check.h"

__global__ void histogram(const unsigned char *in, int n, unsigned *bins) {
    __shared__ unsigned mine[256];
    for (int b = threadIdx.x; b < 256; b += blockDim.x) mine[b] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(&mine[in[i]], 1);
    __syncthreads();
    for (int b = threadIdx.x; b < 256; b += blockDim.x)
        if (mine[b]) atomicAdd(&bins[b], mine[b]);
}

int main() {
    const int n = 100003;
    Random random(5);
    std::vector<unsigned char> in(n);
    std::vector<unsigned> reference(256, 0);
    for (unsigned char &v : in) {
        v = static_cast<unsigned char>(random.below(16) * random.below(16));
        reference[v]++;
    }
    Device<unsigned char> din(in);
    Device<unsigned> bins(256);
    CHECK(cudaMemset(bins, 0, 256 * sizeof(unsigned)));
    histogram<<<16, 96>>>(din, n, bins);
    CHECK(cudaGetLastError());
    std::vector<unsigned> result = bins.download();
    expect(result == reference, "256 bins");
    unsigned long long total = 0;
    for (unsigned count : result) total += count;
    printf("counted %llu, zeros %u\n", total, result[0]);
    return finish();
}
