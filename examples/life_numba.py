"""Conway's game of life with shared memory and atomics: an ordinary numba script.

    ferry run -n 1 -- python life_numba.py
"""

import sys
import warnings

import numpy as np
from numba import cuda, int32

warnings.filterwarnings("ignore", module="numba")

SIZE, TILE, GENERATIONS = 96, 16, 60
PADDED = TILE + 2


@cuda.jit
def generation(old, new, alive):
    tile = cuda.shared.array((PADDED, PADDED), dtype=int32)
    x, y = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    for i in range(tx, PADDED, TILE):
        for j in range(ty, PADDED, TILE):
            row = (x - tx + i - 1 + SIZE) % SIZE
            column = (y - ty + j - 1 + SIZE) % SIZE
            tile[i, j] = old[row, column]
    cuda.syncthreads()
    around = -tile[tx + 1, ty + 1]
    for i in range(3):
        for j in range(3):
            around += tile[tx + i, ty + j]
    lives = 1 if around == 3 or (around == 2 and tile[tx + 1, ty + 1] == 1) else 0
    new[x, y] = lives
    cuda.atomic.add(alive, 0, lives)


def on_cpu(cells):
    for _ in range(GENERATIONS):
        around = sum(np.roll(cells, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) - cells
        cells = ((around == 3) | ((around == 2) & (cells == 1))).astype(np.int32)
    return cells


def main():
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else device.name
    print(f"GPU: {name}, {cuda.current_context().get_memory_info().total >> 20} MiB")
    cells = (np.random.default_rng(6).random((SIZE, SIZE)) < 0.3).astype(np.int32)
    old, new = cuda.to_device(cells), cuda.device_array_like(cells)
    alive = cuda.to_device(np.zeros(1, dtype=np.int32))
    for _ in range(GENERATIONS):
        alive.copy_to_device(np.zeros(1, dtype=np.int32))
        generation[(SIZE // TILE, SIZE // TILE), (TILE, TILE)](old, new, alive)
        old, new = new, old
    result, count = old.copy_to_host(), int(alive.copy_to_host()[0])
    print(f"{count} of {SIZE * SIZE} cells live after {GENERATIONS} generations")
    equal = np.array_equal(result, on_cpu(cells)) and count == int(result.sum())
    print("equals the CPU's result" if equal else "DIFFERS from the CPU's result")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
