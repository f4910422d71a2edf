"""Kernels of one's own in CuPy: RawKernel, RawModule, ElementwiseKernel, ReductionKernel, streams."""

from __future__ import annotations

import cupy as cp
import numpy as np
from cupy_setup import data, normal, wait
from report import Report, steady

SOURCE = r"""
template <typename T> __global__ void turn(const T *in, T *out, int n) {
    __shared__ T part[128];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    part[threadIdx.x] = i < n ? in[i] : T(0);
    __syncthreads();
    if (i < n) out[i] = part[blockDim.x - 1 - threadIdx.x] * T(2);
}
"""
SQUARE = r"""extern "C" __global__ void square(const float *in, float *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = in[i] * in[i];
}"""


def main() -> None:
    report = Report()
    n = 128 * 500
    host = normal(n)
    a, out = cp.asarray(host), cp.empty(n, dtype=cp.float32)
    square = cp.RawKernel(SQUARE, "square")
    square((n // 128,), (128,), (a, out, np.int32(n)))
    report.exact("RawKernel is right", bool(np.array_equal(cp.asnumpy(out), host * host)))
    module = cp.RawModule(code=SOURCE, options=("-std=c++14",), name_expressions=["turn<float>", "turn<int>"])
    module.get_function("turn<float>")((n // 128,), (128,), (a, out, np.int32(n)))
    report.exact("RawModule is right", bool(np.array_equal(
        cp.asnumpy(out), host.reshape(-1, 128)[:, ::-1].ravel() * 2)))
    blend = cp.ElementwiseKernel("T x, T y, float32 k", "T z", "z = x * k + fabsf(y)", "blend")
    report.digest("ElementwiseKernel", *data(blend(a, a[::-1], 2.0)))
    length = cp.ReductionKernel("T x", "T y", "x * x", "a + b", "y = sqrt(a)", "0", "length")
    report.digest("ReductionKernel", *data(length(a), length(a.reshape(500, 128), axis=1)))
    stream = cp.cuda.Stream(non_blocking=True)
    with stream:
        beside = cp.asarray(host) * 3
        end = stream.record()
    end.synchronize()
    report.digest("in a stream", *data(beside))
    report.finish(steady(lambda: square((n // 128,), (128,), (a, out, np.int32(n))), wait, repeats=100))


if __name__ == "__main__":
    main()
