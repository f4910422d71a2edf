"""How tests ended, and the events of `plugins/ferry_recorder.py` that say so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass
class Test:
    """One test of a module."""

    outcome: str = ""
    reason: str = ""
    seconds: float = 0

    def add(self, outcome: str, reason: str) -> None:
        """One more report of it; a failure outweighs all others."""
        if self.outcome == FAILED or (self.outcome == SKIPPED and outcome == PASSED):
            return
        self.outcome, self.reason = outcome, reason


@dataclass
class Progress:
    """What one process has said so far."""

    record: Path
    tests: dict[str, Test] = field(default_factory=dict)
    collected: list[str] | None = None
    #: The test that runs, and when it was first seen to.
    running: str | None = None
    since: float = 0
    _read: int = 0

    def advance(self, now: float) -> bool:
        """Reads what is new; whether there was anything."""
        try:
            with open(self.record, "rb") as file:
                file.seek(self._read)
                new = file.read()
        except FileNotFoundError:
            return False
        new = new[:new.rfind(b"\n") + 1]
        self._read += len(new)
        for line in new.splitlines():
            self._take(json.loads(line), now)
        return bool(new)

    def _take(self, event: dict, now: float) -> None:
        kind = event["event"]
        if kind == "collected":
            self.collected = event["tests"]
        elif kind == "module":
            # The module as a whole is what cannot be loaded, or is skipped.
            self.tests.setdefault("", Test()).add(event["outcome"], event["reason"])
        elif kind == "start":
            self.running, self.since = event["test"], now
        elif kind == "outcome":
            self.tests.setdefault(event["test"], Test()).add(event["outcome"], event["reason"])
        elif kind == "end":
            test = self.tests.setdefault(event["test"], Test())
            if not test.outcome:
                # Nothing was reported of a test whose parts were all skipped.
                test.add(SKIPPED, "all of its parts were skipped")
            test.seconds = now - self.since
            self.running = None

    def lost(self, reason: str, now: float) -> None:
        """The process ended, or was ended, in the middle of a test."""
        name = self.running or ""
        self.tests.setdefault(name, Test()).add(FAILED, reason)
        self.tests[name].seconds = now - self.since if self.running else 0
        self.running = None

    @property
    def unfinished(self) -> list[str]:
        return [name for name in self.collected or [] if name not in self.tests]
