"""Takes the trend out of a noisy signal and finds its strongest tones: an ordinary CuPy script.

    ferry run -n 1 -- python spectrum_cupy.py
"""

import sys

import cupy as cp
import numpy as np

SAMPLES, TONES = 2000, 40

demodulate = cp.ElementwiseKernel(
    "float64 value, float64 time, float64 frequency", "float64 real, float64 imaginary",
    "double phase = 6.283185307179586 * frequency * time;"
    "real = value * cos(phase); imaginary = -value * sin(phase)", "demodulate")


def powers(xp, split):
    """The power at each frequency; `xp` is CuPy or NumPy."""
    random = np.random.default_rng(8)
    times = np.arange(SAMPLES) / SAMPLES
    signal = sum(random.uniform(0.5, 3) * np.sin(2 * np.pi * f * times) for f in (5, 11, 23, 31))
    signal = signal + random.standard_normal(SAMPLES) * 0.5
    times, signal = xp.asarray(times), xp.asarray(signal)
    slope = (times * signal).sum() / (times * times).sum()
    signal = signal - slope * times
    frequencies = xp.arange(TONES, dtype=xp.float64)
    real, imaginary = split(signal[None, :], times[None, :], frequencies[:, None])
    return real.mean(axis=1) ** 2 + imaginary.mean(axis=1) ** 2


def split_on_cpu(values, times, frequencies):
    phase = 2 * np.pi * frequencies * times
    return values * np.cos(phase), -values * np.sin(phase)


def main():
    properties = cp.cuda.runtime.getDeviceProperties(0)
    print(f"GPU: {properties['name'].decode()}, {properties['totalGlobalMem'] >> 20} MiB")
    on_gpu = powers(cp, demodulate)
    strongest = cp.asnumpy(cp.argsort(on_gpu)[::-1][:4])
    print("strongest tones:", sorted(strongest.tolist()))
    on_cpu = powers(np, split_on_cpu)
    worst = float(np.max(np.abs(cp.asnumpy(on_gpu) - on_cpu)))
    equal = worst < 1e-10 and sorted(strongest.tolist()) == [5, 11, 23, 31]
    print(f"greatest difference from the CPU {'below 1e-10' if worst < 1e-10 else worst}")
    print("equals the CPU's result" if equal else "DIFFERS from the CPU's result")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
