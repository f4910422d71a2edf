"""The counts that may not grow: Benchmarks/thresholds.json, and the comparison with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .places import THRESHOLDS

#: How much more than the threshold is a failure: 5 %.
TOLERANCE = 0.05


@dataclass(frozen=True)
class Verdict:
    """One count beside its threshold."""

    name: str
    value: float
    threshold: float | None

    @property
    def is_exceeded(self) -> bool:
        return self.threshold is not None and self.value > self.threshold * (1 + TOLERANCE)

    @property
    def is_beaten(self) -> bool:
        return self.threshold is not None and self.value < self.threshold * (1 - TOLERANCE)

    def __str__(self) -> str:
        if self.threshold is None:
            return f"{self.name}: {self.value:.1f}, no threshold"
        change = f"{self.value:.1f}, threshold {self.threshold:.1f}"
        if self.threshold:
            change += f" ({100 * (self.value / self.threshold - 1):+.1f} %)"
        return f"{'FAIL' if self.is_exceeded else 'ok  '}  {self.name}: {change}"


def read(path: Path = THRESHOLDS) -> dict[str, float]:
    return json.loads(path.read_text()) if path.exists() else {}


def write(values: dict[str, float], path: Path = THRESHOLDS) -> None:
    path.write_text(json.dumps({name: round(value, 1) for name, value in sorted(values.items())}, indent=2) + "\n")


def compare(values: dict[str, float], thresholds: dict[str, float]) -> list[Verdict]:
    return [Verdict(name, value, thresholds.get(name)) for name, value in values.items()]
