"""Kernels of one's own in CuPy: RawKernel, RawModule, ElementwiseKernel, ReductionKernel, fuse."""

import sys

import cupy as cp
import numpy as np

SOURCE = r"""
extern "C" {
__constant__ float weights[4];

__global__ void weigh(const float* in, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = in[i] * weights[i % 4];
}

__global__ void reverse_blocks(const int* in, int* out) {
    extern __shared__ int line[];
    line[threadIdx.x] = in[blockIdx.x * blockDim.x + threadIdx.x];
    __syncthreads();
    out[blockIdx.x * blockDim.x + threadIdx.x] = line[blockDim.x - 1 - threadIdx.x];
}
}

template <typename T> __global__ void scale(T* data, T factor, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) data[i] *= factor;
}
"""

failures = 0


def expect(what, got, want, tolerance=0.0):
    global failures
    got, want = cp.asnumpy(got), np.asarray(want)
    same = np.allclose(got, want, rtol=tolerance, atol=tolerance)
    print(f"{what}: {'ok' if same else 'WRONG'}")
    failures += not same


def main():
    n = 1000
    values = np.linspace(-3, 3, n, dtype=np.float32)
    device = cp.asarray(values)

    square = cp.RawKernel(
        r'extern "C" __global__ void square(const float* x, float* y, int n) {'
        r"  int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) y[i] = x[i] * x[i]; }",
        "square")
    out = cp.empty_like(device)
    square((8,), (128,), (device, out, np.int32(n)))
    expect("RawKernel", out, values * values)
    print("its threads at most:", square.max_threads_per_block)

    module = cp.RawModule(code=SOURCE, options=("-std=c++14",),
                          name_expressions=["scale<double>", "scale<int>"])
    weights = np.array([1, -2, 0.5, 4], dtype=np.float32)
    pointer = module.get_global("weights")
    cp.ndarray(4, cp.float32, pointer).set(weights)
    module.get_function("weigh")((8,), (128,), (device, out, np.int32(n)))
    expect("RawModule with a constant", out, values * np.tile(weights, n // 4))

    integers = cp.arange(512, dtype=cp.int32)
    reversed_blocks = cp.empty_like(integers)
    module.get_function("reverse_blocks")((4,), (128,), (integers, reversed_blocks), shared_mem=512)
    expect("dynamic shared memory", reversed_blocks, np.arange(512).reshape(4, 128)[:, ::-1].ravel())

    doubles = cp.arange(100, dtype=cp.float64)
    module.get_function("scale<double>")((1,), (128,), (doubles, np.float64(1.5), np.int32(100)))
    module.get_function("scale<int>")((4,), (128,), (integers, np.int32(-3), np.int32(512)))
    expect("templates", cp.concatenate([doubles, integers.astype(cp.float64)]),
           np.concatenate([np.arange(100) * 1.5, np.arange(512) * -3.0]))

    combine = cp.ElementwiseKernel("T x, T y, float64 k", "T z", "z = x * k + (y > 0 ? y : -y)", "combine")
    expect("ElementwiseKernel", combine(device, device[::-1], 2.0), values * 2 + np.abs(values[::-1]), 1e-6)
    running = cp.ElementwiseKernel("raw T x, int32 step", "T y", "y = x[(i + step) % _ind.size()]", "rolled")
    expect("raw arguments", running(device, 10, cp.empty_like(device)), np.roll(values, -10))

    norm = cp.ReductionKernel("T x", "T y", "x * x", "a + b", "y = sqrt(a)", "0", "euclidean")
    expect("ReductionKernel", norm(device), np.sqrt(np.sum(values * values)), 1e-5)
    expect("along an axis", norm(device.reshape(50, 20), axis=1),
           np.sqrt(np.sum(values.reshape(50, 20) ** 2, axis=1)), 1e-5)

    @cp.fuse()
    def fused(x, y):
        return cp.sqrt(x * x + y * y)

    expect("fuse", fused(device, device[::-1]), np.sqrt(values**2 + values[::-1] ** 2), 1e-6)

    try:
        cp.RawKernel('extern "C" __global__ void broken() { nonsense }', "broken")((1,), (1,), ())
    except cp.cuda.compiler.CompileException as error:
        print("broken source:", type(error).__name__)
    try:
        square((1,), (2048,), (device, out, np.int32(n)))
        cp.cuda.Stream.null.synchronize()
    except cp.cuda.driver.CUDADriverError as error:
        print("2048 threads:", str(error).split(":")[0])
    expect("afterwards", device + 1, values + 1)
    print("passed" if failures == 0 else "failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
