"""How CuPy programs begin: the import and a first kernel; when asked for more, kernels of all origins."""

import sys

import cupy as cp
import numpy as np

DOUBLE = r"""
extern "C" __global__ void twice(float* values, int count) {
  int index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index < count) values[index] *= 2;
}
"""


def first():
    return int((cp.arange(10) + 1)[3].get()) == 4


def more():
    count = 10_000
    x = cp.arange(count, dtype=cp.float32)
    y = cp.sqrt(x) + x
    cp.RawKernel(DOUBLE, "twice")((-(-count // 256),), (256,), (y, np.int32(count)))
    product = cp.ElementwiseKernel("float32 a, float32 b", "float32 c", "c = a * b", "product")(x, y)
    found = cp.asnumpy(cp.concatenate([cp.sort(-y)[:100], product]))
    reference = np.arange(count, dtype=np.float32)
    doubled = 2 * (np.sqrt(reference) + reference)
    return np.allclose(found, np.concatenate([np.sort(-doubled)[:100], reference * doubled]))


def main():
    right = first() and ("more" not in sys.argv or more())
    print("passed" if right else "failed")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
