"""Taichi: fields, reductions, sparse fields, arrays of NumPy."""

import numpy as np
import taichi as ti

ti.init(arch=ti.cuda, log_level=ti.ERROR, device_memory_GB=1)
x = ti.field(ti.f32, shape=1024)
sparse = ti.field(ti.i32)
blocks = ti.root.pointer(ti.i, 64)
blocks.dense(ti.i, 16).place(sparse)


@ti.kernel
def fill(a: ti.f32):
    for i in x:
        x[i] = ti.sin(i * a) + i


@ti.kernel
def total() -> ti.f32:
    result = 0.0
    for i in x:
        result += x[i]
    return result


@ti.kernel
def touch():
    for i in range(1024):
        if i % 100 == 0:
            sparse[i] = i


@ti.kernel
def visited() -> ti.i32:
    result = 0
    for _ in sparse:
        result += 1
    return result


@ti.kernel
def double(a: ti.types.ndarray()):
    for i in range(a.shape[0]):
        a[i] = a[i] * 2


fill(0.5)
print(ti.cfg.arch, round(total(), 1), x.to_numpy()[:4].tolist())
touch()
print("visited", visited())
array = np.arange(10, dtype=np.float32)
double(array)
print(array.tolist())
