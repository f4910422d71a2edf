"""Functions of the program that streams call, over each transport."""

from __future__ import annotations

from .registry import Scene, check, require
from .stage import ferry, server

PROGRAM = "host_functions[cu13-static]"
GRAPHS = "graph_functions.inside[cu13-static]"
WAYS = (((), ("tls", "unix", "shm")), (("--data-clear-text",), ("tcp",)))


@check("functions: called over each transport, with and without channels for copies", PROGRAM)
def each(scene: Scene) -> None:
    for options, ways in WAYS:
        with server(scene, *options) as at:
            for transport in ways:
                for channels in (0, 3):
                    done = ferry(at, "run", "--transport", transport, "--", "env", f"FERRY_BULK_CHANNELS={channels}",
                                 *scene.program(PROGRAM), seconds=120)
                    require(done.returncode == 0 and "passed" in done.stdout, f"{channels}, {transport}: {done}")
            require(at.leases() == [], "leases are left")


@check("functions: called over a network that is played", PROGRAM)
def emulated(scene: Scene) -> None:
    with server(scene) as at:
        done = ferry(at, "run", "--emulate-link", "1ms,10gbit", "--", *scene.program(PROGRAM), seconds=120)
        require(done.returncode == 0 and "passed" in done.stdout, f"{done}")


@check("functions: in a graph around copies of the program's memory", GRAPHS)
def inside(scene: Scene) -> None:
    with server(scene) as at:
        done = ferry(at, "run", "--", *scene.program(GRAPHS))
        require(done.returncode == 0 and done.stdout == "cudaErrorNotSupported\n", f"{done}")
