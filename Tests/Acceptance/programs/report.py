"""What a program says at its end: one line of JSON with its time and its results."""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import Any, Callable


class Report:
    """Collects the results of one program."""

    def __init__(self) -> None:
        self._results: dict[str, dict[str, Any]] = {}
        self._measures: dict[str, dict[str, Any]] = {}

    def exact(self, name: str, value: Any) -> None:
        """A number, text, truth value or list of them that is the same on every run."""
        self._results[name] = {"value": value}

    def digest(self, name: str, *parts: bytes) -> None:
        """Data of which every bit is the same on every run."""
        whole = hashlib.sha256()
        for part in parts:
            whole.update(len(part).to_bytes(8, "little"))
            whole.update(part)
        self._results[name] = {"value": whole.hexdigest()}

    def close(self, name: str, value: Any, why: str, rtol: float = 0.0, atol: float = 0.0) -> None:
        """A number or list of numbers that may differ a little between runs, and why."""
        self._results[name] = {"value": value, "rtol": rtol, "atol": atol, "why": why}

    def measure(self, name: str, value: float, unit: str) -> None:
        """A figure for people, such as a rate: nobody expects it to be the same."""
        self._measures[name] = {"value": value, "unit": unit}

    def finish(self, seconds: float | None) -> None:
        """Prints the line; `seconds` is the steady time of what the program is about."""
        print(json.dumps({"seconds": seconds, "results": self._results, "measures": self._measures,
                          "libraries": libraries()}), flush=True)


def libraries() -> list[str]:
    """The files of the driver and of NVML that this process has loaded."""
    found = set()
    try:
        with open("/proc/self/maps") as maps:
            for line in maps:
                path = line.rstrip("\n").split(maxsplit=5)[-1]
                if os.path.basename(path).startswith(("libcuda.so", "libnvidia-ml.so")):
                    found.add(os.path.realpath(path))
    except OSError:
        pass
    return sorted(found)


def steady(step: Callable[[], Any], wait: Callable[[], Any], repeats: int = 10, warm_up: int = 3) -> float:
    """Seconds that a step takes once everything is loaded: the best of three rounds of `repeats`
    steps, with one wait for the device at the end of each round."""
    for _ in range(warm_up):
        step()
    wait()
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(repeats):
            step()
        wait()
        best = min(best, (time.perf_counter() - started) / repeats)
    return best
