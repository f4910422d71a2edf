"""Asks the driver and NVML what there is, in a process of its own, and prints it as JSON.

A driver that is broken ends this process and nothing else.
"""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any


class MemoryInfo(ctypes.Structure):
    """nvmlMemory_t: bytes."""

    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class ProcessInfo(ctypes.Structure):
    """nvmlProcessInfo_t, as of nvmlDeviceGetComputeRunningProcesses_v3."""

    _fields_ = [("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong),
                ("gpu_instance", ctypes.c_uint), ("compute_instance", ctypes.c_uint)]


def loaded(name: str) -> str:
    """The file of a library that this process has loaded."""
    with open("/proc/self/maps") as maps:
        paths = [line.rstrip("\n").split(maxsplit=5)[-1] for line in maps]
    return next((path for path in paths if os.path.basename(path).startswith(name)), "")


def driver() -> dict[str, Any]:
    """What libcuda.so.1 says; stops at the first call that fails."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return {"missing": str(error)}
    found: dict[str, Any] = {"path": loaded("libcuda.so"), "gpus": []}
    number = ctypes.c_int(0)
    if cuda.cuDriverGetVersion(ctypes.byref(number)) == 0:
        found["version"] = number.value
    found["init"] = cuda.cuInit(0)
    if found["init"] != 0:
        return found
    found["count_status"] = cuda.cuDeviceGetCount(ctypes.byref(number))
    for index in range(number.value if found["count_status"] == 0 else 0):
        handle, name, total = ctypes.c_int(), ctypes.create_string_buffer(256), ctypes.c_size_t()
        if (cuda.cuDeviceGet(ctypes.byref(handle), index) == 0
                and cuda.cuDeviceGetName(name, len(name), handle) == 0
                and cuda.cuDeviceTotalMem_v2(ctypes.byref(total), handle) == 0):
            found["gpus"].append({"name": name.value.decode(errors="replace"), "memory": total.value})
    return found


def management() -> dict[str, Any]:
    """What libnvidia-ml.so.1 says, which is nothing where it is missing."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        if nvml.nvmlInit_v2() != 0:
            return {}
    except (OSError, AttributeError):
        return {}
    found: dict[str, Any] = {"gpus": []}
    text, number = ctypes.create_string_buffer(100), ctypes.c_uint(0)
    if nvml.nvmlSystemGetDriverVersion(text, len(text)) == 0:
        found["version"] = text.value.decode(errors="replace")
    nvml.nvmlDeviceGetCount_v2(ctypes.byref(number))
    for index in range(number.value):
        handle = ctypes.c_void_p()
        if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0:
            found["gpus"].append(use(nvml, handle))
    nvml.nvmlShutdown()
    return found


def use(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> dict[str, Any]:
    """How much of a GPU is in use, and by whom."""
    memory, count = MemoryInfo(), ctypes.c_uint(64)
    known = nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == 0
    processes = (ProcessInfo * count.value)()
    try:
        listed = nvml.nvmlDeviceGetComputeRunningProcesses_v3(handle, ctypes.byref(count), processes) == 0
    except AttributeError:
        listed = False
    return {"total": memory.total if known else 0, "used": memory.used if known else 0,
            "processes": [{"pid": process.pid, "used": process.used}
                          for process in processes[:count.value]] if listed else []}


if __name__ == "__main__":
    print(json.dumps({"driver": driver(), "nvml": management()}))
