"""What NVML says of the GPUs, through pynvml."""

from __future__ import annotations

import pynvml
from report import Report, steady


def main() -> None:
    report = Report()
    pynvml.nvmlInit()
    count = pynvml.nvmlDeviceGetCount()
    report.exact("GPUs", count)
    for index in range(count):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        report.exact(f"name of {index}", pynvml.nvmlDeviceGetName(handle))
        report.exact(f"capability of {index}", list(pynvml.nvmlDeviceGetCudaComputeCapability(handle)))
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        report.close(f"memory of {index}", memory.total, rtol=0.03,
                     why="a slice is a part of what CUDA has; NVML counts what the driver keeps, too")
        report.exact(f"use of {index} is a part", 0 <= memory.used <= memory.total)
        report.exact(f"{index} by its UUID", same(handle))
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    seconds = steady(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle), lambda: None)
    report.exact("driver", pynvml.nvmlSystemGetDriverVersion())
    report.exact("CUDA", pynvml.nvmlSystemGetCudaDriverVersion())
    report.finish(seconds)
    pynvml.nvmlShutdown()


def same(handle) -> bool:
    """Whether the GPU is found again by its UUID."""
    found = pynvml.nvmlDeviceGetHandleByUUID(pynvml.nvmlDeviceGetUUID(handle))
    return pynvml.nvmlDeviceGetIndex(found) == pynvml.nvmlDeviceGetIndex(handle)


if __name__ == "__main__":
    main()
