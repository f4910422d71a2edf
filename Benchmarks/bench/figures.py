"""Samples and what is made of them: medians, ratios within a round, spread, goals."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass

#: Percent of the machine that others may have used during a sample that counts.
MOST_FOREIGN = 5.0


@dataclass(frozen=True)
class Sample:
    """One measurement, and the percent of the machine that others used meanwhile."""

    value: float
    foreign: float

    @property
    def is_clean(self) -> bool:
        return self.foreign <= MOST_FOREIGN


@dataclass(frozen=True)
class Goal:
    """What a figure should be: `of` is "ratio" or "value", `sign` is "<=" or ">="."""

    of: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.of} {self.sign} {self.limit:g}"

    def is_met(self, value: float | None, ratio: float | None) -> bool | None:
        """None when there is nothing to judge."""
        figure = ratio if self.of == "ratio" else value
        if figure is None:
            return None
        return figure <= self.limit if self.sign == "<=" else figure >= self.limit


@dataclass
class Figure:
    """A line of the table and an object of bench.json."""

    name: str
    value: float | None
    unit: str
    floor: float | None = None
    ratio: float | None = None
    native: float | None = None
    target: str | None = None
    met: bool | None = None
    low: float | None = None
    high: float | None = None
    #: Samples that count.
    samples: int = 0
    #: Median over the samples, in percent of the machine.
    foreign_cpu: float | None = None
    #: Why the figure is missing, or what is wrong with it.
    note: str = ""

    def as_json(self) -> dict:
        return {key: rounded(value) for key, value in asdict(self).items()}


def rounded(value: object) -> object:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def used(samples: list[Sample]) -> tuple[list[int], bool]:
    """Which samples count, and whether they are clean: if most are not, all count and say so."""
    clean = [index for index, sample in enumerate(samples) if sample.is_clean]
    if clean and 2 * len(clean) >= len(samples):
        return clean, True
    return list(range(len(samples))), not samples


def middle(samples: list[Sample]) -> float | None:
    indices, _ = used(samples)
    return statistics.median(samples[index].value for index in indices) if indices else None


def ratio(values: list[Sample], floors: list[Sample]) -> float | None:
    """Median of the ratios of what was sampled in the same round, clean rounds only if there are any."""
    pairs = [(value, floor) for value, floor in zip(values, floors) if floor.value]
    clean = [pair for pair in pairs if pair[0].is_clean and pair[1].is_clean]
    ratios = [value.value / floor.value for value, floor in clean or pairs]
    return statistics.median(ratios) if ratios else None


def figure(name: str, unit: str, values: list[Sample], floors: list[Sample], natives: list[Sample],
           goal: Goal | None, wanted: int) -> Figure:
    """What samples say."""
    indices, are_clean = used(values)
    kept = [values[index] for index in indices]
    made = Figure(name, middle(values), unit, middle(floors), ratio(values, floors), middle(natives))
    if kept:
        made.low, made.high = min(s.value for s in kept), max(s.value for s in kept)
        made.foreign_cpu = statistics.median(sample.foreign for sample in kept)
    made.samples = len(kept)
    notes = []
    if not are_clean:
        notes.append("noisy: others used the machine")
    if len(kept) < wanted:
        notes.append(f"{len(kept)} of {wanted} samples")
    made.note = "; ".join(notes)
    return judged(made, goal)


def judged(made: Figure, goal: Goal | None) -> Figure:
    if goal:
        made.target, made.met = str(goal), goal.is_met(made.value, made.ratio)
    return made


def missing(name: str, unit: str, goal: Goal | None, why: str) -> Figure:
    return judged(Figure(name, None, unit, note=f"not available: {why}"), goal)
