// Compiled without PTX, for one generation of GPUs: a device that cannot run it says so, by the same
// error as a GPU of another generation, and everything but its kernels works.
#include "check.h"

__global__ void kernel(int *out) { *out = 1; }

int main() {
    Device<int> out(std::vector<int>{5});
    kernel<<<1, 1>>>(out);
    SHOW(cudaGetLastError());
    SHOW(cudaDeviceSynchronize());
    cudaFuncAttributes attributes;
    expect(cudaFuncGetAttributes(&attributes, kernel) != cudaSuccess, "it has no attributes");
    cudaGetLastError();
    expect(out.download()[0] == 5, "memory works");
    return finish();
}
