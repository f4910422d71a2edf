"""CuPy Fourier transforms, by cuFFT."""

from __future__ import annotations

import cupy as cp
import numpy as np
from cupy_setup import data, normal, wait
from report import Report, steady


def main() -> None:
    report = Report()
    host = normal(256, 1024)
    a = cp.asarray(host)
    spectrum = cp.fft.fft(a)
    report.exact("right", bool(np.allclose(cp.asnumpy(spectrum), np.fft.fft(host), rtol=1e-3, atol=1e-2)))
    report.exact("there and back", bool(cp.allclose(cp.fft.ifft(spectrum).real, a, atol=1e-4)))
    report.digest("one dimension", *data(spectrum))
    report.digest("two dimensions", *data(cp.fft.fft2(a)))
    report.digest("real", *data(cp.fft.rfft(a), cp.fft.irfft(cp.fft.rfft(a))))
    report.digest("a prime length", *data(cp.fft.fft(a[:, :1009])))
    report.digest("double", *data(cp.fft.fft(a.astype(cp.float64))))
    report.finish(steady(lambda: cp.fft.fft(a), wait, repeats=20))


if __name__ == "__main__":
    main()
