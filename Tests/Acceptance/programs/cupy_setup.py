"""What the CuPy programs share: the same numbers on every run, and digests of arrays."""

from __future__ import annotations

import cupy as cp
import numpy as np


def normal(*shape: int, seed: int = 7) -> np.ndarray:
    """Random numbers of the processor: CuPy's own need a library that not all have."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def data(*arrays: cp.ndarray) -> list[bytes]:
    return [cp.asnumpy(array).tobytes() for array in arrays]


def wait() -> None:
    cp.cuda.Stream.null.synchronize()
