// Exclusive prefix sum of any length: sums of blocks, their own prefix sum by recursion, added back.
#include "check.h"

constexpr int block = 256;

__global__ void scan_blocks(const int *in, int *out, int *sums, int n) {
    extern __shared__ int line[];
    int i = blockIdx.x * 2 * block + threadIdx.x, t = threadIdx.x;
    line[t] = i < n ? in[i] : 0;
    line[t + block] = i + block < n ? in[i + block] : 0;
    int distance = 1;
    for (int d = block; d > 0; d /= 2, distance *= 2) {
        __syncthreads();
        if (t < d) line[distance * (2 * t + 2) - 1] += line[distance * (2 * t + 1) - 1];
    }
    if (t == 0) {
        sums[blockIdx.x] = line[2 * block - 1];
        line[2 * block - 1] = 0;
    }
    for (int d = 1; d <= block; d *= 2) {
        distance /= 2;
        __syncthreads();
        if (t < d) {
            int a = distance * (2 * t + 1) - 1, b = distance * (2 * t + 2) - 1;
            int old = line[a];
            line[a] = line[b];
            line[b] += old;
        }
    }
    __syncthreads();
    if (i < n) out[i] = line[t];
    if (i + block < n) out[i + block] = line[t + block];
}

__global__ void add_sums(int *out, const int *sums, int n) {
    int i = blockIdx.x * 2 * block + threadIdx.x;
    if (i < n) out[i] += sums[blockIdx.x];
    if (i + block < n) out[i + block] += sums[blockIdx.x];
}

void scan(const int *in, int *out, int n) {
    int grid = blocks(n, 2 * block);
    Device<int> sums(grid), before(grid);
    scan_blocks<<<grid, block, 2 * block * sizeof(int)>>>(in, out, sums, n);
    CHECK(cudaGetLastError());
    if (grid > 1) {
        scan(sums, before, grid);
        add_sums<<<grid, block>>>(out, before, n);
        CHECK(cudaGetLastError());
    }
}

int main() {
    for (int n : {1, 511, 512, 513, 20000, 300001}) {
        Random random(n);
        std::vector<int> in(n), reference(n);
        int sum = 0;
        for (int i = 0; i < n; i++) {
            in[i] = random.below(100) - 30;
            reference[i] = sum;
            sum += in[i];
        }
        Device<int> din(in), dout(n);
        scan(din, dout, n);
        std::vector<int> out = dout.download();
        char what[80];
        snprintf(what, sizeof what, "%d elements, last %d", n, out[n - 1]);
        expect(out == reference, what);
    }
    return finish();
}
