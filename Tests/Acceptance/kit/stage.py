"""What a run needs around it: the daemon, the compilers, the interpreters."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Callable

from suite.places import Tree
from suite.server import ServerError

from . import layout, machine, preflight
from .attempt import FAILS, OUT_OF_TIME
from .budget import Budget
from .catalogue import CONFORMANCE
from .compiling import CompileError, Compiling
from .conformance import Conformance
from .program import Program
from .report import Report
from .rows import Row, Verdict
from .session import Session
from .ways import SLICE, Ferry, Host, Native, program_environment, rehearsal


class Stage:
    """Starts what is needed and ends it again."""

    def __init__(self, options, budget: Budget, report: Report, found: preflight.Machine, work: Path):
        self._options = options
        self._budget = budget
        self._report = report
        self._work = work
        self._gpus = max(1, len(found.gpus))
        self._tree = Tree(options.tree)
        driver = None if options.software else found.driver_path
        self._nvcc = layout.find_nvcc(options.nvcc, options.software)
        self._listings: dict[Path, dict] = {}
        try:
            settings = rehearsal(work / "launches.ferry") if options.rehearse else {}
            self._host = Host(self._tree, options.out / "ferryd.log", driver, settings)
        except ServerError as error:
            raise preflight.NotReady(str(error)) from None
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0" if self._gpus > 1 else "").split(",")[0] or None
        settings = rehearsal(work / "launches.native") if options.rehearse else {}
        native = Native(self._tree, options.software, visible, settings)
        self._session = Session((native, Ferry(self._host), Ferry(self._host, SLICE)), budget, report, work,
                                self._say, self._host.make_free)

    def _say(self, text: str) -> None:
        print(f"[{self._budget.spent:4.0f} s] {text}", flush=True)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._host.close()
        for name in ("_compiling", "_conformance"):
            if hasattr(self, name):
                getattr(self, name).close()

    def play(self, programs: list[Program]) -> None:
        """All programs, in order."""
        runnable = [program for program in programs if not self._hardware(program)]
        own = [program for program in runnable if program.compiled and program.name != CONFORMANCE]
        self._compiling = Compiling(self._nvcc, self._work / "bin", own)
        self._conformance = Conformance(
            self._options, self._gpus, self._nvcc, self._python("cupy"), self._work / "logs" / "conformance")
        if any(program.name == CONFORMANCE for program in runnable) and self._nvcc:
            self._conformance.compile()
        self._describe(runnable)
        for program in programs:
            self._play(program)
        self._session.run_slices()
        self._report.write(restarts_of_ferryd=self._host.restarts)

    def _describe(self, programs: list[Program]) -> None:
        """What is installed, into the report."""
        for program in programs:
            if not program.compiled:
                self._listing(self._python(program.needs))
        packages = {name: version for one in self._listings.values() for name, version in one["packages"].items()}
        pythons = {str(path): one["python"] for path, one in self._listings.items()}
        self._report.write(packages=packages, pythons=pythons, nvcc=machine.nvcc_version(self._nvcc))

    def _python(self, module: str) -> Path:
        return layout.find_python(self._options.python, module, self._options.software)

    def _listing(self, python: Path) -> dict:
        if python not in self._listings:
            self._listings[python] = machine.listing(python, program_environment(self._options.software))
        return self._listings[python]

    def _play(self, program: Program) -> None:
        reason = self._obstacle(program)
        if reason:
            self._session.skip(program, reason)
        elif program.name == CONFORMANCE:
            self._play_conformance(program)
        else:
            try:
                self._session.run(program, self._command(program))
            except CompileError as error:
                self._report.rows[-1].note = f"does not compile: {error}"
            except Exception as error:  # noqa: BLE001
                # A fault of the kit is this row's, and not the end of the others.
                traceback.print_exc()
                reason = f"the kit itself: {type(error).__name__}: {error}"
                self._report.rows[-1].verdicts["ferry"] = Verdict(FAILS, [reason])

    def _obstacle(self, program: Program) -> str:
        """Why a program cannot run here; empty when it can."""
        if self._hardware(program):
            return program.hardware
        if program.compiled:
            return "" if self._nvcc else "not installed: nvcc"
        return "" if program.needs in self._listing(self._python(program.needs))["modules"] else "not installed"

    def _hardware(self, program: Program) -> bool:
        """Whether a program needs a GPU that is not there."""
        return bool(self._options.software and program.hardware and not self._options.rehearse)

    def _command(self, program: Program) -> Callable[[float], list[str]]:
        if program.compiled:
            return lambda seconds: self._compiling.command(program, seconds)
        words = [str(self._python(program.needs)), str(layout.PROGRAMS / program.source)]
        return lambda seconds: words

    def _play_conformance(self, program: Program) -> None:
        self._session.run_slices()
        limit, cut = self._budget.limit(program.limit)
        if limit < program.typical:
            self._session.skip(program, OUT_OF_TIME)
            return
        self._say(f"{program.name:<18} …")
        row = Row(program)
        self._report.rows.append(row)
        self._report.write()
        self._host.make_free()
        self._conformance.run(row, limit, cut)
        self._report.write()
        counted = row.more["conformance"]
        self._say(f"{'':<18} {counted['cases']} cases, {counted['passed']} runs passed, "
                  f"{len(counted['failed'])} failed")
