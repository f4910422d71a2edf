"""How data connections travel, and what `ferry netperf` says of it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from .registry import Scene, check, require
from .stage import WORKER, ferry, require_gone, server, working

PROGRAM = "vector_add[cu13-static]"
#: The ways to a server, and what it must be told to have them.
WAYS = (((), ("tls", "unix", "shm")), (("--data-clear-text",), ("tcp",)))


@check("transports: each that is asked for is used, and shown", PROGRAM, WORKER)
def each(scene: Scene) -> None:
    for options, ways in WAYS:
        with server(scene, *options) as at:
            for asked in (*ways, "auto"):
                used = "shm" if asked == "auto" else asked
                done = ferry(at, "run", "-v", "--transport", asked, "--", *scene.program(PROGRAM))
                require(done.returncode == 0, f"{asked}: {done}")
                require(f"used transport {used}\n" in done.stderr, f"{asked}: {done.stderr}")
                with working(scene, at, "program", "--transport", asked) as running:
                    shown = [worker.get("transport") for worker in at.workers()]
                    require(shown == [used], f"ferry list: {shown}")
                    running.process.terminate()
                    running.finish(20)


@check("transports: one that cannot be had is refused at once", PROGRAM)
def impossible(scene: Scene) -> None:
    with server(scene) as at:
        for options, word in (
                (("--transport", "tcp"), "use tls"),
                (("--transport", "shm", "--socket", "/no/such/socket"), "/no/such/socket"),
                (("--transport", "carrier-pigeon"), "carrier-pigeon"),
                (("--emulate-link", "soon"), "soon")):
            done = ferry(at, "run", *options, "--", "echo", "started")
            require(done.returncode != 0 and not done.stdout and word in done.stderr, f"{options}: {done}")
            require(at.leases() == [], f"{options}: its lease is not given back")
        # A socket that cannot be reached is passed over when nobody asked for it.
        done = ferry(at, "run", "-v", "--socket", "/no/such/socket", "--", *scene.program(PROGRAM))
        require(done.returncode == 0 and "used transport tls\n" in done.stderr, f"{done}")
    with server(scene, "--data-clear-text") as at:
        done = ferry(at, "run", "--transport", "tls", "--", "echo", "started")
        require(done.returncode != 0 and not done.stdout and "not to encrypt" in done.stderr, f"{done}")


@check("transports: a killed program is noticed within a second over each", WORKER)
def killed(scene: Scene) -> None:
    for options, ways in WAYS:
        with server(scene, *options) as at:
            for transport in ways:
                with working(scene, at, f"program-{transport}", "--transport", transport) as running:
                    worker = at.workers()[0]
                    os.kill(running.program(Path(scene.program(WORKER)[0]).name), 9)
                    require_gone(worker["pid"], time.monotonic(), f"the worker over {transport}")
                    require(running.finish(10).status == 137, "the status")


@check("transports: a network that is played, and the measurement of it", PROGRAM)
def emulated(scene: Scene) -> None:
    with server(scene) as at:
        program = scene.program(PROGRAM)
        for transport in ("tls", "unix", "shm"):
            link = ("--transport", transport, "--emulate-link", "20ms,10gbit")
            done = ferry(at, "run", *link, "--", *program)
            require(done.returncode == 0, f"{transport}: {done}")
            done = ferry(at, "netperf", *link, "--seconds", "0.5", "--format", "json", seconds=60)
            require(done.returncode == 0, f"{transport}: {done}")
            row = json.loads(done.stdout)["transports"][0]
            median = row["figures"]["spinning"]["median_us"]
            require(row["transport"] == transport and 20_000 <= median, f"{transport}: {row}")
        require(at.leases() == [], "leases are left")


@check("transports: ferry netperf measures each way")
def netperf(scene: Scene) -> None:
    with server(scene) as at:
        done = ferry(at, "netperf", "--seconds", "0.7", "--format", "json", seconds=60)
        require(done.returncode == 0, f"{done}")
        ways = json.loads(done.stdout)["transports"]
        require([row["transport"] for row in ways] == ["tls", "tcp", "unix", "shm"], f"{ways}")
        rows = [row for row in ways if row.get("figures")]
        require([row["transport"] for row in rows] == ["tls", "unix", "shm"], f"{ways}")
        for row in rows:
            figures = row["figures"]
            rates = [figures["messages_per_second"], *figures["to_server"], *figures["from_server"]]
            require(len(rates) == 5 and min(rates) > 0, f"{row}")
            require(0 < figures["spinning"]["median_us"] <= figures["spinning"]["p99_us"], f"{row}")
        table = ferry(at, "netperf", "--transport", "shm", "--seconds", "0.2", seconds=60)
        require("RTT US" in table.stdout and "shm: A step of 139 launches" in table.stdout, f"{table}")
