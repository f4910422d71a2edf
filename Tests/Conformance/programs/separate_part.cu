// The other half of separate_main.cu.
#include <cuda_runtime.h>

__device__ int calls;
__constant__ int scale = 1;

__device__ __noinline__ int scaled(int x) { return x * scale; }

__global__ void other_kernel(int *out) { out[threadIdx.x] = static_cast<int>(threadIdx.x) - calls; }

void set_scale(int value) { cudaMemcpyToSymbol(scale, &value, sizeof value); }
