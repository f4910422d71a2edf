// Launches that cannot be: what each answers, that the error is gone once it was asked for, and that
// the program goes on.
#include "check.h"

__global__ void count(int *out) { atomicAdd(out, 1); }

__global__ void __launch_bounds__(128) bounded(int *out) { atomicAdd(out, 1); }

extern __shared__ int dynamic[];
__global__ void with_shared(int *out, int n) {
    for (int i = threadIdx.x; i < n; i += blockDim.x) dynamic[i] = i;
    __syncthreads();
    if (threadIdx.x == 0) *out = dynamic[n - 1];
}

void attempt(const char *what, dim3 grid, dim3 block, size_t shared, int *out) {
    count<<<grid, block, shared>>>(out);
    cudaError_t peeked = cudaPeekAtLastError(), got = cudaGetLastError(), after = cudaGetLastError();
    // The runtime of CUDA 12 says that the configuration is invalid; that of CUDA 13 passes on what
    // the driver says.
    bool refused = got == cudaErrorInvalidConfiguration || got == cudaErrorInvalidValue;
    printf("%s: %s, then %s\n", what, refused && peeked == got ? "refused" : cudaGetErrorName(got),
           cudaGetErrorName(after));
}

int main() {
    Device<int> out(std::vector<int>{0});
    attempt("1025 threads", 1, 1025, 0, out);
    attempt("no thread", 1, 0, 0, out);
    attempt("no block", 0, 32, 0, out);
    attempt("32 x 33 threads", 1, dim3(32, 33), 0, out);
    attempt("65 layers of threads", 1, dim3(1, 1, 65), 0, out);
    attempt("65536 rows of blocks", dim3(1, 65536), 1, 0, out);
    attempt("65536 layers of blocks", dim3(1, 1, 65536), 1, 0, out);
    attempt("100 MiB of shared memory", 1, 32, 100 << 20, out);
    expect(out.download()[0] == 0, "none of these ran");
    attempt("a good launch", 2, 32, 0, out);
    expect(out.download()[0] == 64, "it ran");

    bounded<<<1, 256>>>(out);
    // Which error it is differs between releases of the driver.
    expect(cudaGetLastError() != cudaSuccess, "256 threads where 128 are the bound are refused");

    // More than 48 KiB of dynamic shared memory has to be asked for.
    const int n = 15000;
    with_shared<<<1, 64, n * sizeof(int)>>>(out, n);
    printf("60000 bytes, not asked for: %s\n", cudaGetErrorName(cudaGetLastError()));
    SHOW(cudaFuncSetAttribute(with_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 10 << 20));
    cudaGetLastError();
    SHOW(cudaFuncSetAttribute(with_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, n * sizeof(int)));
    with_shared<<<1, 64, n * sizeof(int)>>>(out, n);
    printf("60000 bytes, asked for: %s\n", cudaGetErrorName(cudaGetLastError()));
    expect(out.download()[0] == n - 1, "it ran");
    return finish();
}
