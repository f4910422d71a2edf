"""The compilers and interpreters that programs are made and run with."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from .catalogue import CUDA_BUILDS, Case
from .places import ROOT, TOOLCHAIN


@dataclass(frozen=True)
class CUDA:
    """One CUDA toolkit."""

    nvcc: Path
    headers: Path
    libraries: Path


class Compilers:
    """Where the compilers come from."""

    def set_up(self, cases: list[Case]) -> None:
        """Makes ready what these cases need."""

    def lacks(self, build: str) -> str:
        """Why this build cannot be made here; empty when it can."""
        raise NotImplementedError

    def cuda(self, build: str) -> CUDA:
        raise NotImplementedError

    def python(self, build: str) -> Path:
        raise NotImplementedError

    def identity(self) -> bytes:
        """Differs when what is compiled may differ."""
        raise NotImplementedError


class Fetched(Compilers):
    """What `dev/toolchain` fetches, every version pinned."""

    def set_up(self, cases: list[Case]) -> None:
        parts = toolchain_parts(cases)
        if parts:
            subprocess.run([ROOT / "dev" / "toolchain", *parts], check=True)

    def lacks(self, build: str) -> str:
        return ""

    def cuda(self, build: str) -> CUDA:
        tree = TOOLCHAIN / ("cuda13" if "13" in build else "cuda12") / "tree"
        return CUDA(tree / "bin" / "nvcc", tree / "include", tree / "lib")

    def python(self, build: str) -> Path:
        return TOOLCHAIN / build.removeprefix("py-") / "bin" / "python"

    def identity(self) -> bytes:
        stamps = [TOOLCHAIN / f"{part}.stamp" for part in ("cuda13", "cuda12")]
        return b"".join(stamp.read_bytes() for stamp in stamps if stamp.exists())


class Installed(Compilers):
    """What this machine has: one CUDA toolkit and one Python; nothing is fetched."""

    def __init__(self, nvcc: Path | None, python: Path | None):
        self._nvcc = nvcc
        self._python = python
        self._version = "" if nvcc is None else output([str(nvcc), "--version"])
        self._release = "cu13" if "release 13." in self._version else "cu12"

    def lacks(self, build: str) -> str:
        if build.startswith("py-"):
            module = {"py-numba": "numba.cuda"}.get(build, build.removeprefix("py-"))
            if self._python is None:
                return "no Python was named"
            done = subprocess.run([str(self._python), "-c", f"import {module}"], capture_output=True)
            return f"{self._python} cannot import {module}" if done.returncode else ""
        if self._nvcc is None:
            return "no nvcc was named"
        if not self._version:
            return f"{self._nvcc} does not run"
        made = {self._release.replace("cu", "c"), *(b for b in CUDA_BUILDS if b.startswith(self._release))}
        return "" if build in made else f"{self._nvcc} is no compiler for {build}"

    def cuda(self, build: str) -> CUDA:
        assert self._nvcc is not None
        tree = self._nvcc.resolve().parent.parent
        libraries = next((tree / name for name in ("lib64", "lib") if (tree / name).is_dir()), tree / "lib")
        return CUDA(self._nvcc, tree / "include", libraries)

    def python(self, build: str) -> Path:
        assert self._python is not None
        return self._python

    def identity(self) -> bytes:
        return self._version.encode()


def output(command: list[str]) -> str:
    """What a command prints; empty when it fails."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def toolchain_parts(cases: list[Case]) -> list[str]:
    """Which parts of dev/toolchain these cases need."""
    builds = {case.build for case in cases}
    parts = set()
    if builds & {"cu13-static", "cu13-shared", "c13"} or any(case.fatbins for case in cases):
        parts.add("cuda13")
    if builds & {"cu12-static", "c12"}:
        parts.update(("cuda13", "cuda12"))
    parts.update(build.removeprefix("py-") for build in builds if build.startswith("py-"))
    return sorted(parts, key=["cuda13", "cuda12", "cupy", "numba"].index)
