"""Running a program once, in one way, and what came of it."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from suite.running import Running

from . import answer as answers
from .answer import Answer, BadAnswer
from .ways import Way

OK, FAILS, HANGS, BAD = "ok", "fails", "hangs", "bad answer"
MISSING, OUT_OF_TIME, NOT_RUN = "not installed", "out of time", "not run"
#: How much of the end of its error output a report keeps.
TAIL = 1500


@dataclass(frozen=True)
class Attempt:
    """What came of one run."""

    state: str
    wall: float = 0.0
    answer: Answer = field(default_factory=Answer)
    #: The first thing to know about a failure.
    detail: str = ""
    tail: str = ""
    #: What `ferry run --stats-file` has written, None when it is not known.
    statistics: dict[str, Any] | None = None
    #: How often each kernel was launched in the same way; None when that was not written down.
    launches: Counter[str] | None = None

    def described(self) -> dict[str, Any]:
        """For the report."""
        return {"state": self.state, "seconds": self.answer.seconds, "wall": round(self.wall, 3),
                "detail": self.detail, "tail": self.tail, "measures": self.answer.measures,
                "libraries": self.answer.libraries, "statistics": self.statistics,
                "launches": None if self.launches is None else self.launches.total()}


def attempt(command: list[str], way: Way, limit: float, log: Path, folder: Path, cut: bool = False) -> Attempt:
    """Runs a program to its end, or to the limit; `cut` says that the limit is all the time there is."""
    statistics = Path(f"{log}.statistics.json")
    if way.launches is not None:
        way.launches.unlink(missing_ok=True)
    done = finish(start(command, way, log, folder, statistics), limit, statistics, cut)
    return done if way.launches is None else replace(done, launches=read_launches(way.launches))


def read_launches(path: Path) -> Counter[str]:
    """What a launch log holds, without the parameters: their padding is whatever was on the stack."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return Counter()
    return Counter(line.rsplit(" ", 1)[0] for line in lines)


def start(command: list[str], way: Way, log: Path, folder: Path, statistics: Path) -> Running:
    folder.mkdir(parents=True, exist_ok=True)
    return Running(way.command(command, statistics), way.environment(), log, folder)


def finish(running: Running, limit: float, statistics: Path, cut: bool) -> Attempt:
    """Waits for a program that was started."""
    try:
        outcome = running.finish(limit)
    except BaseException:
        running.end()
        raise
    end_stragglers(running.process.pid)
    common = {"wall": outcome.seconds, "tail": outcome.stderr[-TAIL:]}
    try:
        common["statistics"] = read_statistics(statistics)
    except ValueError as error:
        return Attempt(BAD, detail=f"{statistics.name}: {error}", **common)
    telling = answers.telling_line(outcome.stdout, outcome.stderr)
    if outcome.timed_out:
        text = f"killed after {limit:.0f} s" + (f": {telling}" if telling else "")
        return Attempt(OUT_OF_TIME if cut else HANGS, detail=text, **common)
    if outcome.status != 0:
        state = MISSING if answers.MISSING.match(telling) else FAILS
        text = answers.status_text(outcome.status) + (f": {telling}" if telling else "")
        return Attempt(state, detail=text, **common)
    try:
        return Attempt(OK, answer=answers.read(outcome.stdout), **common)
    except BadAnswer as error:
        return Attempt(BAD, detail=str(error), **common)


def end_stragglers(group: int) -> None:
    """Ends what a program has left behind in its process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def read_statistics(path: Path) -> dict[str, Any] | None:
    """The statistics of a run; None when none were written.

    Raises ValueError when they were, and are not what they should be.
    """
    try:
        statistics = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be read: {error}") from None
    total = statistics.get("total") if isinstance(statistics, dict) else None
    if not isinstance(total, dict):
        raise ValueError("has no total")
    for name in ("calls", "round_trips", "bytes_sent", "bytes_received"):
        if not isinstance(total.get(name), int):
            raise ValueError(f"total.{name} is {total.get(name)!r}")
    return statistics
