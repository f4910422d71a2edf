"""Kernels by numba: shared memory, device functions, two dimensions, 64-bit types, constants, mathematics."""

import math
import sys
import warnings

import numpy as np
from numba import cuda, float32, float64, int64

warnings.filterwarnings("ignore", module="numba")

failures = 0
TABLE = np.array([3, 1, 4, 1, 5, 9, 2, 6], dtype=np.int64)
TILE = 8


def expect(what, got, want, tolerance=0.0):
    global failures
    same = np.allclose(np.asarray(got), np.asarray(want), rtol=tolerance, atol=tolerance)
    print(f"{what}: {'ok' if same else 'WRONG'}")
    failures += not same


@cuda.jit
def add(a, b, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a[i] + b[i]


@cuda.jit(device=True)
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


@cuda.jit
def collatz_all(out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = collatz(i + 1)


@cuda.jit
def block_sums(values, out):
    line = cuda.shared.array(128, dtype=float64)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    line[t] = values[i] if i < values.size else 0.0
    cuda.syncthreads()
    step = cuda.blockDim.x // 2
    while step > 0:
        if t < step:
            line[t] += line[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        out[cuda.blockIdx.x] = line[0]


@cuda.jit
def matrix_product(a, b, c):
    a_tile = cuda.shared.array((TILE, TILE), dtype=float32)
    b_tile = cuda.shared.array((TILE, TILE), dtype=float32)
    x, y = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for t in range((a.shape[1] + TILE - 1) // TILE):
        a_tile[tx, ty] = a[x, ty + t * TILE] if x < a.shape[0] and ty + t * TILE < a.shape[1] else 0
        b_tile[tx, ty] = b[tx + t * TILE, y] if y < b.shape[1] and tx + t * TILE < b.shape[0] else 0
        cuda.syncthreads()
        for k in range(TILE):
            total += a_tile[tx, k] * b_tile[k, ty]
        cuda.syncthreads()
    if x < c.shape[0] and y < c.shape[1]:
        c[x, y] = total


@cuda.jit
def mathematics(values, out):
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        v = values[i]
        out[i] = math.sin(v) + math.exp(-v * v) + math.sqrt(abs(v)) + math.atan2(v, 2.0) + v ** 3


@cuda.jit
def integers(values, out):
    table = cuda.const.array_like(TABLE)
    i = cuda.grid(1)
    if i < values.size:
        v = values[i]
        out[i] = (v * int64(6364136223846793005) >> 7) ^ table[i % 8] ^ (v // 10 + v % 10)


@cuda.jit
def own_array(out):
    mine = cuda.local.array(10, dtype=int64)
    i = cuda.grid(1)
    for k in range(10):
        mine[k] = i * k
    for k in range(10):
        out[i] += mine[(k + i) % 10] * k


@cuda.jit
def mandelbrot(out, limit):
    x, y = cuda.grid(2)
    if x < out.shape[0] and y < out.shape[1]:
        c = complex(-2 + 3 * x / out.shape[0], -1.5 + 3 * y / out.shape[1])
        z = 0j
        steps = 0
        while steps < limit and z.real * z.real + z.imag * z.imag < 4:
            z = z * z + c
            steps += 1
        out[x, y] = steps


def mandelbrot_reference(shape, limit):
    out = np.zeros(shape, dtype=np.int32)
    for x in range(shape[0]):
        for y in range(shape[1]):
            c, z, steps = complex(-2 + 3 * x / shape[0], -1.5 + 3 * y / shape[1]), 0j, 0
            while steps < limit and z.real * z.real + z.imag * z.imag < 4:
                z, steps = z * z + c, steps + 1
            out[x, y] = steps
    return out


def main():
    random = np.random.default_rng(3)
    n = 5000
    a, b = random.standard_normal(n), random.standard_normal(n)
    out = np.zeros(n)
    add[40, 128](a, b, out)
    expect("addition, arrays of the host", out, a + b)
    da, db, dout = cuda.to_device(a), cuda.to_device(b), cuda.device_array(n)
    add[40, 128](da, db, dout)
    expect("addition, arrays of the device", dout.copy_to_host(), a + b)

    steps = cuda.device_array(1000, dtype=np.int64)
    collatz_all[8, 128](steps)
    expect("device function", steps.copy_to_host(), [collatz.py_func(i + 1) for i in range(1000)])

    sums = cuda.device_array(40)
    block_sums[40, 128](da, sums)
    padded = np.zeros(40 * 128)
    padded[:n] = a
    expect("shared memory", sums.copy_to_host(), padded.reshape(40, 128).sum(axis=1), 1e-12)

    left = random.standard_normal((30, 21)).astype(np.float32)
    right = random.standard_normal((21, 26)).astype(np.float32)
    product = np.zeros((30, 26), dtype=np.float32)
    matrix_product[(4, 4), (TILE, TILE)](left, right, product)
    expect("tiled product of matrices", product, left @ right, 1e-4)

    mathematics[4, 64](da, dout)
    want = np.sin(a) + np.exp(-a * a) + np.sqrt(np.abs(a)) + np.arctan2(a, 2) + a**3
    expect("mathematics", dout.copy_to_host(), want, 1e-12)

    wide = random.integers(0, 2**40, 1000)
    mixed = cuda.device_array(1000, dtype=np.int64)
    integers[8, 128](cuda.to_device(wide), mixed)
    with np.errstate(over="ignore"):
        want = (wide * np.int64(6364136223846793005) >> 7) ^ np.tile(TABLE, 125) ^ (wide // 10 + wide % 10)
    same = np.array_equal(mixed.copy_to_host(), want)
    expect("64-bit integers and constants", same, True)

    local = cuda.to_device(np.zeros(64, dtype=np.int64))
    own_array[2, 32](local)
    want = [sum(i * ((k + i) % 10) * k for k in range(10)) for i in range(64)]
    expect("local arrays", local.copy_to_host(), want)

    picture = cuda.to_device(np.zeros((24, 20), dtype=np.int32))
    mandelbrot[(3, 3), (8, 8)](picture, 50)
    expect("complex numbers in two dimensions", picture.copy_to_host(), mandelbrot_reference((24, 20), 50))
    print("passed" if failures == 0 else "failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
