"""CuPy products of matrices, by cuBLAS."""

from __future__ import annotations

import cupy as cp
import numpy as np
from cupy_setup import data, normal, wait
from report import Report, steady


def main() -> None:
    report = Report()
    host = normal(1024, 1024)
    a = cp.asarray(host)
    product = a @ a
    report.exact("right", bool(np.allclose(cp.asnumpy(product), host @ host, rtol=1e-3, atol=1e-2)))
    report.digest("fp32", *data(product))
    report.digest("fp64", *data(a.astype(cp.float64) @ a.astype(cp.float64)))
    report.digest("fp16", *data(a.astype(cp.float16) @ a.astype(cp.float16)))
    report.digest("in batches", *data(cp.matmul(a.reshape(16, 64, 1024), a.reshape(16, 1024, 64))))
    report.digest("vector", *data(a @ a[0], cp.dot(a[0], a[1])))
    report.digest("einsum", *data(cp.einsum("ij,kj->ik", a, a)))
    report.finish(steady(lambda: a @ a, wait, repeats=20))


if __name__ == "__main__":
    main()
