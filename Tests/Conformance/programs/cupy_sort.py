"""Sorting with CuPy, which brings its own compiled kernels, against NumPy."""

import sys

import cupy as cp
import numpy as np


def main():
    failures = 0
    random = np.random.default_rng(2)
    arrays = {
        "float": random.standard_normal(3000).astype(np.float32),
        "double": random.standard_normal(1500),
        "int": random.integers(-500, 500, 3000).astype(np.int32),
        "64-bit int": random.integers(-2**60, 2**60, 1000),
    }
    for name, array in arrays.items():
        on_device = cp.asarray(array)
        on_device.sort()
        right = np.array_equal(cp.asnumpy(on_device), np.sort(array))
        print(f"sort of {name}: {'ok' if right else 'WRONG'}")
        order = cp.asnumpy(cp.argsort(cp.asarray(array)))
        sorts = (np.array_equal(np.sort(order), np.arange(len(array)))
                 and np.array_equal(array[order], np.sort(array)))
        print(f"argsort of {name}: {'ok' if sorts else 'WRONG'}")
        failures += (not right) + (not sorts)
    table = random.integers(0, 100, (20, 30))
    rows = np.array_equal(cp.asnumpy(cp.sort(cp.asarray(table), axis=1)), np.sort(table, axis=1))
    print(f"rows of a table: {'ok' if rows else 'WRONG'}")
    unique = np.array_equal(cp.asnumpy(cp.unique(cp.asarray(table))), np.unique(table))
    print(f"unique: {'ok' if unique else 'WRONG'}")
    failures += (not rows) + (not unique)
    print("passed" if failures == 0 else "failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
