"""Memory and events that processes share."""

from __future__ import annotations

from pathlib import Path

from ..server import SHARED
from .registry import Scene, check, require
from .stage import ferry, server

PROGRAM = "process_sharing[cu13-static]"
EXPECTED = Path(__file__).parents[2] / "expected" / "process_sharing.txt"


@check("sharing: memory and events of another process of the run", PROGRAM)
def within(scene: Scene) -> None:
    for gpus in (1, 2):
        with server(scene, gpus=gpus, settings=SHARED) as at:
            for transport in ("auto", "tls"):
                done = ferry(at, "run", "-n", str(gpus), "--transport", transport, "--", *scene.program(PROGRAM))
                require(done.returncode == 0 and done.stdout == EXPECTED.read_text(), f"{gpus} GPUs, {transport}: {done}")
            require(at.leases() == [], "leases are left")
            require(not list((at.state / "shared").iterdir()), "names are left")


@check("sharing: nothing of another run", PROGRAM)
def between(scene: Scene) -> None:
    with server(scene, settings=SHARED) as at:
        program = scene.program(PROGRAM)
        giver = at.run([*program, "give"], Path(f"{scene.log}.giver"), options=("-p", "0.25"))
        try:
            require(giver.printed("working", 30), f"the giver does not start: {giver.stderr}")
            handle = giver.stdout.split()[0]
            own = ferry(at, "run", "-p", "0.25", "--", *program, "take", handle)
            require(own.stdout == "cudaErrorInvalidValue\n", f"a handle of another run: {own}")
        finally:
            giver.end()


@check("sharing: a server whose GPUs cannot", PROGRAM)
def without(scene: Scene) -> None:
    with server(scene) as at:
        done = ferry(at, "run", "--", *scene.program(PROGRAM), "give")
        require("cudaErrorNotSupported" in done.stdout, f"{done}")
