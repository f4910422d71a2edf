"""CuPy sorting: sort, argsort, partition, unique, along axes."""

from __future__ import annotations

import cupy as cp
import numpy as np
from cupy_setup import data, normal, wait
from report import Report, steady


def main() -> None:
    report = Report()
    host = normal(20_000)
    a = cp.asarray(host)
    i = (a * 100).astype(cp.int64)
    report.exact("right", bool(np.array_equal(cp.asnumpy(cp.sort(a)), np.sort(host))))
    report.digest("sort", *data(cp.sort(a), cp.sort(i), cp.sort(a.reshape(100, 200), axis=0)))
    report.digest("argsort", *data(cp.argsort(a)))
    report.digest("unique", *data(*cp.unique(i, return_counts=True)))
    report.digest("partition", *data(cp.partition(a, 50)[50]))
    report.digest("search", *data(cp.searchsorted(cp.sort(a), a[:100]), cp.bincount(i - i.min())))
    report.finish(steady(lambda: cp.sort(a), wait))


if __name__ == "__main__":
    main()
