"""The conformance suite as one row: the same cases straight on the driver and through Ferry."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from suite.running import Running, descendants, wait_until

from .answer import Answer
from .attempt import OK, OUT_OF_TIME, Attempt, end_stragglers
from .layout import CONFORMANCE
from .rows import DIFFERS, EQUAL, Row, Verdict

#: What says most in the shortest time.
QUICK = ("matrix_product[cu13-static]", "streams_events[cu13-static]", "memory_copies[cu13-static]",
         "error_kernel.null[cu13-static]", "error_out_of_memory[cu13-static]", "kernel_printf[cu13-static]",
         "host_threads[cu13-static]", "fork_after[cu13-static]", "cooperative[cu13-static]",
         "vector_add[cu13-shared]", "driver_launches[c13]", "driver_modules[c13]")
SOFTWARE_QUICK = QUICK[:4]
#: Of one case; a hanging one must not take the time of all others.
CASE_SECONDS = 20.0
NOT_STARTED = "not started: out of time"
LINE = re.compile(r"^(ok  |FAIL) (\S+)\s+(.+?)\s+([\d.]+) s$")


@dataclass
class Case:
    passed: bool
    target: str
    name: str
    seconds: float
    reasons: list[str] = field(default_factory=list)


def parse(output: str) -> list[Case]:
    """The results that the suite has printed so far."""
    cases: list[Case] = []
    for line in output.splitlines():
        match = LINE.match(line)
        if match:
            cases.append(Case(match[1] == "ok  ", match[2], match[3], float(match[4])))
        elif cases and line.startswith("       "):
            cases[-1].reasons.append(line.strip())
    return cases


class Conformance:
    """The suite with the options of the kit."""

    def __init__(self, options, gpus: int, nvcc: Path | None, python: Path, log: Path):
        targets = ("software", "ferry") if options.software else ("native", "ferry-native")
        self._native, self._ferry = targets
        self._log = log
        patterns = () if not options.quick else SOFTWARE_QUICK if options.software else QUICK
        self._command = [sys.executable, str(CONFORMANCE / "run.py"), "--tree", str(options.tree),
                         "--jobs", str(min(options.jobs, 2) if options.software else options.jobs),
                         "--gpus", str(gpus), "--limit", str(CASE_SECONDS), "--python", str(python)]
        self._command += ["--nvcc", str(nvcc)] if nvcc else []
        self._command += [word for target in targets for word in ("--target", target)]
        self._command += [word for pattern in patterns for word in ("--filter", pattern)]
        self._compiling: Running | None = None

    def compile(self) -> None:
        """Begins to compile, beside what runs meanwhile."""
        self._compiling = Running(["nice", "-n", "10", *self._command, "--compile-only"], dict(os.environ),
                                  Path(f"{self._log}.compiling"))

    def run(self, row: Row, seconds: float, cut: bool) -> None:
        """Runs the suite for so long and fills its row."""
        end = time.monotonic() + seconds
        if self._compiling:
            wait_until(lambda: self._compiling.process.poll() is not None, seconds / 2, 0.1)
            self.close()
        left = end - time.monotonic()
        running = Running([*self._command, "--until", str(max(1.0, left - CASE_SECONDS))],
                          dict(os.environ), self._log)
        try:
            wait_until(lambda: running.process.poll() is not None, left, 0.1)
        finally:
            self._end(running)
        outcome = running.finish(0)
        self._judge(row, parse(outcome.stdout), outcome, cut)

    def close(self) -> None:
        """Ends the compiling."""
        if self._compiling and self._compiling.process.poll() is None:
            self._compiling.end()

    @staticmethod
    def _end(running: Running) -> None:
        """Ends the suite with its daemon, which has a session of its own."""
        # Gathered before the end: afterwards nobody knows whose they were.
        below = descendants(running.process.pid)
        if running.process.poll() is None:
            running.end()
        end_stragglers(running.process.pid)
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _judge(self, row: Row, cases: list[Case], outcome, cut: bool) -> None:
        run = [case for case in cases if NOT_STARTED not in case.reasons]
        wrong = {target: [case for case in run if case.target == target and not case.passed]
                 for target in dict.fromkeys(case.target for case in run)}
        blamed = wrong.get(self._ferry, []) + wrong.get("suite", [])
        native = {case.name for case in wrong.get(self._native, [])}
        blamed = [case for case in blamed if case.name not in native]
        row.more["conformance"] = {
            "cases": len({case.name for case in run}), "passed": sum(case.passed for case in run),
            "failed": [{"case": case.name, "target": case.target, "reasons": case.reasons[:8]}
                       for case in run if not case.passed],
            "not_started": sorted({case.name for case in cases} - {case.name for case in run})}
        for way, target in (("native", self._native), ("ferry", self._ferry)):
            seconds = sum(case.seconds for case in run if case.target == target)
            attempt = Attempt(OK, outcome.seconds, Answer(seconds))
            if way == "native":
                row.native = attempt
            else:
                row.others[way] = attempt
        if blamed:
            reasons = [f"{case.name}: {case.reasons[0] if case.reasons else ''}" for case in blamed]
            row.verdicts["ferry"] = Verdict(DIFFERS, reasons)
        elif any(case.target == self._ferry and case.passed for case in run):
            row.verdicts["ferry"] = Verdict(EQUAL)
        else:
            lines = (outcome.stderr or outcome.stdout).strip().splitlines()
            row.note = OUT_OF_TIME if cut and not run else "native fails"
            row.native = Attempt(row.note, outcome.seconds, detail=lines[-1] if lines else "no case was run")
