"""What several checks start from: a server, and programs that run on it until they are told to end."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from ..running import Running, wait_until
from ..server import Server, alive
from .registry import Scene, require

#: A program that works until it is killed, having said `working`.
WORKER = "killed.launches-SIGTERM[cu13-static]"
#: One whose kernel never ends.
SPINNER = "killed.kernel-SIGKILL[cu13-static]"

#: Within this the server must have noticed that a socket has ended, in seconds.
AT_ONCE = 1.0


@contextmanager
def server(scene: Scene, *options: str, gpus: int = 1,
           settings: dict[str, str] | None = None) -> Iterator[Server]:
    log = Path(f"{scene.log}.ferryd.log")
    log.unlink(missing_ok=True)
    one = Server(scene.tree, log, gpus, settings=settings, options=options)
    try:
        one.start()
        yield one
    finally:
        one.close()


@contextmanager
def working(scene: Scene, at: Server, name: str, *options: str, case: str = WORKER) -> Iterator[Running]:
    """A program that works on the server; it is ended at the end if it still runs."""
    running = at.run(scene.program(case), Path(f"{scene.log}.{name}"), options=options)
    try:
        require(running.printed("working", 60), f"{name} does not start: {running.stderr}")
        yield running
    finally:
        running.end()


@contextmanager
def bystander(scene: Scene, at: Server) -> Iterator[Running]:
    """A program that what happens meanwhile must not disturb."""
    with working(scene, at, "bystander", "-p", "0.25") as running:
        yield running
        require_running(running, "the other program")
        running.process.send_signal(signal.SIGTERM)
        status = running.finish(30).status
        require(status == 143, f"the other program ended with {status}")


def require_running(running: Running, what: str) -> None:
    """The program has not ended."""
    status = running.process.poll()
    require(status is None, f"{what} has ended with {status}: {running.stdout}{running.stderr}")


def program_pid(scene: Scene, running: Running, case: str = WORKER) -> int:
    pid = running.program(Path(scene.program(case)[0]).name)
    require(pid is not None, "the program's process is not there")
    return pid


def worker_of(at: Server, client: int) -> int:
    """The worker of a client process."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [worker["pid"] for worker in at.workers() if worker["client_pid"] == client]
        return bool(found)

    require(wait_until(look, 5), f"no worker for process {client}")
    return found[0]


def require_gone(pid: int, since: float, what: str) -> None:
    """The process ends within a second of a moment of the monotonic clock."""
    ended = wait_until(lambda: not alive(pid), since + AT_ONCE - time.monotonic(), 0.005)
    require(ended, f"{what} is still there after {AT_ONCE:g} s")


def require_no_lease(at: Server, seconds: float = 3) -> None:
    require(wait_until(lambda: not at.leases(), seconds), f"leases are left: {at.leases()}")


def ferry(at: Server, *arguments: str, seconds: float = 30) -> subprocess.CompletedProcess:
    """`ferry` with these arguments, to its end."""
    return subprocess.run([str(at.tree.ferry), *arguments], env=at.environment(), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
