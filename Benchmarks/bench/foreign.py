"""How much of the machine others used while a sample was taken.

Others are all processes that are not below this one; threads of the kernel work for everybody and
count for nobody.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from .places import descendants

KERNEL_THREADS = 2
NANOSECONDS = 1e9
#: /proc/stat counts ticks: below so many of them a difference says nothing.
UNSURE_TICKS = 4


@dataclass(frozen=True)
class Ticks:
    """The first line of /proc/stat: ticks of all processors since the start of the system."""

    busy: int
    stolen: int

    @classmethod
    def parse(cls, text: str) -> Ticks:
        words = text.split("\n", 1)[0].split()
        if words[:1] != ["cpu"] or len(words) < 5:
            raise ValueError(f"not the first line of /proc/stat: {text[:80]!r}")
        user, nice, system = (int(word) for word in words[1:4])
        return cls(user + nice + system, int(words[8]) if len(words) > 8 else 0)


def parse_parent(stat: str) -> int:
    """The parent in /proc/PID/stat, where the name of the program may hold anything."""
    return int(stat.rpartition(")")[2].split()[1])


def parse_run_time(schedstat: str) -> int:
    """Nanoseconds that a thread has run, of /proc/PID/task/TID/schedstat."""
    return int(schedstat.split()[0])


def run_times(pid: int | str) -> dict[tuple[str, str], int]:
    """Nanoseconds of each thread of a process; empty when it is gone."""
    times = {}
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            text = Path(f"/proc/{pid}/task/{task}/schedstat").read_text()
            times[str(pid), task] = parse_run_time(text)
    except (OSError, IndexError, ValueError):
        pass
    return times


@dataclass(frozen=True)
class Snapshot:
    """CPU that everybody has used so far."""

    at: float
    ticks: Ticks
    own: dict[tuple[str, str], int]
    others: dict[tuple[str, str], int]


def take() -> Snapshot:
    mine = {str(pid) for pid in [os.getpid(), *descendants(os.getpid())]}
    own, others = {}, {}
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        if pid in mine:
            own |= run_times(pid)
        elif not is_of_kernel(pid):
            others |= run_times(pid)
    return Snapshot(time.monotonic(), Ticks.parse(Path("/proc/stat").read_text()), own, others)


def is_of_kernel(pid: str) -> bool:
    try:
        return KERNEL_THREADS in (int(pid), parse_parent(Path(f"/proc/{pid}/stat").read_text()))
    except (OSError, IndexError, ValueError):
        return True


def grown(before: dict[tuple[str, str], int], after: dict[tuple[str, str], int]) -> float:
    """Seconds of CPU between two looks; threads that are new count whole."""
    return sum(max(0, time - before.get(thread, 0)) for thread, time in after.items()) / NANOSECONDS


def share(before: Snapshot, after: Snapshot, processors: int, ticks_per_second: int) -> float:
    """Percent of all processors' time that others had, time stolen by the host included."""
    elapsed = max(after.at - before.at, 1e-6)
    seen = grown(before.others, after.others)
    busy = (after.ticks.busy - before.ticks.busy) / ticks_per_second
    # Processes that came and went between the two looks are in the machine's sum only.
    unseen = busy - seen - grown(before.own, after.own) - UNSURE_TICKS / ticks_per_second
    stolen = (after.ticks.stolen - before.ticks.stolen) / ticks_per_second
    used = seen + max(0.0, unseen) + stolen
    return min(100.0, 100 * used / (elapsed * processors))


class Patience:
    """Waits for quiet moments, so many seconds in all."""

    #: Seconds of one look at the machine.
    LOOK = 0.05

    def __init__(self, seconds: float):
        self.left = seconds

    def wait(self, most_foreign: float) -> None:
        """Returns when others leave the machine alone, or when patience is at an end."""
        while self.left > 0:
            begin, meter = time.monotonic(), Meter()
            meter.begin()
            time.sleep(self.LOOK)
            foreign = meter.end()
            self.left -= time.monotonic() - begin
            if foreign <= most_foreign:
                return


def take_precedence() -> None:
    """Before other processes, where the system lets us; what is started from here on inherits it."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    except (OSError, PermissionError):
        pass


class Meter:
    """Measures the share of others from `begin` to `end`."""

    def __init__(self) -> None:
        self._processors = os.cpu_count() or 1
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._before: Snapshot | None = None

    def begin(self) -> None:
        self._before = take()

    def end(self) -> float:
        assert self._before is not None
        return share(self._before, take(), self._processors, self._ticks)
