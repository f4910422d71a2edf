"""The ways in which each program runs: natively, through Ferry, and with a slice of the memory."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from suite.places import WORK, Tree, user_environment
from suite.running import wait_until
from suite.server import CAPABILITY, Server, ServerError, alive, soft_gpus

#: Of the third way.
SLICE = 0.25
#: The variable that names the file in which the software GPU writes launches down.
LAUNCH_LOG = "FERRY_SOFT_GPU_LAUNCH_LOG"
#: A lease that `ferry run` had no time to give back comes back by itself, but late.
PATIENCE = 4.0


def program_environment(software: bool, rehearses: bool = False) -> dict[str, str]:
    """What a program starts with in every way; its caches are the same in all of them."""
    environment = user_environment()
    if rehearses or not software:
        del environment["CUPY_COMPILE_WITH_PTX"]
    for name in ("TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "CUPY_CACHE_DIR", "CUDA_CACHE_PATH",
                 "XDG_CACHE_HOME"):
        environment[name] = str(WORK / "caches" / name.lower())
    return environment


def rehearsal(launches: Path) -> dict[str, str]:
    """What makes the software GPU stand for an H100 whose kernels are not executed."""
    return {
        "FERRY_SOFT_GPU_CODE": "machine", "FERRY_SOFT_GPU_LAUNCH": "null", CAPABILITY: "9.0",
        "FERRY_SOFT_GPU_IPC": "1", "FERRY_SOFT_GPU_MEMORY_MIB": "81920", "FERRY_SOFT_GPU_NAME": "NVIDIA H100 80GB HBM3",
        LAUNCH_LOG: str(launches),
    }


class Way:
    """A place for programs to run in."""

    name = ""
    #: Where the launches of the run under way are written down, if they are.
    launches: Path | None = None
    #: The part of the GPU's memory that a program sees.
    fraction = 1.0

    def command(self, command: list[str], statistics: Path) -> list[str]:
        return command

    def environment(self) -> dict[str, str]:
        raise NotImplementedError

    def strangers(self, libraries: list[str]) -> list[str]:
        """Which of the driver libraries that a program has loaded are not those of this way."""
        drivers = [path for path in libraries if os.path.basename(path).startswith("libcuda.so")]
        return [path for path in drivers if not self.is_own(Path(path))]

    def is_own(self, library: Path) -> bool:
        raise NotImplementedError


class Native(Way):
    """Straight on the driver."""

    name = "native"

    def __init__(self, tree: Tree, software: bool, visible: str | None, settings: dict[str, str] | None = None):
        """`settings` is more environment of the software GPU's."""
        self._settings = settings or {}
        self.launches = Path(self._settings[LAUNCH_LOG]) if LAUNCH_LOG in self._settings else None
        self._tree = tree
        self._software = software
        self._visible = visible

    def environment(self) -> dict[str, str]:
        environment = program_environment(self._software, bool(self._settings))
        if self._software:
            return {**environment, **soft_gpus(1), **self._settings, "LD_LIBRARY_PATH": str(self._tree.software)}
        return {**environment, **({"CUDA_VISIBLE_DEVICES": self._visible} if self._visible else {})}

    def is_own(self, library: Path) -> bool:
        if self._software:
            return library.is_relative_to(self._tree.software.resolve())
        return not library.is_relative_to(self._tree.path.resolve())


class Ferry(Way):
    """Through `ferry run`, with a daemon that is started anew when it needs to be."""

    def __init__(self, host: Host, fraction: float | None = None):
        self._host = host
        self.name = "ferry" if fraction is None else "slice"
        self.fraction = fraction or 1.0
        self._options = () if fraction is None else ("-p", str(fraction))
        # Slices run several at a time and would write to one file.
        self.launches = host.launches if fraction is None else None

    def command(self, command: list[str], statistics: Path) -> list[str]:
        told = ("--stats-file", str(statistics)) if self._host.has_statistics else ()
        return self._host.server.run_command(command, options=(*self._options, *told))

    def environment(self) -> dict[str, str]:
        client_file = str(self._host.server.client_file)
        environment = program_environment(self._host.software, self._host.launches is not None)
        return {**environment, "FERRY_CLIENT_FILE": client_file}

    def is_own(self, library: Path) -> bool:
        return library.is_relative_to(self._host.tree.client.resolve())


class Host:
    """The daemon of the kit."""

    def __init__(self, tree: Tree, log: Path, driver: str | None, settings: dict[str, str] | None = None):
        """`settings` is more environment of the daemon's."""
        self._settings = settings or {}
        self.launches = Path(self._settings[LAUNCH_LOG]) if LAUNCH_LOG in self._settings else None
        self.tree = tree
        self.software = driver is None
        self._log = log
        self._driver = driver
        self.server = self._start()
        #: How often the daemon had to be started again.
        self.restarts = 0
        done = subprocess.run([str(tree.ferry), "help", "run"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        self.has_statistics = "--stats-file" in done.stdout

    def _start(self) -> Server:
        server = Server(self.tree, self._log, gpus=1, driver=self._driver, settings=self._settings)
        try:
            server.start()
        except BaseException:
            server.close()
            raise
        return server

    def is_free(self) -> bool:
        try:
            return alive(self.server.pid) and not self.server.leases()
        except (ServerError, OSError, subprocess.TimeoutExpired):
            return False

    def make_free(self) -> None:
        """Sees to it that no lease of an earlier program is left, by a new daemon if need be."""
        if not wait_until(self.is_free, PATIENCE, 0.1):
            self.server.close()
            self.server = self._start()
            self.restarts += 1

    def close(self) -> None:
        self.server.close()
