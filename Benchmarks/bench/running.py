"""Lets the contestants of a group take turns and makes figures of their samples."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack

from .catalogue import Row
from .contestants import Contestant, ContestantError, Spec, Stage
from .figures import MOST_FOREIGN, Figure, Sample, figure, missing
from .foreign import Meter, Patience

#: How often a sample is taken again because others used the machine.
MOST_TRIES = 3


class Group:
    """Rows whose contestants are there at the same time, one of them awake."""

    def __init__(self, stage: Stage, rows: list[Row], rounds: int, seconds: float,
                 deadline: float, patience: Patience):
        """`deadline` is on the monotonic clock; one round is made in any case."""
        self._stage = stage
        self._rows = rows
        self._rounds = rounds
        self._patience = patience
        self._deadline = deadline
        self._end = min(time.monotonic() + seconds, deadline)
        self._problems: dict[Spec, str] = {}
        self._samples: dict[Spec, list[Sample]] = defaultdict(list)

    def run(self, say: Callable[[str], None]) -> list[Figure]:
        with ExitStack() as stack:
            contestants = {}
            for spec in self._specs():
                try:
                    contestants[spec] = Contestant(self._stage, spec)
                    stack.callback(contestants[spec].close)
                except ContestantError as error:
                    self._problems[spec] = str(error)
            for number in range(self._rounds):
                if number and time.monotonic() > self._end:
                    break
                say(f"round {number + 1} of {self._rounds}")
                for spec, contestant in contestants.items():
                    self._sample(spec, contestant)
        return [self._figure(row) for row in self._rows]

    def _specs(self) -> list[Spec]:
        """The contestants that can be had, each once, in the order of the rows: what is compared is
        sampled one after the other."""
        specs: dict[Spec, None] = {}
        for row in self._rows:
            problem = self._stage.obstacle(row.value)
            if problem:
                self._problems[row.value] = problem
                continue
            for spec in (row.floor, row.value, row.native):
                if spec and not self._stage.obstacle(spec):
                    specs[spec] = None
        return list(specs)

    def _sample(self, spec: Spec, contestant: Contestant) -> None:
        if spec in self._problems:
            return
        meter = Meter()
        for left in reversed(range(MOST_TRIES)):
            meter.begin()
            try:
                value = contestant.sample()
            except (ContestantError, OSError) as error:
                self._problems[spec] = str(error)
                return
            sample = Sample(value, meter.end())
            if sample.is_clean or not left or time.monotonic() > self._end:
                self._samples[spec].append(sample)
                return
            waited = time.monotonic()
            self._patience.wait(MOST_FOREIGN)
            # Waiting for others is not what the group's time is for.
            self._end = min(self._end + time.monotonic() - waited, self._deadline)

    def _figure(self, row: Row) -> Figure:
        if row.value in self._problems:
            return missing(row.name, row.unit, row.goal, self._problems[row.value])
        floors = [Sample(row.floor_from(sample.value), sample.foreign)
                  for sample in self._samples.get(row.floor, [])] if row.floor else []
        natives = self._samples.get(row.native, []) if row.native else []
        made = figure(row.name, row.unit, self._samples[row.value], floors, natives, row.goal, self._rounds)
        if row.floor in self._problems:
            made.note = f"no floor: {self._problems[row.floor]}"
        return made
