// One-dimensional stencil: weights in constant memory, halo in shared memory; variables of the device
// by cudaMemcpyToSymbol, cudaMemcpyFromSymbol, cudaGetSymbolAddress and cudaGetSymbolSize.
#include "check.h"

constexpr int radius = 4, block = 128;

__constant__ float weights[2 * radius + 1];
__constant__ int shift = 3;
__device__ unsigned touched;
__device__ double table[8] = {1, 2, 3, 4, 5, 6, 7, 8};

__global__ void stencil(const float *in, float *out, int n) {
    __shared__ float line[block + 2 * radius];
    int i = blockIdx.x * block + threadIdx.x, s = threadIdx.x + radius;
    line[s] = i < n ? in[i] : 0;
    if (threadIdx.x < radius) {
        line[s - radius] = i >= radius ? in[i - radius] : 0;
        line[s + block] = i + block < n ? in[i + block] : 0;
    }
    __syncthreads();
    if (i >= n) return;
    float sum = 0;
    for (int r = -radius; r <= radius; r++) sum = fmaf(weights[r + radius], line[s + r], sum);
    out[i] = sum;
    atomicAdd(&touched, 1);
}

__global__ void use_table(double *out) { out[threadIdx.x] = table[threadIdx.x] * shift; }

int main() {
    const int n = 10007;
    float w[2 * radius + 1];
    Random random(2);
    for (int r = 0; r <= 2 * radius; r++) w[r] = random.unit();
    std::vector<float> in(n);
    for (float &v : in) v = random.unit();
    CHECK(cudaMemcpyToSymbol(weights, w, sizeof w));
    Device<float> din(in), dout(n);
    stencil<<<blocks(n, block), block>>>(din, dout, n);
    CHECK(cudaGetLastError());
    std::vector<float> out = dout.download();
    bool equal = true;
    for (int i = 0; i < n; i++) {
        float sum = 0;
        for (int r = -radius; r <= radius; r++) {
            float x = i + r >= 0 && i + r < n ? in[i + r] : 0;
            sum = fmaf(w[r + radius], x, sum);
        }
        equal = equal && sum == out[i];
    }
    expect(equal, "stencil of 9 points");

    unsigned count = 0;
    CHECK(cudaMemcpyFromSymbol(&count, touched, sizeof count));
    expect(count == n, "counter in a variable of the device");

    // One weight replaced, by its offset.
    float middle = 100;
    CHECK(cudaMemcpyToSymbol(weights, &middle, sizeof middle, radius * sizeof(float)));
    float back[2 * radius + 1];
    CHECK(cudaMemcpyFromSymbol(back, weights, sizeof back));
    expect(back[radius] == 100 && back[0] == w[0] && back[2 * radius] == w[2 * radius], "replaced weight");

    double *address = nullptr;
    size_t size = 0;
    CHECK(cudaGetSymbolAddress(reinterpret_cast<void **>(&address), table));
    CHECK(cudaGetSymbolSize(&size, table));
    double nine = 9;
    CHECK(cudaMemcpy(address + 7, &nine, sizeof nine, cudaMemcpyHostToDevice));
    Device<double> products(8);
    use_table<<<1, 8>>>(products);
    std::vector<double> p = products.download();
    expect(size == 64 && p[0] == 3 && p[6] == 21 && p[7] == 27, "table with initial values");
    return finish();
}
