"""Leases: slices, refusals, exit status and signals, restarts of the daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from ..running import wait_until
from ..server import MEMORY_MIB
from .registry import Scene, check, require
from .stage import (SPINNER, WORKER, ferry, program_pid, require_no_lease, require_running,
                    server, worker_of, working)

NOTHING_FREE = 75
PROCESSES = "slice_processes[cu13-static]"


@check("leases: two halves of a GPU, and nothing for a third", WORKER)
def halves(scene: Scene) -> None:
    with server(scene) as at, working(scene, at, "first", "-p", "0.5"):
        with working(scene, at, "second", "-p", "0.5"):
            leases = at.leases()
            require(len(leases) == 2, f"{len(leases)} leases")
            sizes = [gpu["memory_bytes"] >> 20 for lease in leases for gpu in lease["gpus"]]
            require(sizes == [MEMORY_MIB // 2] * 2, f"slices of {sizes} MiB")
            for options in (("-p", "0.5"), ("-m", "1"), ()):
                started = time.monotonic()
                refused = ferry(at, "run", "-n", "1", *options, "--", "echo", "started")
                seconds = time.monotonic() - started
                require(refused.returncode == NOTHING_FREE and not refused.stdout,
                        f"{options}: {refused.returncode}, {refused.stdout}")
                require("free" in refused.stderr and refused.stderr.count("\n") == 1,
                        f"{options}: {refused.stderr!r}")
                require(seconds < 3, f"{options}: only told after {seconds:.1f} s")
        third = ferry(at, "run", "-n", "1", "-p", "0.5", "--", "echo", "started")
        require(third.returncode == 0 and third.stdout == "started\n", f"afterwards: {third}")


@check("leases: a slice is the whole GPU to its program", "slice[cu13-static]")
def slices(scene: Scene) -> None:
    with server(scene) as at:
        for options, size in ((("-p", "0.25"), MEMORY_MIB // 4), (("-m", "512"), 512), ((), MEMORY_MIB)):
            name = f"{scene.log}.{size}"
            outcome = at.run(scene.program("slice[cu13-static]"), Path(name), options=options).finish(120)
            want = [
                f"cudaMemGetInfo: {size} MiB", f"cudaGetDeviceProperties: {size} MiB",
                "the whole and a MiB: cudaErrorMemoryAllocation", "then cudaErrorMemoryAllocation",
                "in pieces: cudaErrorMemoryAllocation", "in pieces of a pool: cudaErrorMemoryAllocation", "passed"]
            missing = [text for text in want if text not in outcome.stdout]
            require(outcome.status == 0 and not missing, f"{options}: lacks {missing}: {outcome}")


@check("leases: a slice is one for all processes of a run", PROCESSES)
def processes(scene: Scene) -> None:
    with server(scene) as at:
        for options in (("-p", "0.5"), ("-m", "512")):
            done = ferry(at, "run", *options, "--", *scene.program(PROCESSES))
            require(done.returncode == 0 and "passed" in done.stdout, f"{options}: {done}")
            require("cudaMalloc(&data, total / 5 * 3): cudaErrorMemoryAllocation" in done.stdout, f"{options}: {done}")
        require(at.leases() == [], "leases are left")


@check("leases: NVML shows a slice as the whole GPU", "nvml[c13]")
def management(scene: Scene) -> None:
    with server(scene) as at:
        for options, size in ((("-p", "0.25"), MEMORY_MIB // 4), (("-m", "512"), 512), ((), MEMORY_MIB)):
            name = f"{scene.log}.{size}"
            command = [*scene.program("nvml[c13]"), "memory"]
            outcome = at.run(command, Path(name), options=options).finish(120)
            want = [f"NVML: {size} MiB, used {used} MiB" for used in (0, 64)]
            missing = [text for text in [*want, "passed"] if text not in outcome.stdout]
            require(outcome.status == 0 and not missing, f"{options}: lacks {missing}: {outcome}")
        hidden = subprocess.run(
            [str(at.tree.ferry), "run", "-n", "1", "--", *command], text=True, capture_output=True, timeout=60,
            env={**at.environment(), "CUDA_VISIBLE_DEVICES": ""})
        require(want[0] in hidden.stdout and "CUDA_ERROR_NO_DEVICE" in hidden.stdout,
                f"CUDA_VISIBLE_DEVICES hides GPUs of NVML: {hidden}")
        require_no_lease(at)


@check("leases: what can never be had is refused")
def never(scene: Scene) -> None:
    with server(scene) as at:
        for options in (("-n", "3"), ("-m", str(MEMORY_MIB + 1)), ("-n", "0"), ("-p", "1.5"), ("-p", "0"),
                        ("-p", "0.5", "-m", "5")):
            refused = ferry(at, "run", *options, "--", "echo", "started")
            require(refused.returncode not in (0, NOTHING_FREE) and not refused.stdout,
                    f"{options}: {refused.returncode}, {refused.stdout}")
            require(refused.stderr.strip(), f"{options}: says nothing")
        require_no_lease(at)


@check("leases: exit status and signals of the program pass through")
def statuses(scene: Scene) -> None:
    with server(scene) as at:
        for command, status in (("exit 0", 0), ("exit 3", 3), ("exit 255", 255),
                                ("kill -SEGV $$", 139), ("kill -KILL $$", 137)):
            done = ferry(at, "run", "-n", "1", "--", "sh", "-c", command)
            require(done.returncode == status, f"{command}: {done.returncode}")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            running = at.run(["sh", "-c", "echo ready; exec sleep 60"], Path(f"{scene.log}.{number.name}"))
            require(running.printed("ready", 20), "the program does not start")
            os.kill(running.process.pid, number)
            status = running.finish(20).status
            require(status == 128 + number, f"{number.name}: {status}")
        handled = at.run(["sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"],
                         Path(f"{scene.log}.handled"))
        require(handled.printed("ready", 20), "the program does not start")
        os.kill(handled.process.pid, signal.SIGTERM)
        require(handled.finish(20).status == 9, "a signal that the program handles")
        missing = ferry(at, "run", "-n", "1", "--", "/no/such/program")
        require(missing.returncode == 127 and missing.stderr.strip(), f"no such program: {missing}")
        plain = Path(f"{scene.log}.plain")
        plain.write_text("no program\n")
        refused = ferry(at, "run", "-n", "1", "--", str(plain))
        require(refused.returncode == 126 and refused.stderr.strip(), f"not executable: {refused}")
        require_no_lease(at)


@check("leases: the three forms of a command")
def forms(scene: Scene) -> None:
    with server(scene) as at:
        for words, output, status in (
                (("--", "printf", "%s|", "a b", "-n", "c"), "a b|-n|c|", 0),
                (("printf", "%s|", "a b", "-n", "c"), "a b|-n|c|", 0),
                (("printf '%s|' 'a b' -n c; exit 5",), "a b|-n|c|", 5)):
            done = ferry(at, "run", "-n", "1", *words)
            require(done.returncode == status and done.stdout == output, f"{words}: {done}")
        require_no_lease(at)


@check("leases: input, output and environment are the program's own")
def plumbing(scene: Scene) -> None:
    with server(scene) as at:
        environment = {**at.environment(), "MARK": "kept", "LD_LIBRARY_PATH": "/old/one"}
        done = subprocess.run(
            [str(at.tree.ferry), "run", "-n", "1", "--", "sh", "-c",
             'cat; echo "$MARK $LD_LIBRARY_PATH"; echo to-error >&2; test -r "$FERRY_LEASE_FILE"'],
            env=environment, input="typed\n", text=True, capture_output=True, timeout=30)
        first, _, second = done.stdout.partition("\n")
        client = str(at.tree.path / "lib" / "ferry" / "client")
        require(done.returncode == 0 and first == "typed" and done.stderr == "to-error\n", f"{done}")
        require(second == f"kept {client}:/old/one\n", f"environment: {second!r}")


@check("leases: a restart of the daemon keeps them", WORKER)
def restart(scene: Scene) -> None:
    with server(scene) as at:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with working(scene, at, f"program-{number.name}", "-p", "0.5") as running:
                before = at.leases()
                pid = program_pid(scene, running)
                worker = worker_of(at, pid)
                at.stop(number)
                at.start()
                after = at.leases()
                require([lease["id"] for lease in after] == [lease["id"] for lease in before],
                        f"after {number.name}: {after}, not {before}")
                require_running(running, "the program")
                require(worker_of(at, pid) == worker, "the worker is not known any more")
                running.process.send_signal(signal.SIGTERM)
                require(running.finish(20).status == 143, "the program does not end as it should")
            require_no_lease(at)


@check("leases: given back when ferry run itself is killed", SPINNER)
def killed_run(scene: Scene) -> None:
    with server(scene) as at, working(scene, at, "program", case=SPINNER) as running:
        pid = program_pid(scene, running, SPINNER)
        worker = worker_of(at, pid)
        os.kill(running.process.pid, signal.SIGKILL)
        # Whatever becomes of the program, the end of its process ends its worker.
        os.kill(pid, signal.SIGKILL)
        require(wait_until(lambda: not Path(f"/proc/{worker}").exists(), 3), "the worker is still there")


@check("leases: a program whose lease is not accepted ends at once", "vector_add[cu13-static]")
def not_accepted(scene: Scene) -> None:
    # A runtime asks for hundreds of entry points before it gives up; each could wait for a server that does not answer.
    another = ("sed '/^secret/{s/0$/1/;t;s/.$/0/}' \"$FERRY_LEASE_FILE\" > \"$0\"; "
               "FERRY_LEASE_FILE=\"$0\" exec \"$@\"")
    with server(scene) as at:
        path = f"{scene.log}.lease"
        done = ferry(at, "run", "--", "sh", "-c", another, path, *scene.program("vector_add[cu13-static]"))
        require(done.returncode == 1 and "cudaErrorDevicesUnavailable" in done.stdout, f"{done}")
        count = at.log_text().count("a client was refused")
        require(0 < count <= 6, f"the server was asked {count} times")
