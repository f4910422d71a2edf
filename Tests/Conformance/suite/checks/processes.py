"""Processes that are killed: what they held comes back, and nobody else notices."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ..running import wait_until
from ..server import MEMORY_MIB
from .registry import Scene, check, require
from .stage import (SPINNER, WORKER, bystander, ferry, program_pid, require_gone, require_no_lease,
                    server, worker_of, working)


@check("processes: a client that is killed frees its worker and its memory at once", WORKER, SPINNER)
def killed_client(scene: Scene) -> None:
    with server(scene, gpus=1) as at, bystander(scene, at):
        for case in (WORKER, SPINNER):
            with working(scene, at, f"killed-{case.split('[')[0]}", "-p", "0.75", case=case) as running:
                pid = program_pid(scene, running, case)
                worker = worker_of(at, pid)
                os.kill(pid, signal.SIGKILL)
                killed = time.monotonic()
                require_gone(worker, killed, f"the worker of {case}")
                require(running.finish(10).status == 137, "the status of the killed program")
            require(wait_until(lambda: len(at.leases()) == 1, 2), f"leases: {at.leases()}")
            again = ferry(at, "run", "-n", "1", "-p", "0.75", "--", "true")
            require(again.returncode == 0, f"its memory is not free again: {again.stderr}")


@check("processes: a worker that is killed costs its own program only", WORKER)
def killed_worker(scene: Scene) -> None:
    with server(scene, gpus=1) as at, bystander(scene, at):
        with working(scene, at, "program", "-p", "0.5") as running:
            worker = worker_of(at, program_pid(scene, running))
            os.kill(worker, signal.SIGKILL)
            outcome = running.finish(20)
            require(not outcome.timed_out, "its program does not end")
            require(0 < outcome.status < 128, f"its program ended with {outcome.status}")
            require("cudaError" in outcome.stdout, f"its program was not told: {outcome.stdout!r}")
        require(wait_until(lambda: len(at.leases()) == 1, 3), "its lease is not given back")
        require(str(worker) in at.log_text(), "no line of the log names the worker")


@check("processes: all GPUs are free after programs of every ending",
       "endings.return[cu13-static]", "endings._exit[cu13-static]", "endings.abort[cu13-static]",
       "fork_after[cu13-static]", "error_kernel.write[cu13-static]")
def endings(scene: Scene) -> None:
    with server(scene, gpus=2) as at:
        for name in ("endings.return", "endings._exit", "endings.abort", "fork_after", "error_kernel.write"):
            at.run(scene.program(f"{name}[cu13-static]"), Path(f"{scene.log}.{name}"), gpus=2).finish(120)
            require_no_lease(at)
            free = [gpu["memory_free_bytes"] >> 20 for gpu in at.listed()["gpus"]]
            require(free == [MEMORY_MIB] * 2, f"after {name}: {free} MiB free")


@check("processes: each process of a run has a worker of its own", WORKER)
def several(scene: Scene) -> None:
    with server(scene, gpus=1) as at:
        program = scene.program(WORKER)[0]
        script = f"{program} launches & {program} copies & wait"
        running = at.run(["sh", "-c", script], Path(f"{scene.log}.program"))
        try:
            require(wait_until(lambda: running.stdout.count("working") == 2, 60), "they do not start")
            workers = at.workers()
            require(len(at.leases()) == 1 and len(workers) == 2, f"{at.leases()}")
            for worker in workers:
                os.kill(worker["client_pid"], signal.SIGKILL)
                require_gone(worker["pid"], time.monotonic(), "a worker")
            require(running.finish(10).status == 0, "the shell's status")
            require_no_lease(at)
        finally:
            running.end()
