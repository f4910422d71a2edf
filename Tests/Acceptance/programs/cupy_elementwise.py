"""CuPy elementwise work, broadcasting, indexing and reductions."""

from __future__ import annotations

import cupy as cp
import numpy as np
from cupy_setup import data, normal, wait
from report import Report, steady


@cp.fuse()
def length(x, y):
    return cp.sqrt(x * x + y * y)


def main() -> None:
    report = Report()
    host = normal(500, 400)
    a = cp.asarray(host)
    i = (a * 1000).astype(cp.int32)
    report.digest("arithmetic", *data(a * 2 + 1, a / 3, cp.exp(-a * a), cp.tanh(a), i // 7 % 5))
    report.exact("right", bool(np.allclose(cp.asnumpy(cp.sqrt(cp.abs(a))), np.sqrt(np.abs(host)))))
    report.digest("broadcasting", *data(a + a[0], a * a[:, :1], cp.where(a > 0, a, -a)))
    report.digest("indexing", *data(a[3:90:4, ::-2], i[i % 3 == 0], a.T[cp.asarray([5, 2, 0])]))
    report.digest("reductions", *data(a.sum(), a.sum(0), a.mean(1), a.var(), i.min(), i.argmax(), cp.cumsum(i)))
    report.digest("fused", *data(length(a, a[::-1])))
    report.finish(steady(lambda: cp.tanh(a * a + 0.5) * a, wait, repeats=20))


if __name__ == "__main__":
    main()
