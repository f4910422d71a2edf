"""Compiling the kit's own CUDA programs, all at once and beside what runs meanwhile."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .layout import PROGRAMS
from .program import Program


class CompileError(Exception):
    """A program does not compile; the text is the compiler's."""


class Compiling:
    """The compilers that run, one for each program."""

    def __init__(self, nvcc: Path | None, folder: Path, programs: list[Program]):
        self._folder = folder
        self._running: dict[str, subprocess.Popen] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for program in programs if nvcc else []:
            with open(self._log(program), "wb") as log:
                self._running[program.name] = subprocess.Popen(
                    ["nice", "-n", "5", str(nvcc), "-std=c++17", "-O2", "-cudart", "static",
                     str(PROGRAMS / program.source), "-o", str(folder / program.name)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _log(self, program: Program) -> Path:
        return self._folder / f"{program.name}.compiler.log"

    def command(self, program: Program, seconds: float) -> list[str]:
        """The compiled program, once it is ready."""
        process = self._running[program.name]
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise CompileError(f"the compiler is not done after {seconds:.0f} s") from None
        if status != 0:
            lines = self._log(program).read_text(errors="replace").splitlines()
            wrong = [line for line in lines if "error" in line.lower()] or lines[-1:]
            raise CompileError(wrong[0] if wrong else f"the compiler ended with {status}")
        return [str(self._folder / program.name)]

    def close(self) -> None:
        for process in self._running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
