"""What a program has printed: its last line, and the line that tells why it failed."""

from __future__ import annotations

import json
import math
import re
import signal
from dataclasses import dataclass, field
from typing import Any


class BadAnswer(Exception):
    """The last line is not what a program of the kit prints."""


@dataclass(frozen=True)
class Answer:
    """The last line of a program."""

    seconds: float | None = None
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)


def read(stdout: str) -> Answer:
    lines = [line for line in stdout.splitlines() if line.strip()]
    if not lines:
        raise BadAnswer("printed nothing")
    try:
        line = json.loads(lines[-1])
    except ValueError:
        raise BadAnswer(f"the last line is no JSON: {lines[-1][:80]!r}") from None
    if not isinstance(line, dict) or not isinstance(line.get("results"), dict):
        raise BadAnswer(f"the last line has no results: {lines[-1][:80]!r}")
    seconds = line.get("seconds")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float))
                                or not math.isfinite(seconds) or seconds < 0):
        raise BadAnswer(f"seconds is {seconds!r}")
    for name, result in line["results"].items():
        if not isinstance(result, dict) or "value" not in result:
            raise BadAnswer(f"the result {name!r} has no value")
    measures, libraries = line.get("measures") or {}, line.get("libraries") or []
    if not isinstance(measures, dict) or not isinstance(libraries, list):
        raise BadAnswer("measures or libraries are not what they should be")
    return Answer(seconds, line["results"], measures, [str(path) for path in libraries])


#: The last line of a Python traceback.
EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Failure)\b")
#: A package, or a library that a package needs, is not there.
MISSING = re.compile(r"^(ModuleNotFoundError|ImportError)\b")


def telling_line(stdout: str, stderr: str) -> str:
    """The line that says most about a failure: the exception, else the last one."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    exceptions = [line for line in lines if EXCEPTION.match(line)]
    if exceptions:
        return exceptions[-1]
    lines = lines or [line.strip() for line in stdout.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def status_text(status: int) -> str:
    """An exit status for people, as a shell tells it."""
    try:
        return f"ended by {signal.Signals(status - 128).name}" if status > 128 else f"exit status {status}"
    except ValueError:
        return f"exit status {status}"
