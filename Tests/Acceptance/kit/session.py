"""A run of the kit: one program after the other, each in all ways, within the time there is."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from suite.server import ServerError

from .attempt import FAILS, HANGS, NOT_RUN, OUT_OF_TIME, Attempt, attempt, finish, start
from .budget import Budget
from .program import Program
from .report import Report
from .rows import Row, Verdict
from .table import duration
from .ways import Way

#: Slices that run at the same time: their times tell nothing, so they need not be alone.
TOGETHER = 4
#: Through Ferry a program may take this many times as long as natively, and this much besides.
SLOWER, BESIDES = 3.0, 20.0
#: Of the time for the slices that wait to be run.
SLICES_SECONDS = 15.0


class Session:
    """Runs programs and fills rows."""

    def __init__(self, ways: tuple[Way, Way, Way], budget: Budget, report: Report, work: Path,
                 say: Callable[[str], None], make_free: Callable[[], None]):
        self._native, self._ferry, self._slice = ways
        self._budget = budget
        self._report = report
        self._work = work
        self._say = say
        self._make_free = make_free
        #: Rows whose slice has yet to be run, with their commands.
        self._waiting: list[tuple[Row, list[str]]] = []

    def skip(self, program: Program, why: str) -> Row:
        """A row of a program that is not run."""
        row = Row(program, note=why)
        self._add(row)
        self._say(f"{program.name:<18} {why}")
        return row

    def run(self, program: Program, command: Callable[[float], list[str]]) -> None:
        """One program: natively, through Ferry, and later with a slice."""
        if self._budget.left(self._kept) < 2 * program.typical:
            self.skip(program, OUT_OF_TIME)
            return
        row = Row(program)
        self._add(row)
        self._say(f"{program.name:<18} …")
        words = command(self._budget.left(self._kept))
        if row.add_native(self._attempt(row, self._native, words, program.limit), self._native):
            self._report.write()
            native = row.native.wall if row.native else 0.0
            limit = min(program.limit * SLOWER, native * SLOWER + BESIDES)
            through = self._attempt(row, self._ferry, words, limit)
            row.add(through, self._ferry)
            if through.state in (HANGS, OUT_OF_TIME):
                row.verdicts["slice"] = Verdict(NOT_RUN)
            else:
                self._waiting.append((row, words))
        self._report.write()
        self._say(f"{'':<18} {self._told(row)}")
        if len(self._waiting) >= TOGETHER or program.alone:
            self.run_slices()

    def run_slices(self) -> None:
        """Runs the slices that wait, several at a time, but those alone that must be."""
        waiting, self._waiting = self._waiting, []
        alone = [entry for entry in waiting if entry[0].program.alone]
        groups = [[entry for entry in waiting if entry not in alone], *([entry] for entry in alone)]
        for group in groups:
            if group:
                self._run_together(group)

    def _run_together(self, group: list[tuple[Row, list[str]]]) -> None:
        try:
            self._make_free()
        except ServerError as error:
            for row, _ in group:
                row.verdicts["slice"] = Verdict(FAILS, [str(error)])
            return
        walls = [row.native.wall for row, _ in group if row.native]
        limit, cut = self._budget.limit(min(90.0, SLOWER * max(walls) + BESIDES))
        if limit < min(5.0, max(walls)):
            for row, _ in group:
                row.verdicts["slice"] = Verdict(OUT_OF_TIME)
            return
        logs = [self._log(row, self._slice) for row, _ in group]
        tables = [Path(f"{log}.statistics.json") for log in logs]
        running = []
        try:
            for (row, words), log, table in zip(group, logs, tables):
                running.append(start(words, self._slice, log, self._folder(row), table))
            for (row, _), one, table in zip(group, running, tables):
                row.add(finish(one, limit, table, cut), self._slice)
        except BaseException:
            for one in running:
                if one.process.poll() is None:
                    one.end()
            raise
        self._report.write()
        told = ", ".join(f"{row.program.name} {row.verdicts['slice'].word}" for row, _ in group)
        self._say(f"{'with a slice':<18} {told}")

    @property
    def _kept(self) -> float:
        """Time that belongs to the slices that wait."""
        return SLICES_SECONDS if self._waiting else 0.0

    def _attempt(self, row: Row, way: Way, words: list[str], wanted: float) -> Attempt:
        if way is not self._native:
            try:
                self._make_free()
            except ServerError as error:
                return Attempt(FAILS, detail=str(error))
        limit, cut = self._budget.limit(wanted)
        return attempt(words, way, limit, self._log(row, way), self._folder(row), cut)

    def _log(self, row: Row, way: Way) -> Path:
        return self._work / "logs" / f"{row.program.name}.{way.name}"

    def _folder(self, row: Row) -> Path:
        return self._work / "run" / row.program.name

    def _add(self, row: Row) -> None:
        self._report.rows.append(row)
        self._report.write()

    @staticmethod
    def _told(row: Row) -> str:
        if "ferry" not in row.verdicts:
            detail = row.native.detail if row.native else ""
            return f"{row.note}" + (f": {detail}" if detail else "")
        verdict = row.verdicts["ferry"]
        ratio = "" if row.ratio is None else f" ({row.ratio:.2f} times)"
        reason = f": {verdict.reasons[0]}" if verdict.reasons else ""
        return (f"native {duration(row.seconds('native'))}, Ferry {duration(row.seconds('ferry'))}{ratio}, "
                f"{verdict.word}{reason}")
