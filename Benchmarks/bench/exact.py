"""Rows that are counts or states of processes, not times that take turns."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from . import building, gates, instructions, traces
from .contestants import Contestant, ContestantError, Spec, Stage
from .figures import MOST_FOREIGN, Figure, Goal, Sample, figure, judged, missing
from .foreign import Meter, Patience
from .places import descendants

LAUNCHES = 1_000_000
WORKER_ROUNDS = 3


def counted(stage: Stage) -> list[Figure]:
    """Instructions and system calls of the hot paths."""
    rows = {"launch_instructions": Goal("value", "<=", 200), instructions.WORKER_PATH: None}
    try:
        counts = {count.name: count for count in instructions.count_all(stage.tree)}
        raw, figures = counts.pop(instructions.FLOOR).value, []
        for name, count in counts.items():
            floor = raw if name == "launch_instructions" else None
            figures.append(judged(Figure(
                name, count.value, "instructions", floor, count.value / floor if floor else None,
                low=count.value, high=count.value, samples=1), rows.get(name)))
    except (instructions.CountError, building.BuildError) as error:
        figures = [missing(name, "instructions", goal, str(error)) for name, goal in rows.items()]
    return figures


def steady(stage: Stage) -> list[Figure]:
    """What the thread that launches does besides computing."""
    # One send for each buffer that is full, and nothing else.
    sends, none = Goal("value", "<=", round(1e3 * gates.LAUNCH_BYTES / gates.GATHERED, 1)), Goal("value", "<=", 0)
    try:
        state = gates.steady_state(stage.tree)
    except traces.TraceError as error:
        return [missing("launch_system_calls", "/1000", sends, str(error)),
                missing("launch_allocations", "/1000", none, str(error))]
    calls = 1e3 * sum(state.calls.values()) / traces.LAUNCHES
    note = ", ".join(f"{count} {name}" for name, count in state.calls.most_common())
    return [judged(Figure("launch_system_calls", calls, "/1000", samples=1, note=f"{note}; under strace"), sends),
            judged(Figure("launch_allocations", 1e3 * state.allocations / traces.LAUNCHES, "/1000", samples=1),
                   none)]


def round_trips(stage: Stage) -> list[Figure]:
    goal = Goal("value", "<=", 3)
    try:
        trips = traces.start_round_trips(stage.server("null"), stage.tree)
    except traces.TraceError as error:
        return [missing("start_round_trips", "", goal, str(error))]
    return [judged(Figure("start_round_trips", float(trips), "", 3.0, trips / 3, low=trips, high=trips, samples=1),
                   goal)]


def status(pid: int, key: str) -> float:
    """A line of /proc/PID/status, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise ContestantError(f"process {pid} has no {key}")


def client_memory(smaps: str) -> float:
    """MiB that the library and all that is on the heap have resident, of /proc/PID/smaps: everything but
    the program, the C library and the stack."""
    total, is_counted = 0, False
    for line in smaps.splitlines():
        head = line.split()
        if head and "-" in head[0] and not head[0].endswith(":"):
            name = head[5] if len(head) > 5 else ""
            is_counted = name in ("", "[heap]") or "libcuda" in name
        elif line.startswith("Rss:") and is_counted:
            total += int(head[1])
    return total / 1024


class Held:
    """A program that has used a little of everything and waits."""

    def __init__(self, stage: Stage, spec: Spec):
        self._process = subprocess.Popen(stage.command(spec), env=stage.environment(spec),
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ContestantError("start --hold ended")
        self.pid = json.loads(line)["pid"]

    def close(self) -> None:
        self._process.communicate("")


def worker_of(stage: Stage, launch: str = "null") -> int:
    """The only worker of a daemon."""
    found = [pid for pid in descendants(stage.server(launch).pid)
             if "ferry-worker" in os.readlink(f"/proc/{pid}/exe")]
    if len(found) != 1:
        raise ContestantError(f"{len(found)} workers instead of one")
    return found[0]


def memory(stage: Stage) -> list[Figure]:
    """Of the client library at rest, and of the worker beyond what the driver itself takes."""
    arguments = ("--hold", "1")
    through, straight = (Held(stage, Spec(side, "start", arguments)) for side in ("ferry", "native"))
    try:
        client = client_memory(Path(f"/proc/{through.pid}/smaps").read_text())
        worker = status(worker_of(stage), "VmRSS") - status(straight.pid, "VmRSS")
    finally:
        through.close()
        straight.close()
    return [judged(Figure("client_memory", client, "MiB", samples=1), Goal("value", "<=", 8)),
            judged(Figure("worker_memory", worker, "MiB", samples=1), Goal("value", "<=", 32))]


def user_seconds(pid: int) -> float:
    """CPU time outside of the kernel of all threads of a process."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]) / os.sysconf("SC_CLK_TCK")


def user_sample(contestant: Contestant, pid: int) -> Sample:
    """Microseconds outside of the kernel that a process has for each launch of a sample."""
    meter = Meter()
    meter.begin()
    before = user_seconds(pid)
    contestant.sample()
    used = user_seconds(pid) - before
    return Sample(1e6 * used / LAUNCHES, meter.end())


def worker_cost(stage: Stage) -> list[Figure]:
    """Microseconds of the worker for a launch, without the kernel and without the driver's call, which
    is what the program that makes the same launches straight has."""
    arguments = ("launch_done", "--count", str(LAUNCHES))
    ours, straight = (Contestant(stage, Spec(side, "calls", arguments)) for side in ("ferry", "native"))
    patience, values, natives = Patience(10), [], []
    try:
        worker = worker_of(stage)
        ours.sample()
        for _ in range(WORKER_ROUNDS):
            patience.wait(MOST_FOREIGN)
            natives.append(user_sample(straight, straight.pid))
            used = user_sample(ours, worker)
            values.append(Sample(used.value - natives[-1].value, used.foreign))
    finally:
        ours.close()
        straight.close()
    made = figure("worker_call_us", "us", values, [], natives, Goal("value", "<=", 0.15), WORKER_ROUNDS)
    made.note = "; ".join(filter(None, [made.note, "user time of a busy worker, without the driver's"]))
    return [made]


EXACT: dict[str, Callable[[Stage], list[Figure]]] = {
    "instructions": counted,
    "steady state": steady,
    "round trips": round_trips,
    "memory": memory,
    "worker": worker_cost,
}
#: Names of the figures that each makes, for --only.
NAMES = {
    "instructions": ("launch_instructions", "launch_anew_instructions", "event_record_instructions", "stream_query_instructions",
                     "h2d_64_instructions", "worker_launch_instructions"),
    "steady state": ("launch_system_calls", "launch_allocations"),
    "round trips": ("start_round_trips",),
    "memory": ("client_memory", "worker_memory"),
    "worker": ("worker_call_us",),
}
