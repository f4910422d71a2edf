"""Compiling the programs. What was compiled once is kept by the hash of all that goes into it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

from .catalogue import Case, extension
from .compilers import Compilers
from .places import PROGRAMS, WORK, Tree


class BuildError(Exception):
    """A program does not compile; the text is the compiler's."""


class Builder:
    """Turns cases into commands, compiling at most once what several cases share."""

    def __init__(self, tree: Tree, compilers: Compilers):
        self._tree = tree
        self._compilers = compilers
        self._folder = WORK / "bin"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._locks: dict[Path, threading.Lock] = {}
        self._guard = threading.Lock()
        self._headers = b"".join(path.read_bytes() for path in sorted(PROGRAMS.glob("*.h")))

    def command(self, case: Case) -> list[str]:
        """The command that runs a case; compiles what is missing."""
        if case.build.startswith("py-"):
            python = self._compilers.python(case.build)
            return [str(python), str(PROGRAMS / case.sources[0]), *case.arguments]
        fatbins = [str(self._fatbin(*fatbin)) for fatbin in case.fatbins]
        return [str(self._program(case)), *case.arguments, *fatbins]

    def _program(self, case: Case) -> Path:
        cuda = self._compilers.cuda(case.build)
        sources = [str(PROGRAMS / source) for source in case.sources]
        if extension(case.build) == ".cu":
            runtime = case.build.rpartition("-")[2]
            command = [str(cuda.nvcc), "-std=c++17", "-cudart", runtime,
                       "-Xptxas", "--suppress-stack-size-warning", *case.flags, *sources]
            if runtime == "shared":
                command += ["-Xlinker", f"-rpath={cuda.libraries}"]
        else:
            command = ["gcc", "-std=c11", "-O1", "-Wall", f"-I{cuda.headers}", *case.flags,
                       *sources, f"-L{self._driver()}", "-lcuda", "-lm", "-lpthread"]
        return self._compile(f"{case.program}-{case.build}", command, sources)

    def _driver(self) -> Path:
        """A folder with a driver library to link with; which one is found when the program starts."""
        software = self._tree.software
        return software if (software / "libcuda.so").exists() else self._tree.client

    def _fatbin(self, source: str, *flags: str) -> Path:
        nvcc = self._compilers.cuda("cu13-static").nvcc
        path = str(PROGRAMS / source)
        return self._compile(Path(source).stem, [str(nvcc), *flags, path], [path], ".fatbin")

    def _compile(self, name: str, command: list[str], sources: list[str], suffix: str = "") -> Path:
        digest = hashlib.sha256("\0".join(command).encode() + self._headers)
        for source in sources:
            digest.update(Path(source).read_bytes())
        digest.update(self._compilers.identity())
        output = self._folder / f"{name}-{digest.hexdigest()[:16]}{suffix}"
        with self._guard:
            lock = self._locks.setdefault(output, threading.Lock())
        with lock:
            if not output.exists():
                self._run(command, output)
        return output

    @staticmethod
    def _run(command: list[str], output: Path) -> None:
        partial = output.with_name(f".{output.name}.{os.getpid()}")
        done = subprocess.run([*command, "-o", str(partial)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise BuildError(done.stdout.strip() or f"the compiler ended with {done.returncode}")
        partial.rename(output)

    def compile_all(self, cases: list[Case], jobs: int,
                    say: Callable[[str], None]) -> dict[str, list[str] | BuildError]:
        """The command of every case, or why there is none."""
        commands: dict[str, list[str] | BuildError] = {}

        def build(case: Case) -> None:
            try:
                commands[case.name] = self.command(case)
            except (BuildError, OSError) as error:
                commands[case.name] = BuildError(str(error))

        with ThreadPoolExecutor(jobs) as pool:
            for done, _ in enumerate(pool.map(build, cases), start=1):
                if done % 20 == 0 or done == len(cases):
                    say(f"compiled {done} of {len(cases)}")
        return commands
