"""Large copies over the bulk channels of each transport."""

from __future__ import annotations

import json
from pathlib import Path

from .registry import Scene, check, require
from .stage import ferry, server

PROGRAM = "large_copies[cu13-static]"
ASIDE = "copies_aside[cu13-static]"
WAYS = (((), ("tls", "unix", "shm")), (("--data-clear-text",), ("tcp",)))


def round_trips(file: Path) -> int:
    """Those of the program's 20 synchronous copies to the GPU: each of the 16 that go over bulk channels has an
    answer, of the others only one that waits for work of another thread."""
    calls = {row["name"]: row for row in json.loads(file.read_text())["calls"]}
    return calls["cuMemcpyHtoD_v2"]["round_trips"]


@check("copies: over no, one and several bulk channels of each transport", PROGRAM)
def each(scene: Scene) -> None:
    file = Path(f"{scene.log}.json")
    for options, ways in WAYS:
        with server(scene, *options) as at:
            for transport in ways:
                for channels in (0, 1, 3):
                    done = ferry(at, "run", "--transport", transport, "--stats-file", str(file), "--",
                                 "env", f"FERRY_BULK_CHANNELS={channels}", *scene.program(PROGRAM), seconds=120)
                    name = f"{channels} channels over {transport}"
                    require(done.returncode == 0 and "passed" in done.stdout, f"{name}: {done}")
                    require((round_trips(file) >= 16) == (channels > 0), f"{name}: {round_trips(file)} round trips")
            require(at.leases() == [], "leases are left")


@check("copies: those that nobody waits for, over each transport", ASIDE)
def aside(scene: Scene) -> None:
    for options, ways in WAYS:
        with server(scene, *options) as at:
            for transport in ways:
                for channels in (0, 3):
                    done = ferry(at, "run", "--transport", transport, "--", "env", f"FERRY_BULK_CHANNELS={channels}",
                                 *scene.program(ASIDE), seconds=120)
                    require(done.returncode == 0 and "passed" in done.stdout, f"{channels}, {transport}: {done}")
            require(at.leases() == [], "leases are left")


@check("copies: over a network that is played", PROGRAM)
def emulated(scene: Scene) -> None:
    file = Path(f"{scene.log}.json")
    with server(scene) as at:
        # Over the slow one pieces are compressed, unless that is turned off.
        for link, packing in (("1ms,10gbit", "auto"), ("0us,1gbit", "auto"), ("0us,1gbit", "off")):
            done = ferry(at, "run", "--emulate-link", link, "--stats-file", str(file), "--",
                         "env", f"FERRY_COMPRESSION={packing}", *scene.program(PROGRAM), seconds=120)
            require(done.returncode == 0 and "passed" in done.stdout, f"{link}, {packing}: {done}")
            require(round_trips(file) >= 16, f"{link}, {packing}: no bulk channels")
