// Compiled with -rdc=true and linked with separate_part.cu: device functions, variables and kernels of
// another translation unit.
#include "check.h"

extern __device__ int scaled(int x);
extern __device__ int calls;
extern __constant__ int scale;
__global__ void other_kernel(int *out);
void set_scale(int value);

__global__ void use(int *out) {
    out[threadIdx.x] = scaled(threadIdx.x) + scale;
    atomicAdd(&calls, 1);
}

int main() {
    Device<int> out(64);
    set_scale(5);
    use<<<1, 64>>>(out);
    CHECK(cudaGetLastError());
    std::vector<int> got = out.download();
    bool equal = true;
    for (int i = 0; i < 64; i++) equal = equal && got[i] == 5 * i + 5;
    expect(equal, "function and constant of another unit");
    int count = 0;
    CHECK(cudaMemcpyFromSymbol(&count, calls, sizeof count));
    expect(count == 64, "variable of another unit");
    other_kernel<<<1, 64>>>(out);
    CHECK(cudaGetLastError());
    got = out.download();
    expect(got[63] == 63 - 64, "kernel of another unit");
    return finish();
}
