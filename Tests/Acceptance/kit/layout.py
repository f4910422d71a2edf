"""Where everything is: in a clone of the repository, or in a bundle."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ACCEPTANCE = Path(__file__).resolve().parent.parent
PROGRAMS = ACCEPTANCE / "programs"
CONFORMANCE = ACCEPTANCE.parent / "Conformance"
ROOT = ACCEPTANCE.parent.parent

#: What a tree of Ferry must have.
CLIENT = "lib/ferry/client/libcuda.so.1"
SOFTWARE = "lib/ferry/software/libcuda.so.1"
NEEDED = ("bin/ferry", "bin/ferryd", "bin/ferry-worker", CLIENT)


def default_tree() -> Path:
    """The bundle that this file lies in, else what `make build` makes."""
    for folder in ACCEPTANCE.parents:
        if (folder / "bin" / "ferryd").exists():
            return folder
    return ROOT / "build" / "ferry"


def lacks(tree: Path, software: bool) -> list[str]:
    """Which files a tree lacks."""
    return [name for name in (*NEEDED, *((SOFTWARE,) if software else ())) if not (tree / name).exists()]


def find_nvcc(named: Path | None, software: bool) -> Path | None:
    """The compiler: the one that was named, else the one of this machine."""
    candidates = [named] if named else [
        *([ROOT / "build" / "toolchain" / "cuda13" / "tree" / "bin" / "nvcc"] if software else []),
        Path(shutil.which("nvcc") or "/nonexistent"), Path("/usr/local/cuda/bin/nvcc")]
    return next((path for path in candidates if path.exists()), None)


def find_python(named: Path | None, module: str, software: bool) -> Path:
    """The interpreter for programs that use a package."""
    if named:
        return named
    fetched = ROOT / "build" / "toolchain" / module / "bin" / "python"
    if software and fetched.exists():
        return fetched
    # Not resolved: an interpreter of a virtual environment is known by its place.
    return Path(shutil.which("python3") or sys.executable)
