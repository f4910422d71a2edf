"""Compiling the programs, and copies of Ferry's libraries that tools can read."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .places import BUILD, FLOORS, PROGRAMS, ROOT, Tree

#: What floors are linked with where OpenSSL's headers are there.
OPENSSL = ("-DBENCH_TLS", "-lssl", "-lcrypto")
#: What the build makes, before it is stripped.
CLIENT = ROOT / ".build" / "embedded" / "release" / "libcuda.so"
WORKER = ROOT / ".build" / "release" / "ferry-worker"


class BuildError(Exception):
    """Something does not compile, or was not built."""


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command)}:\n{done.stderr}")


def is_older(target: Path, sources: list[Path]) -> bool:
    return not target.exists() or any(
        source.stat().st_mtime > target.stat().st_mtime for source in sources)


def program(name: str, tree: Tree) -> Path:
    """A program of Benchmarks/programs, which links with a libcuda and knows nothing of Ferry."""
    source, target = PROGRAMS / f"{name}.c", BUILD / name
    if is_older(target, [source, *PROGRAMS.glob("*.h")]):
        BUILD.mkdir(parents=True, exist_ok=True)
        run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(target), str(source),
             f"-L{tree.software}", "-Wl,--as-needed", "-lcuda", "-lpthread"])
    return target


def library(name: str) -> Path:
    """A library of Benchmarks/programs that is loaded before a program's own."""
    source, target = PROGRAMS / f"{name}.c", BUILD / f"{name}.so"
    if is_older(target, [source]):
        BUILD.mkdir(parents=True, exist_ok=True)
        run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(target), str(source)])
    return target


def floor(name: str) -> Path:
    """A program of Benchmarks/floors, which measures what the machine can do without Ferry."""
    source, target = FLOORS / f"{name}.c", BUILD / f"floor-{name}"
    if is_older(target, [source, *FLOORS.glob("*.h"), *PROGRAMS.glob("*.h")]):
        BUILD.mkdir(parents=True, exist_ok=True)
        run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{PROGRAMS}", "-o", str(target),
             str(source), *(OPENSSL if has_openssl() else ()), "-lpthread"])
    return target


def has_openssl() -> bool:
    """Whether programs can be built with OpenSSL."""
    done = subprocess.run(["gcc", "-E", "-"], input="#include <openssl/ssl.h>\n", text=True,
                          capture_output=True)
    return done.returncode == 0


def symbols(source: Path, target: Path) -> Path:
    """A copy that keeps the names of functions and nothing else: valgrind cannot read the rest."""
    if not source.exists():
        raise BuildError(f"{source} was not built; run: make build")
    if is_older(target, [source]):
        target.parent.mkdir(parents=True, exist_ok=True)
        run(["strip", "--strip-debug", "-o", str(target), str(source)])
    return target


def client_with_names() -> Path:
    return symbols(CLIENT, BUILD / "client" / "libcuda.so.1")


def worker_with_names() -> Path:
    return symbols(WORKER, BUILD / "worker" / "ferry-worker")
