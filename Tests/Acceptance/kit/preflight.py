"""What must hold before anything runs; each failure is one line that says what to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import layout

#: CUDA 12.4: the oldest driver that has all that Ferry calls.
OLDEST_DRIVER = 12040
NO_DEVICE = 100
#: The part of a GPU's memory that may be in use before it counts as busy.
IDLE_PART = 0.10
PROBE_SECONDS = 30
#: What NVML says of a process whose memory it does not know.
UNKNOWN = (1 << 64) - 1


class NotReady(Exception):
    """This machine, or this tree, is not ready; the text is for people."""


@dataclass(frozen=True)
class Machine:
    """What was found out about the machine."""

    #: The driver's own file.
    driver_path: str = ""
    driver_version: str = ""
    cuda_version: str = ""
    gpus: list[dict[str, Any]] = field(default_factory=list)
    #: Lines for people about what may go wrong.
    warnings: list[str] = field(default_factory=list)


def check_tree(tree: Path, software: bool) -> None:
    lacking = layout.lacks(tree, software)
    if lacking:
        raise NotReady(f"the tree of Ferry at {tree} lacks {', '.join(lacking)}; "
                       "name a whole one with --tree, or make it with: make build")


def probe(environment: dict[str, str] | None = None) -> dict[str, Any]:
    """What the probe prints. Raises NotReady when the driver brings it down."""
    program = Path(__file__).with_name("probe.py")
    try:
        done = subprocess.run([sys.executable, str(program)], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotReady(f"the NVIDIA driver does not answer within {PROBE_SECONDS} s; "
                       "look at the kernel's log (dmesg), and restart the machine") from None
    try:
        return json.loads(done.stdout)
    except ValueError:
        end = (signal.Signals(-done.returncode).name if done.returncode < 0
               else (done.stderr.strip().splitlines() or ["no answer"])[-1])
        raise NotReady(f"the NVIDIA driver fails when it is asked for its GPUs ({end}); "
                       "see whether nvidia-smi works, and reinstall the driver if it does not") from None


def check_machine(force: bool) -> Machine:
    """Looks for a driver that is new enough and a GPU that nobody uses."""
    found = probe()
    driver, nvml = found["driver"], found["nvml"]
    check_driver(driver, nvml.get("version", ""))
    if not force:
        check_idle(nvml.get("gpus", []))
    warnings = [] if nvml else ["NVML is missing: nobody can tell whether the GPU is busy"]
    if "LD_LIBRARY_PATH" in os.environ:
        without = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        if "missing" in probe(without)["driver"]:
            warnings.append(f"the driver is found by LD_LIBRARY_PATH only, which workers do not get: put "
                            f"{os.path.dirname(driver['path'])} into /etc/ld.so.conf.d and run ldconfig")
    return Machine(driver["path"], nvml.get("version", ""), cuda_text(driver["version"]), driver["gpus"], warnings)


def check_driver(driver: dict[str, Any], version: str) -> None:
    if "missing" in driver:
        raise NotReady(f"no NVIDIA driver: {driver['missing']}; install one, or use --software to run on "
                       "the software GPU")
    if "version" not in driver:
        raise NotReady(f"{driver['path']} does not tell its version; reinstall the NVIDIA driver")
    if driver["version"] < OLDEST_DRIVER:
        named = f"{version}, " if version else ""
        raise NotReady(f"the NVIDIA driver is too old: {named}for CUDA {cuda_text(driver['version'])}; Ferry needs "
                       f"one for CUDA {cuda_text(OLDEST_DRIVER)} (550) or newer: update it")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if driver["init"] == NO_DEVICE or (driver["init"] == 0 and not driver["gpus"]):
        hint = (f"CUDA_VISIBLE_DEVICES is '{visible}': unset it" if visible is not None
                else "see what nvidia-smi -L lists, and whether /dev/nvidia0 is there")
        raise NotReady(f"no GPU is visible; {hint}, or use --software to run on the software GPU")
    if driver["init"] != 0:
        raise NotReady(f"the NVIDIA driver does not start: cuInit answers {driver['init']}; "
                       "see whether nvidia-smi works (803 is a library that does not fit the kernel's module)")


def check_idle(gpus: list[dict[str, Any]]) -> None:
    """A busy GPU spoils times, and has not the memory that is expected."""
    for index, gpu in enumerate(gpus):
        if gpu["processes"]:
            users = ", ".join(
                f"process {process['pid']}" + ("" if process["used"] in (0, UNKNOWN)
                                               else f" with {process['used'] >> 20} MiB")
                for process in gpu["processes"])
            raise NotReady(f"GPU {index} is busy: {users}; end them first, or use --force to run all the same")
        if gpu["used"] > gpu["total"] * IDLE_PART:
            raise NotReady(f"GPU {index} is busy: {gpu['used'] >> 20} of {gpu['total'] >> 20} MiB are in use; "
                           "see nvidia-smi for who uses them, or use --force to run all the same")


def cuda_text(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"
