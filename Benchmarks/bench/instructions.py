"""Instructions of the hot paths, counted by callgrind: exact, so that they can be a gate.

Each figure is the difference between two runs of a program, one with more calls than the other,
divided by the difference in calls: what a start costs is in neither.
"""

from __future__ import annotations

import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import building, callgrind, inlined
from .places import Server, Tree, wait_until
from .servers import started

#: Calls of the two runs.
FEW, MANY = 2_000, 22_000

#: Threads take turns: otherwise the one that is counted might keep the others from running at all.
CALLGRIND = ["valgrind", "--tool=callgrind", "--fair-sched=yes", "--quiet", "--compress-strings=no", "--compress-pos=no",
             "--dump-instr=yes"]


@dataclass(frozen=True)
class HotPath:
    """A hot path of the client library: what the program calls, and the export that is counted."""

    name: str
    call: str
    export: str
    #: Whether it waits for a reply. How often it looks for one is chance, so that is not counted.
    waits: bool = False


CLIENT_PATHS = (
    HotPath("launch_instructions", "launch", "cuLaunchKernel"),
    HotPath("launch_anew_instructions", "anew", "cuLaunchKernel"),
    HotPath("event_record_instructions", "event_record", "cuEventRecord"),
    HotPath("stream_query_instructions", "stream_query", "cuStreamQuery", waits=True),
    HotPath("h2d_64_instructions", "h2d_64", "cuMemcpyHtoDAsync_v2"),
)
#: In the names of the functions that look for a reply.
LOOKING = ("7RepliesO", "13RecordDecoderV")
FLOOR = "floor_launch_instructions"
WORKER_PATH = "worker_launch_instructions"


@dataclass
class Count:
    """Instructions of one call, and of which functions they are."""

    name: str
    functions: dict[str, float] = field(default_factory=dict)
    #: Of other libraries, such as the C library's memcpy, by object.
    elsewhere: dict[str, float] = field(default_factory=dict)
    #: Of the source's functions, inlined ones too, dearest first; empty when nobody asked.
    inlined: list[tuple[str, float]] = field(default_factory=list)

    @property
    def value(self) -> float:
        return sum(self.functions.values())


class CountError(Exception):
    """The tool is missing, or a program did not end well under it."""


def is_available() -> str | None:
    """Why counting is not possible here; None when it is."""
    return None if shutil.which("valgrind") else "valgrind is not installed"


def count(name: str, own: str, few: list[Path], many: list[Path]) -> Count:
    """The difference of two runs, parted into the object that is ours and others."""
    if not few or not many:
        raise CountError(f"{name}: callgrind has written nothing")
    costs = callgrind.per_call(callgrind.read(few), callgrind.read(many), MANY - FEW)
    elsewhere: dict[str, float] = {}
    for (where, _), cost in costs.items():
        if where != own:
            elsewhere[where] = elsewhere.get(where, 0) + cost
    return Count(name, callgrind.of_object(costs, own), elsewhere)


class Counter:
    """Runs programs through Ferry with one side under callgrind."""

    def __init__(self, tree: Tree, explains: bool):
        self._tree = tree
        self._explains = explains
        self._program = building.program("count", tree)
        self._client = building.client_with_names()
        self._folder = Path(tempfile.mkdtemp(prefix="ferry-count-"))
        # A worker may give up its privileges before it writes.
        self._folder.chmod(0o777)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def client(self, server: Server, path: HotPath) -> Count:
        """Of the client library: only what happens inside of the export, on the calling thread."""
        runs = []
        for calls in (FEW, MANY):
            out = self._folder / f"{path.name}-{calls}.out"
            self._run(server, ["env", f"LD_LIBRARY_PATH={self._client.parent}", *CALLGRIND,
                               f"--toggle-collect={path.export}", f"--callgrind-out-file={out}",
                               str(self._program), path.call, str(calls)])
            runs.append([out])
        made = count(path.name, "libcuda.so.1", *runs)
        self._explain(made, building.CLIENT, "libcuda.so.1", *runs)
        if path.waits:
            made.functions = {function: cost for function, cost in made.functions.items()
                              if not any(part in function for part in LOOKING)}
        return made

    def floor(self) -> Count:
        """Of the same record in plain C."""
        program, runs = building.floor("encode"), []
        for calls in (FEW, MANY):
            out = self._folder / f"encode-{calls}.out"
            subprocess.run([*CALLGRIND, "--toggle-collect=encode_launch", f"--callgrind-out-file={out}",
                            str(program), str(calls)], check=True, timeout=60)
            runs.append([out])
        return count(FLOOR, "floor-encode", *runs)

    def worker(self) -> Count:
        """Of the worker: everything in its own program, from the socket to the driver's call."""
        real = building.worker_with_names()
        runs = []
        for calls in (FEW, MANY):
            pattern = self._folder / f"worker-{calls}.%p"
            wrapper = self._folder / f"wrapper-{calls}" / "ferry-worker"
            wrapper.parent.mkdir()
            # The daemon also asks the worker what GPUs there are; that need not be counted.
            wrapper.write_text("#!/bin/sh\n" + f'[ "$1" = serve ] || exec {real} "$@"\n' + " ".join(
                ["exec", *CALLGRIND, f"--callgrind-out-file={pattern}", str(real), '"$@"']) + "\n")
            wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
            with started(self._tree, options=("--worker", str(wrapper))) as server:
                self._run(server, [str(self._program), "launch", str(calls)])
                written = finished(self._folder, f"worker-{calls}.")
            runs.append(written)
        made = count(WORKER_PATH, "ferry-worker", *runs)
        self._explain(made, building.WORKER, "ferry-worker", *runs)
        return made

    def _explain(self, made: Count, binary: Path, part: str, few: list[Path], many: list[Path]) -> None:
        if self._explains:
            made.inlined = inlined.breakdown(binary, inlined.per_call(few, many, part, MANY - FEW))

    def _run(self, server: Server, command: list[str]) -> None:
        done = subprocess.run(server.run_command(command), env=server.environment(),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise CountError(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")


def finished(folder: Path, prefix: str) -> list[Path]:
    """The files that the workers have written, once they are whole."""
    def found() -> list[Path]:
        return [file for file in folder.iterdir()
                if file.name.startswith(prefix) and "totals:" in file.read_text(errors="replace")[-4096:]]

    wait_until(lambda: bool(found()), 30, 0.1)
    return found()


def count_all(tree: Tree, explains: bool = False) -> list[Count]:
    """All hot paths, and of which functions of the source they are."""
    problem = is_available()
    if problem:
        raise CountError(problem)
    counter = Counter(tree, explains)
    try:
        with started(tree) as server:
            counts = [counter.client(server, path) for path in CLIENT_PATHS]
        return [*counts, counter.worker(), counter.floor()]
    finally:
        counter.close()
