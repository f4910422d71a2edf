"""What came out of each case, and how it is told."""

from __future__ import annotations

import difflib
import json
import sys
import threading
from dataclasses import asdict, dataclass

from .catalogue import Case
from .places import EXPECTED
from .running import Outcome


@dataclass(frozen=True)
class Result:
    """One case on one target."""

    name: str
    target: str
    passed: bool
    seconds: float
    #: Why it failed, one reason a line.
    reason: str = ""


def judge(case: Case, target: str, outcome: Outcome, reference: tuple[str, Outcome] | None) -> Result:
    """Compares an outcome with what is expected and with that of the first target."""
    reasons = []
    if outcome.timed_out:
        reasons.append(f"not done after {case.seconds:g} s")
    elif outcome.status != case.status:
        reasons.append(f"exit status {outcome.status}, not {case.status}")
        reasons += [f"  {line}" for line in (outcome.stdout + outcome.stderr).splitlines()[-5:]]
    expected = EXPECTED / f"{case.expected}.txt"
    if expected.exists():
        reasons += difference("expected output", expected.read_text(), outcome.stdout)
    if reference is not None:
        name, first = reference
        if first.status != outcome.status:
            reasons.append(f"exit status {outcome.status}, on {name} {first.status}")
        reasons += difference(f"output on {name}", first.stdout, outcome.stdout)
        reasons += difference(f"error output on {name}", first.stderr, outcome.stderr)
    return Result(case.name, target, not reasons, outcome.seconds, "\n".join(reasons))


def difference(what: str, want: str, got: str, limit: int = 12) -> list[str]:
    """The first lines that differ, nothing when none do."""
    if want == got:
        return []
    lines = list(difflib.unified_diff(want.splitlines(), got.splitlines(), what, "output", lineterm="", n=1))
    more = [f"  … {len(lines) - limit} more lines"] if len(lines) > limit else []
    return [f"differs from the {what}:"] + [f"  {line}" for line in lines[2:limit]] + more


class Report:
    """Collects results from several threads and prints them as they come."""

    def __init__(self, as_json: bool):
        self.results: list[Result] = []
        self._json = as_json
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        with self._lock:
            print(text, file=sys.stderr if self._json else sys.stdout, flush=True)

    def add(self, result: Result) -> None:
        with self._lock:
            self.results.append(result)
        mark = "ok  " if result.passed else "FAIL"
        text = f"{mark} {result.target:<12} {result.name:<46} {result.seconds:6.2f} s"
        if result.reason:
            text += "".join(f"\n       {line}" for line in result.reason.splitlines())
        self.say(text)

    def finish(self) -> int:
        """Prints the summary; the exit status."""
        passed = sum(result.passed for result in self.results)
        failed = len(self.results) - passed
        if self._json:
            results = [asdict(result) for result in self.results]
            print(json.dumps({"passed": passed, "failed": failed, "results": results}, indent=1))
        else:
            self._table()
            print(f"{passed} passed, {failed} failed", flush=True)
        return 1 if failed or not self.results else 0

    def _table(self) -> None:
        print(f"\n{'target':<14}{'passed':>8}{'failed':>8}{'seconds':>10}")
        for target in dict.fromkeys(result.target for result in self.results):
            mine = [result for result in self.results if result.target == target]
            good = sum(result.passed for result in mine)
            print(f"{target:<14}{good:>8}{len(mine) - good:>8}{sum(r.seconds for r in mine):>10.1f}")
        failures = [result for result in self.results if not result.passed]
        if failures:
            print("\nfailed:")
            for result in failures:
                print(f"  {result.target:<12} {result.name}")
        print()
