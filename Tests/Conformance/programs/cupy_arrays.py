"""CuPy arrays against NumPy: making them, elementwise work, broadcasting, indexing and reductions."""

import sys

import cupy as cp
import numpy as np

failures = 0


def expect(what, got, want, tolerance=0.0):
    global failures
    got = cp.asnumpy(got) if isinstance(got, cp.ndarray) else np.asarray(got)
    want = np.asarray(want)
    same = got.shape == want.shape and got.dtype == want.dtype and (
        np.array_equal(got, want) if tolerance == 0
        else np.allclose(got, want, rtol=tolerance, atol=tolerance))
    print(f"{what}: {'ok' if same else 'WRONG'}")
    failures += not same


def main():
    random = np.random.default_rng(1)
    floats = random.standard_normal(5000).astype(np.float32)
    doubles = random.standard_normal((40, 50))
    integers = random.integers(-1000, 1000, 3000)

    expect("arange", cp.arange(1000), np.arange(1000))
    expect("arange of float", cp.arange(0, 10, 0.25, dtype=cp.float32),
           np.arange(0, 10, 0.25, dtype=np.float32))
    expect("zeros, ones, full", cp.zeros(7) + cp.ones(7) + cp.full(7, 3), np.full(7, 4.0))
    expect("linspace", cp.linspace(0, 1, 11), np.linspace(0, 1, 11), 1e-15)

    f, d, i = cp.asarray(floats), cp.asarray(doubles), cp.asarray(integers)
    expect("float arithmetic", f * 2 + 1, floats * np.float32(2) + np.float32(1), 1e-6)
    expect("double arithmetic", d * d - d / 3, doubles * doubles - doubles / 3, 1e-14)
    expect("integer arithmetic", (i * 7 + 3) // 5 % 11, (integers * 7 + 3) // 5 % 11)
    expect("comparison", (i > 0) & (i < 500), (integers > 0) & (integers < 500))
    expect("mathematics", cp.sin(d) + cp.exp(-d * d) + cp.sqrt(cp.abs(d)),
           np.sin(doubles) + np.exp(-doubles * doubles) + np.sqrt(np.abs(doubles)), 1e-13)
    expect("where", cp.where(i > 0, i, -i), np.where(integers > 0, integers, -integers))
    expect("conversion", f.astype(cp.int32), floats.astype(np.int32))
    expect("in place", add_in_place(d), doubles + 1.5, 0)

    row, column = doubles[0], doubles[:, :1]
    expect("broadcasting a row", d + cp.asarray(row), doubles + row)
    expect("broadcasting a column", d * cp.asarray(column), doubles * column)
    expect("outer product", cp.arange(9)[:, None] * cp.arange(7)[None, :],
           np.arange(9)[:, None] * np.arange(7)[None, :])

    expect("slices", d[3:30:4, ::-2], doubles[3:30:4, ::-2])
    expect("transposed", cp.ascontiguousarray(d.T), np.ascontiguousarray(doubles.T))
    expect("index array", i[cp.asarray([5, 2, 2999, 0])], integers[[5, 2, 2999, 0]])
    expect("mask", i[i % 3 == 0], integers[integers % 3 == 0])
    expect("concatenation", cp.concatenate([d, d[:5]]), np.concatenate([doubles, doubles[:5]]))
    expect("reshape", d.reshape(100, 20) + 0, doubles.reshape(100, 20))

    expect("sum of integers", i.sum(), integers.sum())
    expect("sum of float", f.sum(), floats.sum(), 1e-4)
    expect("sum of many", cp.ones(20000, dtype=cp.float32).sum(), np.float32(20000))
    expect("sum along axis 0", d.sum(axis=0), doubles.sum(axis=0), 1e-12)
    expect("sum along axis 1", d.sum(axis=1), doubles.sum(axis=1), 1e-12)
    expect("mean, variance", cp.stack([d.mean(), d.var()]), [doubles.mean(), doubles.var()], 1e-12)
    expect("minimum, maximum", cp.stack([i.min(), i.max()]), [integers.min(), integers.max()])
    expect("argmin, argmax", cp.stack([f.argmin(), f.argmax()]), [floats.argmin(), floats.argmax()])
    expect("any, all", cp.stack([(i > 998).any(), (i > -2000).all()]), [(integers > 998).any(), True])
    expect("cumulative sum", cp.cumsum(i), np.cumsum(integers))
    expect("product along an axis", cp.prod(d[:6], axis=0), np.prod(doubles[:6], axis=0), 1e-13)

    print("passed" if failures == 0 else "failed")
    return 1 if failures else 0


def add_in_place(array):
    copy = array.copy()
    copy += 1.5
    return copy


if __name__ == "__main__":
    sys.exit(main())
