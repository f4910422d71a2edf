"""What `ferry run --stats`, `--stats-file` and `--trace` tell."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .registry import Scene, check, require
from .stage import WORKER, ferry, server, working

PROGRAM = "vector_add[cu13-static]"
FORKING = "fork_before[cu13-static]"
FAILING = "error_out_of_memory[cu13-static]"


@check("statistics: counts, as text and as JSON", PROGRAM, FORKING)
def counts(scene: Scene) -> None:
    with server(scene) as at:
        file = Path(f"{scene.log}.json")
        done = ferry(at, "run", "--stats", "--stats-file", str(file), "--", *scene.program(PROGRAM))
        require(done.returncode == 0, f"{done}")
        told = json.loads(file.read_text())
        calls = {row["name"]: row for row in told["calls"]}
        launch, total = calls["cuLaunchKernel"], told["total"]
        require(launch["calls"] > 0 and launch["round_trips"] == 0, f"launches: {launch}")
        require(launch["bytes_sent"] >= 64 * launch["calls"], f"launches: {launch}")
        copies = calls["cuMemcpyDtoH_v2"]
        require(copies["round_trips"] == copies["calls"] and copies["bytes_received"] > 0
                and copies["waited_ns"] > 0, f"copies: {copies}")
        require(calls["cuDeviceGetAttribute"]["bytes_sent"] == 0, "attributes are asked of the server")
        for key in ("calls", "round_trips", "bytes_sent", "waited_ns"):
            require(total[key] == sum(row[key] for row in told["calls"]), f"the total of {key}")
        require(len(told["processes"]) == 1, f"{told['processes']}")
        require("cuLaunchKernel" in done.stderr and "ROUND TRIPS" in done.stderr, done.stderr)
        ferry(at, "run", "--stats-file", str(file), "--", *scene.program(FORKING))
        require(len(json.loads(file.read_text())["processes"]) >= 1, "a program that forks")
        done = ferry(at, "run", "--stats", "--", "true")
        require(done.returncode == 0 and "no CUDA calls" in done.stderr, f"{done}")


@check("statistics: a program that is killed leaves them", WORKER)
def killed(scene: Scene) -> None:
    with server(scene) as at:
        file = Path(f"{scene.log}.json")
        with working(scene, at, "program", "--stats-file", str(file)) as running:
            pid = running.program(Path(scene.program(WORKER)[0]).name)
            os.kill(pid, 9)
            require(running.finish(20).status == 137, "the status")
        require(json.loads(file.read_text())["total"]["calls"] > 0, "nothing was counted")


@check("statistics: a trace", PROGRAM)
def trace(scene: Scene) -> None:
    with server(scene) as at:
        file = Path(f"{scene.log}.trace")
        done = ferry(at, "run", "--trace", str(file), "--", *scene.program(PROGRAM))
        require(done.returncode == 0 and not done.stderr, f"{done}")
        events = json.loads(file.read_text())["traceEvents"]
        calls = [event for event in events if event["ph"] == "X"]
        names = {event["name"] for event in calls}
        require({"cuLaunchKernel", "cuMemcpyDtoH_v2"} <= names, f"{sorted(names)}")
        require(all(event["dur"] > 0 for event in calls), "a call without a duration")
        require(any(event["args"]["waited_us"] > 0 for event in calls), "no call has waited")
        refused = ferry(at, "run", "--trace", "/no/such/folder/t", "--", "echo", "started")
        require(refused.returncode == 64 and not refused.stdout and refused.stderr.count("\n") == 1,
                f"a file that cannot be made: {refused}")


@check("statistics: a trace says which calls failed, and how", FAILING)
def failures(scene: Scene) -> None:
    with server(scene) as at:
        file = Path(f"{scene.log}.trace")
        done = ferry(at, "run", "--trace", str(file), "--", *scene.program(FAILING))
        require(done.returncode == 0, f"{done}")
        calls = [event for event in json.loads(file.read_text())["traceEvents"] if event["ph"] == "X"]
        results = [event["args"].get("result") for event in calls if event["name"] == "cuMemAlloc_v2"]
        require({None, "CUDA_ERROR_OUT_OF_MEMORY"} == set(results), f"cuMemAlloc_v2 returned {results}")
