"""What a report says of the machine and of what is installed on it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

#: Run by each interpreter that programs use: which packages it has, and which modules can be found.
LISTING = """
import importlib.metadata, importlib.util, json, sys
names = sys.argv[1].split(',')
packages = {}
for one in importlib.metadata.distributions():
    name = (one.metadata['Name'] or '').lower()
    if name in names or name.startswith('cupy-'):
        packages[name] = one.version
found = [name for name in sys.argv[2].split(',') if importlib.util.find_spec(name)]
print(json.dumps({'packages': packages, 'modules': found, 'python': sys.version.split()[0]}))
"""
PACKAGES = ("torch", "triton", "jax", "jaxlib", "jax-cuda13-plugin", "transformers", "numba", "numba-cuda",
            "nvidia-ml-py", "numpy", "nvidia-cublas", "nvidia-cudnn-cu13", "nvidia-nccl-cu13")
MODULES = ("torch", "triton", "jax", "cupy", "numba", "pynvml", "transformers")


def listing(python: Path, environment: dict[str, str]) -> dict[str, Any]:
    """What an interpreter has."""
    command = [str(python), "-c", LISTING, ",".join(PACKAGES), ",".join(MODULES)]
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {"packages": {}, "modules": [], "python": "unknown"}


def first_line(command: list[str]) -> str:
    """What a command says of itself; empty when it fails."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return lines[0].strip() if done.returncode == 0 and lines else ""


def ferry_version(tree: Path) -> str:
    return first_line([str(tree / "bin" / "ferry"), "version"]).removeprefix("ferry ")


def nvcc_version(nvcc: Path | None) -> str:
    if nvcc is None:
        return ""
    done = subprocess.run([str(nvcc), "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return next((line.strip() for line in done.stdout.splitlines() if "release" in line), "")


def system() -> dict[str, Any]:
    return {"kernel": platform.release(), "processors": os.cpu_count(), "kit_python": sys.version.split()[0]}
