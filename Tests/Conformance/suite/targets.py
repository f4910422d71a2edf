"""Where a program runs: each target turns a program's command into the one that is started."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from .catalogue import Case
from .places import Tree, user_environment
from .running import Outcome, Running
from .server import SHARED, Server, soft_gpus


class Target:
    """A place for programs to run in."""

    name = ""

    def __init__(self, tree: Tree, logs: Path):
        self.tree = tree
        self.logs = logs

    def open(self) -> None:
        """Makes the target ready."""

    def close(self) -> None:
        """Ends what `open` started."""

    def start(self, case: Case, command: list[str], log: Path) -> Running:
        raise NotImplementedError

    def run(self, case: Case, command: list[str]) -> Outcome:
        running = self.start(case, command, self.logs / f"{case.name}.{self.name}")
        if case.kill is not None and running.printed("working", case.seconds / 2):
            self.kill(case, running, command)
        return running.finish(case.seconds)

    def kill(self, case: Case, running: Running, command: list[str]) -> None:
        running.process.send_signal(case.kill)


class Direct(Target):
    """The program alone, with a driver library."""

    def environment(self, case: Case) -> dict[str, str]:
        return user_environment()

    def start(self, case: Case, command: list[str], log: Path) -> Running:
        return Running(command, self.environment(case), log)


class Software(Direct):
    """Straight on the software GPU."""

    name = "software"

    def environment(self, case: Case) -> dict[str, str]:
        return {**user_environment(), **soft_gpus(case.gpus), **(SHARED if case.shares else {}),
                "LD_LIBRARY_PATH": str(self.tree.software)}


class Native(Direct):
    """Straight on NVIDIA's driver of this machine."""

    name = "native"

    def environment(self, case: Case) -> dict[str, str]:
        visible = ",".join(str(gpu) for gpu in range(case.gpus))
        return {**user_environment(), "CUDA_VISIBLE_DEVICES": visible}


class Ferry(Target):
    """Through `ferry run`, with the software GPU at the other end."""

    name = "ferry"
    gpus = 2
    driver: str | None = None
    #: For `ferry run`: whole GPUs when there are none.
    options: tuple[str, ...] = ()

    def __init__(self, tree: Tree, logs: Path):
        super().__init__(tree, logs)
        # A server serves TLS or clear text, not both.
        options = ("--data-clear-text",) if Server.transport == "tcp" else ()
        self.server = Server(tree, logs / f"ferryd.{self.name}.log", self.gpus, self.driver, options=options)
        self._free = self.gpus
        self._changed = threading.Condition()

    def open(self) -> None:
        self.server.start()

    def close(self) -> None:
        self.server.close()

    def start(self, case: Case, command: list[str], log: Path) -> Running:
        return self.server.run(command, log, case.gpus, self.options)

    def run(self, case: Case, command: list[str]) -> Outcome:
        # A lease that cannot be had is refused at once.
        with self._changed:
            self._changed.wait_for(lambda: self._free >= case.gpus)
            self._free -= case.gpus
        try:
            return super().run(case, command)
        finally:
            with self._changed:
                self._free += case.gpus
                self._changed.notify_all()

    def kill(self, case: Case, running: Running, command: list[str]) -> None:
        # SIGKILL cannot be passed on: it goes to the program itself.
        name = Path(command[0]).name
        pid = running.program(name) if case.kill.name == "SIGKILL" else None
        if pid is not None:
            os.kill(pid, case.kill)
        else:
            running.process.send_signal(case.kill)


class FerryNative(Ferry):
    """Through `ferry run`, with NVIDIA's driver at the other end. Programs get slices, so that as
    many can run at the same time as straight on the driver."""

    name = "ferry-native"
    driver = os.environ.get("FERRY_CONFORMANCE_DRIVER") or "libcuda.so.1"
    slices = 8
    options = ("-p", str(1 / slices))

    def open(self) -> None:
        super().open()
        self._free = self.slices * len(self.server.listed()["gpus"])


TARGETS = {kind.name: kind for kind in (Software, Ferry, Native, FerryNative)}
