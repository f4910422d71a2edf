"""What a thread that launches must not do: system calls beyond one send for 16 KiB, allocations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from . import traces
from .catalogue import GATHERED, LAUNCH_BYTES
from .places import Tree
from .servers import started

#: Waking the thread that sends after a quiet moment: at most one for each such moment, and under a
#: tool, which makes system calls slow, the moments are many. One for 100 launches is enough.
WAKES = traces.LAUNCHES // 100


@dataclass(frozen=True)
class Steady:
    """The steady state of a loop of launches."""

    calls: Counter[str]
    allocations: int

    @property
    def most_sends(self) -> int:
        return traces.LAUNCHES * LAUNCH_BYTES // GATHERED + 2

    @property
    def sends(self) -> int:
        return sum(self.calls[name] for name in traces.SENDS)

    #: Looking for acknowledgements while the window is full: no more often than sending it.
    @property
    def looks(self) -> int:
        return self.calls["recvfrom"]

    @property
    def others(self) -> dict[str, int]:
        return {name: count for name, count in self.calls.items()
                if name not in traces.SENDS and name not in ("futex", "poll", "recvfrom")}

    def problems(self) -> list[str]:
        found = []
        if self.sends > self.most_sends:
            found.append(f"{self.sends} sends, more than one for {GATHERED} bytes ({self.most_sends})")
        if self.looks > self.most_sends:
            found.append(f"{self.looks} looks for acknowledgements, more than {self.most_sends}")
        if self.calls["futex"] > WAKES:
            found.append(f"{self.calls['futex']} futex calls, more than {WAKES}")
        if self.others:
            found.append(f"other system calls: {self.others}")
        if self.allocations:
            found.append(f"{self.allocations} allocations, none is right")
        return found

    def lines(self) -> list[str]:
        said = (f"{traces.LAUNCHES} launches: {self.sends} sends (at most {self.most_sends}), "
                f"{self.calls['futex']} futex calls (at most {WAKES}), {self.allocations} allocations")
        return [f"{'FAIL' if self.problems() else 'ok  '}  {said}",
                *(f"      {problem}" for problem in self.problems())]


def steady_state(tree: Tree) -> Steady:
    with started(tree) as server:
        return Steady(traces.system_calls(server, tree), traces.allocations(server, tree))
