"""A row of the table: one program in all ways, and the verdict on each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .attempt import BAD, FAILS, HANGS, MISSING, OK, Attempt
from .comparing import differences
from .program import Program
from .ways import Way

EQUAL, DIFFERS, WRONG_DRIVER = "equal", "differs", "wrong driver"
#: Of a rehearsal, where a run has nothing to compare but that it came to its end.
RUNS = "runs"
#: Verdicts that Ferry is blamed for.
BLAMED = (DIFFERS, WRONG_DRIVER, FAILS, HANGS, BAD, MISSING)


@dataclass
class Verdict:
    """What is to be said of a way other than the native one."""

    word: str
    #: Why, for people.
    reasons: list[str] = field(default_factory=list)


def failed_calls(attempt: Attempt) -> list[str]:
    """Which calls of the driver have failed: at one of them a program that fails came to its end."""
    calls = (attempt.statistics or {}).get("calls", [])
    # Asking for functions that are not there is how programs find out what there is.
    failed = [f"{call['name']} {call['failures']} times" for call in calls
              if call.get("failures") and not call["name"].startswith("cuGetProcAddress")]
    return [f"calls that failed: {', '.join(failed)}"] if failed else []


@dataclass
class Row:
    program: Program
    native: Attempt | None = None
    others: dict[str, Attempt] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    #: Why it was not run, or why its native run does not count.
    note: str = ""
    #: What only some rows have, for the report.
    more: dict[str, Any] = field(default_factory=dict)

    def add_native(self, attempt: Attempt, way: Way) -> bool:
        """Whether there is something to compare with."""
        self.native = attempt
        strangers = way.strangers(attempt.answer.libraries)
        if attempt.state == MISSING:
            self.note = MISSING
        elif attempt.state != OK:
            self.note = attempt.state if attempt.state not in (FAILS, HANGS, BAD) else f"native {attempt.state}"
        elif strangers:
            self.note = f"native run used {strangers[0]}"
        return not self.note

    def add(self, attempt: Attempt, way: Way) -> None:
        """Another way's run, judged against the native one."""
        assert self.native is not None
        self.others[way.name] = attempt
        self.verdicts[way.name] = self._judge(attempt, way)

    def _judge(self, attempt: Attempt, way: Way) -> Verdict:
        if attempt.state != OK:
            return Verdict(attempt.state, [attempt.detail, *failed_calls(attempt)])
        strangers = way.strangers(attempt.answer.libraries)
        if strangers:
            return Verdict(WRONG_DRIVER, [f"loaded {path}" for path in strangers])
        if self.native is not None and self.native.launches is not None:
            return self._judge_launches(self.native.launches, attempt.launches)
        scales = {name: way.fraction for name in self.program.scales if way.fraction != 1}
        assert self.native is not None
        found = differences(self.native.answer.results, attempt.answer.results, scales)
        return Verdict(DIFFERS, found) if found else Verdict(EQUAL)

    @staticmethod
    def _judge_launches(native: Counter[str], here: Counter[str] | None) -> Verdict:
        """No kernel was executed, so there are no results: what was launched is compared."""
        if here is None:
            return Verdict(RUNS)
        if not native:
            return Verdict(DIFFERS, ["the native run has launched nothing"])
        found = [f"launched {here[launch]} times, natively {count}: {launch}"
                 for launch, count in (native | here).items() if native[launch] != here[launch]]
        return Verdict(DIFFERS, found[:5]) if found else Verdict(EQUAL)

    @property
    def failed(self) -> bool:
        """Whether Ferry is to blame for something."""
        return any(verdict.word in BLAMED for verdict in self.verdicts.values())

    @property
    def ran(self) -> bool:
        return any(verdict.word in (EQUAL, RUNS, *BLAMED) for verdict in self.verdicts.values())

    def seconds(self, way: str) -> float | None:
        """The steady time in a way."""
        attempt = self.native if way == "native" else self.others.get(way)
        return None if attempt is None else attempt.answer.seconds

    @property
    def ratio(self) -> float | None:
        native, ferry = self.seconds("native"), self.seconds("ferry")
        return ferry / native if native and ferry is not None else None

    def total(self, *names: str) -> int | None:
        """A sum of the statistics of the run through Ferry."""
        attempt = self.others.get("ferry")
        if attempt is None or attempt.statistics is None:
            return None
        return sum(attempt.statistics["total"][name] for name in names)

    def described(self) -> dict[str, Any]:
        """For the report."""
        ways = {"native": self.native, **self.others}
        described = {name: attempt.described() for name, attempt in ways.items() if attempt is not None}
        for name, verdict in self.verdicts.items():
            described.setdefault(name, {}).update(verdict=verdict.word, reasons=verdict.reasons)
        return {"program": self.program.name, "needs": self.program.needs, "note": self.note,
                "failed": self.failed, "ratio": self.ratio, **described, **self.more}
