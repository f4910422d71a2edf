"""Device code travels once: what a second start sends, and what becomes of a damaged cache."""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from ..running import wait_until
from ..server import Server
from .registry import Scene, check, require
from .stage import ferry, server

PROGRAM = "vector_add[cu13-static]"
SORT = "cupy_sort[py-cupy]"
FIRST = "cupy_start.first[py-cupy]"
MORE = "cupy_start.more[py-cupy]"
KERNELS = "cupy_kernels[py-cupy]"

#: What loads send when they name everything: a header, a name and a call for each.
NAMES_ONLY = 200


def counted(scene: Scene, at: Server, case: str) -> tuple[dict, dict]:
    """Runs a program; what all its calls cost, and what its loads cost."""
    file = Path(f"{scene.log}.json")
    done = ferry(at, "run", "--stats-file", str(file), "--", *scene.program(case), seconds=120)
    require(done.returncode == 0, f"{case}: {done}")
    told = json.loads(file.read_text())
    loads = [row for row in told["calls"] if row["name"].startswith(("cuModuleLoad", "cuLibraryLoad"))]
    keys = ("calls", "round_trips", "bytes_sent", "waited_ns")
    return told["total"], {key: sum(row[key] for row in loads) for key in keys}


def files(at: Server) -> list[Path]:
    """The images that the server keeps."""
    return sorted(path for path in at.state.glob("images/*/*") if not path.name.startswith("."))


@contextmanager
def filled(scene: Scene, *options: str) -> Iterator[Server]:
    """A server that has run the program once."""
    with server(scene, *options) as at:
        counted(scene, at, PROGRAM)
        yield at


@check("images: the second start sends none", PROGRAM, SORT, KERNELS)
def second_start(scene: Scene) -> None:
    with server(scene) as at:
        for case in (PROGRAM, SORT, KERNELS):
            _, first = counted(scene, at, case)
            _, second = counted(scene, at, case)
            require(first["bytes_sent"] > 500, f"{case}, first start: {first}")
            require(second["bytes_sent"] <= NAMES_ONLY * second["calls"], f"{case}: {second}")
            require(second["round_trips"] == second["calls"], f"{case}: {second}")
        require(all(path.stat().st_mode & 0o777 == 0o600 for path in files(at)), "who may read them")


#: Loads a module of 24 MiB and is over.
LAST_LOAD = """
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
context, module = ctypes.c_void_p(), ctypes.c_void_p()
text = b".version 7.0\\n.target sm_75\\n.address_size 64\\n.visible .entry k() { ret; }\\n/*" + b"ferry" * 5_000_000 + b"*/"
for status in (cuda.cuInit(0), cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0),
               cuda.cuCtxSetCurrent(context), cuda.cuModuleLoadData(ctypes.byref(module), text)):
    assert status == 0, status
"""


@check("images: what is loaded last is kept")
def last_load(scene: Scene) -> None:
    with server(scene) as at:
        sent = []
        for start in range(2):
            file = Path(f"{scene.log}.{start}.json")
            done = ferry(at, "run", "--stats-file", str(file), "--", sys.executable, "-c", LAST_LOAD, seconds=60)
            require(done.returncode == 0, f"{done}")
            sent.append(json.loads(file.read_text())["total"]["bytes_sent"])
        require(sent[0] > 20 << 20 and sent[1] < 1000, f"bytes sent: {sent}")


@check("images: a start of CuPy asks little", FIRST, MORE)
def cold_start(scene: Scene) -> None:
    for case, most in ((FIRST, 10), (MORE, 30)):
        with server(scene) as at:
            for start in ("cold", "warm"):
                total, _ = counted(scene, at, case)
                require(total["round_trips"] <= most, f"{case}, {start}: {total}")


@check("images: damaged ones are sent again", PROGRAM)
def damaged(scene: Scene) -> None:
    with filled(scene) as at:
        for damage in (lambda path: path.write_bytes(b"x" * path.stat().st_size),
                       lambda path: os.truncate(path, 10),
                       lambda path: path.unlink()):
            kept = files(at)
            require(kept, "nothing is kept")
            for path in kept:
                damage(path)
            _, again = counted(scene, at, PROGRAM)
            require(again["bytes_sent"] > 500, f"a damaged image was used: {again}")
            wait_until(lambda: files(at) == kept, 2)
            _, named = counted(scene, at, PROGRAM)
            require(named["bytes_sent"] <= NAMES_ONLY * named["calls"], f"it is not kept: {named}")
        require("is damaged" in at.log_text(), "the log does not say so")


@check("images: the bound holds", SORT, KERNELS)
def bound(scene: Scene) -> None:
    limit = 1 << 20
    with server(scene, "--image-cache-size", "1MiB") as at:
        counted(scene, at, KERNELS)
        _, loads = counted(scene, at, SORT)
        require(loads["bytes_sent"] > limit, f"{SORT} is too small for this: {loads}")
        used = sum((path.stat().st_size + 4095) // 4096 * 4096 for path in files(at))
        require(0 < used <= limit, f"{used} bytes are kept")


@check("images: none are kept if so wanted", PROGRAM)
def none(scene: Scene) -> None:
    with filled(scene, "--image-cache-size", "0") as at:
        _, loads = counted(scene, at, PROGRAM)
        require(loads["bytes_sent"] > 500 and loads["round_trips"] == loads["calls"], f"{loads}")
        require(not files(at), "some are kept")


@check("images: a folder that cannot be written", PROGRAM)
def unwritable(scene: Scene) -> None:
    with filled(scene) as at:
        for path in files(at):
            path.unlink()
        folder = next(iter(at.state.glob("images/*")))
        # Root may write everywhere, so the folder becomes a file.
        (folder / ".lock").unlink(missing_ok=True)
        folder.rmdir()
        folder.write_text("")
        _, loads = counted(scene, at, PROGRAM)
        require(loads["bytes_sent"] > 500, f"{loads}")


@check("images: many sessions at once", PROGRAM)
def many(scene: Scene) -> None:
    with server(scene) as at:
        def run(_: int) -> int:
            return ferry(at, "run", "-p", "0.1", "--", *scene.program(PROGRAM), seconds=60).returncode

        with ThreadPoolExecutor(8) as pool:
            require(set(pool.map(run, range(24))) == {0}, "a session has failed")
        names = [path.name for path in files(at)]
        require(len(names) == len(set(names)) and names, f"{names}")


@check("images: a worker that is killed while it writes", SORT)
def killed(scene: Scene) -> None:
    with server(scene) as at:
        for delay in (0.2, 0.35, 0.5):
            running = at.run(scene.program(SORT), Path(f"{scene.log}.{delay}"))
            wait_until(lambda: running.process.poll() is not None or at.workers(), 30, 0.01)
            time.sleep(delay)
            for worker in at.workers():
                os.kill(worker["pid"], 9)
            running.finish(60)
        # Whatever lies there now, programs run, and then name everything.
        counted(scene, at, SORT)
        _, loads = counted(scene, at, SORT)
        require(loads["bytes_sent"] <= NAMES_ONLY * loads["calls"], f"{loads}")
