"""What came out of a suite on its targets."""

from __future__ import annotations

import collections
import json
import threading
from dataclasses import asdict
from pathlib import Path

from .expectations import Expectation
from .outcomes import FAILED, PASSED, SKIPPED, Test


class Report:
    """Collects the results of files from several threads, and prints a line for each."""

    def __init__(self, title: str, expectations: list[Expectation], whole: bool):
        self._title, self._expectations, self._whole = title, expectations, whole
        self._tests: dict[str, dict[str, Test]] = {}
        self._used: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def add(self, target: str, module: str, tests: dict[str, Test], seconds: float) -> None:
        named = {name or module: test for name, test in tests.items()}
        counts = collections.Counter(test.outcome for test in named.values())
        with self._lock:
            self._tests.setdefault(target, {}).update(named)
            print(f"{target:<10}{module:<52}{counts[PASSED]:>5} passed{counts[FAILED]:>4} failed"
                  f"{counts[SKIPPED]:>4} skipped{seconds:>8.1f} s", flush=True)

    def reason(self, target: str, test: str) -> str | None:
        """Why this test is expected to fail, if it is."""
        for expectation in self._expectations:
            if expectation.matches(target, test):
                self._used.add((target, expectation.pattern))
                return expectation.reason
        return None

    def surprises(self) -> list[str]:
        """Where it came out otherwise than the list says, one a line."""
        found = []
        for target, tests in self._tests.items():
            for name, test in sorted(tests.items()):
                expected = self.reason(target, name) is not None
                if test.outcome == FAILED and not expected:
                    last = (test.reason.splitlines() or [""])[-1]
                    found.append(f"{target}: {name}: failed: {last}")
                elif test.outcome == PASSED and expected:
                    found.append(f"{target}: {name}: passed, although it is listed as failing")
            if self._whole:
                found += [f"{target}: no test is called {one.pattern}, which is listed as failing"
                          for one in self._expectations
                          if target in one.targets and (target, one.pattern) not in self._used]
        return found

    def write(self, path: Path) -> None:
        """The report as JSON."""
        targets = {}
        for target, tests in self._tests.items():
            targets[target] = {
                **self._counts(tests),
                "tests": {name: {**asdict(test), "expected": self.reason(target, name)}
                          for name, test in sorted(tests.items())}}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"suite": self._title, "targets": targets}, indent=1) + "\n")

    @staticmethod
    def _counts(tests: dict[str, Test]) -> dict[str, int]:
        counts = collections.Counter(test.outcome for test in tests.values())
        return {outcome: counts[outcome] for outcome in (PASSED, FAILED, SKIPPED)}

    def summary(self) -> None:
        """Failures by their reason, then a line for each target."""
        reasons: dict[str, collections.Counter] = {}
        for target, tests in self._tests.items():
            for name, test in tests.items():
                if test.outcome == FAILED:
                    why = self.reason(target, name) or "not listed"
                    reasons.setdefault(why, collections.Counter())[target] += 1
        for why, counts in sorted(reasons.items(), key=lambda item: -sum(item[1].values())):
            print("failed: " + ", ".join(f"{count} on {target}" for target, count in counts.items()) + f": {why}")
        for target, tests in self._tests.items():
            counts = self._counts(tests)
            print(f"{self._title}: {counts[PASSED]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped"
                  f" ({target})")
