"""Atomic operations, reductions, ufuncs and warp operations by numba."""

import sys
import warnings

import numpy as np
from numba import cuda, float64, int32, vectorize

warnings.filterwarnings("ignore", module="numba")

failures = 0


def expect(what, holds):
    global failures
    print(f"{what}: {'ok' if holds else 'WRONG'}")
    failures += not holds


@cuda.jit
def histogram(values, bins):
    mine = cuda.shared.array(16, dtype=int32)
    if cuda.threadIdx.x < 16:
        mine[cuda.threadIdx.x] = 0
    cuda.syncthreads()
    i = cuda.grid(1)
    if i < values.size:
        cuda.atomic.add(mine, values[i], 1)
    cuda.syncthreads()
    if cuda.threadIdx.x < 16:
        cuda.atomic.add(bins, cuda.threadIdx.x, mine[cuda.threadIdx.x])


@cuda.jit
def extremes(values, out, total):
    i = cuda.grid(1)
    if i < values.size:
        cuda.atomic.max(out, 0, values[i])
        cuda.atomic.min(out, 1, values[i])
        cuda.atomic.add(total, 0, values[i])


@cuda.jit
def first_come(flags, winners):
    i = cuda.grid(1)
    if cuda.atomic.cas(flags, i % 32, 0, i + 1) == 0:
        cuda.atomic.add(winners, 0, 1)


@cuda.jit
def warp_sum(values, out):
    value = values[cuda.threadIdx.x]
    offset = 16
    while offset > 0:
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, offset)
        offset //= 2
    if cuda.threadIdx.x == 0:
        out[0] = value
        out[1] = 0
    ballot = cuda.ballot_sync(0xFFFFFFFF, values[cuda.threadIdx.x] % 2 == 1)
    if cuda.threadIdx.x == 0:
        out[1] = cuda.popc(ballot)


@cuda.reduce
def total_of(a, b):
    return a + b


@vectorize([float64(float64, float64)], target="cuda")
def hypotenuse(x, y):
    return (x * x + y * y) ** 0.5


def main():
    random = np.random.default_rng(4)
    values = random.integers(0, 16, 5000).astype(np.int32)
    bins = cuda.to_device(np.zeros(16, dtype=np.int32))
    histogram[40, 128](cuda.to_device(values), bins)
    expect("histogram", np.array_equal(bins.copy_to_host(), np.bincount(values, minlength=16)))

    # Multiples of 1/16, so that the sum is exact in any order.
    doubles = random.integers(-8000, 8000, 3000) / 16
    out = cuda.to_device(np.array([-1e300, 1e300]))
    total = cuda.to_device(np.zeros(1))
    extremes[24, 128](cuda.to_device(doubles), out, total)
    most, least = out.copy_to_host()
    expect("maximum, minimum of double", most == doubles.max() and least == doubles.min())
    expect("sum of double", total.copy_to_host()[0] == doubles.sum())

    flags = cuda.to_device(np.zeros(32, dtype=np.int32))
    winners = cuda.to_device(np.zeros(1, dtype=np.int32))
    first_come[4, 64](flags, winners)
    taken = flags.copy_to_host()
    expect("compare and swap", winners.copy_to_host()[0] == 32
           and all((taken[k] - 1) % 32 == k for k in range(32)))

    numbers = random.integers(0, 1000, 32).astype(np.int32)
    sums = cuda.to_device(np.zeros(2, dtype=np.int32))
    warp_sum[1, 32](cuda.to_device(numbers), sums)
    got = sums.copy_to_host()
    expect("shuffles and votes", got[0] == numbers.sum() and got[1] == (numbers % 2).sum())

    longs = random.integers(-1000, 1000, 2500)
    expect("reduce", total_of(longs) == longs.sum())
    x, y = random.standard_normal(1000), random.standard_normal(1000)
    expect("vectorize", np.allclose(hypotenuse(x, y), np.hypot(x, y), rtol=1e-12))
    print("passed" if failures == 0 else "failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
