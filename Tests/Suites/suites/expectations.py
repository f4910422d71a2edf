"""The lists of tests that are expected to fail: `expected/<suite>.txt`.

A list is made of groups. A line that begins with `#` gives the reason of the tests that follow it; several such
lines in a row are one reason. An empty line ends a group. A test is its name, which may hold `*`, and may be
preceded by the targets on which it fails, in brackets:

    # A reason, in words.
    cudapy/test_a.py::TestA::test_one
    [ferry] cudapy/test_b.py::*
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TARGETS = ("software", "ferry")


@dataclass(frozen=True)
class Expectation:
    """Tests that fail for a known reason."""

    pattern: str
    targets: tuple[str, ...]
    reason: str

    def matches(self, target: str, test: str) -> bool:
        # Not fnmatch, to which the brackets of a parametrised test mean something else.
        wanted = ".*".join(re.escape(part) for part in self.pattern.split("*"))
        return target in self.targets and re.fullmatch(wanted, test, re.DOTALL) is not None


def parse(text: str, where: str = "list") -> list[Expectation]:
    found: list[Expectation] = []
    reason: list[str] = []
    tests_since = False
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line.startswith("#"):
            reason = [] if tests_since else reason
            reason.append(line.lstrip("# "))
            tests_since = False
        elif not line:
            reason = []
        else:
            match = re.fullmatch(r"(?:\[([a-z, ]+)\] +)?(\S.*)", line)
            targets = tuple(re.split(r"[, ]+", match[1])) if match[1] else TARGETS
            if not reason or set(targets) - set(TARGETS):
                raise ValueError(f"{where}:{number}: no reason, or no such target: {line}")
            found.append(Expectation(match[2], targets, " ".join(reason)))
            tests_since = True
    return found


def read(path: Path) -> list[Expectation]:
    return parse(path.read_text(), path.name) if path.exists() else []
