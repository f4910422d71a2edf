"""A ferryd of the suite's own: on loopback, with free ports and a state of its own."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from .places import Tree, user_environment
from .running import Running, wait_until

#: Of each GPU of the software driver.
MEMORY_MIB = 4096
#: The variable that says which compute capability the software GPU reports.
CAPABILITY = "FERRY_SOFT_GPU_COMPUTE_CAPABILITY"


def soft_gpus(count: int) -> dict[str, str]:
    """The environment in which the software GPU shows this many devices."""
    return {
        "FERRY_SOFT_GPU_COUNT": str(count),
        "FERRY_SOFT_GPU_MEMORY_MIB": str(MEMORY_MIB),
        CAPABILITY: "12.0",
        "FERRY_SOFT_GPU_THREADS": "2",
    }


#: With it processes can share memory of software GPUs.
SHARED = {"FERRY_SOFT_GPU_IPC": "1"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ServerError(Exception):
    """The daemon does not start, or does not answer."""


class Server:
    """A daemon and what its clients need to reach it."""

    #: How the data connections of all runs travel; main.py sets it.
    transport = "auto"

    def __init__(self, tree: Tree, log: Path, gpus: int = 2, driver: str | None = None,
                 settings: dict[str, str] | None = None, options: tuple[str, ...] = ()):
        """`settings` is environment of the daemon, `options` are more of its own."""
        self.tree = tree
        self.log = log
        self.data_port = free_port()
        self.api_port = free_port()
        self._gpus = gpus
        self._driver = driver
        self.settings = dict(settings or {})
        self._options = options
        self.state = Path(tempfile.mkdtemp(prefix="ferry-conformance-"))
        self._process: subprocess.Popen | None = None

    @property
    def client_file(self) -> Path:
        return self.state / "client.json"

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [
            str(self.tree.ferryd), "--state-dir", str(self.state),
            "--host", "127.0.0.1", "--port", str(self.api_port), "--data-port", str(self.data_port),
            "--driver", self._driver or str(self.tree.software / "libcuda.so.1"), *self._options]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                command, env={**user_environment(), **soft_gpus(self._gpus), **self.settings},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        if not wait_until(lambda: self._process.poll() is not None or self._answers(), 60, 0.1):
            raise ServerError(f"ferryd does not answer; see {self.log}")
        if self._process.poll() is not None:
            raise ServerError(f"ferryd ended with {self._process.returncode}; see {self.log}")

    def _answers(self) -> bool:
        try:
            return self.leases() is not None
        except (ServerError, OSError):
            return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends the daemon; its exit status as a shell tells it."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return process.returncode

    def close(self) -> None:
        """Ends everything and forgets the state."""
        self.stop()
        shutil.rmtree(self.state, ignore_errors=True)

    # MARK: what clients see

    def environment(self) -> dict[str, str]:
        return {**user_environment(), "FERRY_CLIENT_FILE": str(self.client_file)}

    def run_command(self, command: list[str], gpus: int = 1, options: tuple[str, ...] = ()) -> list[str]:
        return [str(self.tree.ferry), "run", "--transport", self.transport, "-n", str(gpus), *options,
                "--", *command]

    def run(self, command: list[str], log: Path, gpus: int = 1, options: tuple[str, ...] = ()) -> Running:
        """Starts a program through `ferry run`."""
        return Running(self.run_command(command, gpus, options), self.environment(), log)

    def listed(self) -> dict:
        """What `ferry list --format json` says."""
        done = subprocess.run([str(self.tree.ferry), "list", "--format", "json"],
                              env=self.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise ServerError(f"ferry list: {done.stderr.strip()}")
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise ServerError(f"ferry list: {error}: {done.stdout!r}") from None

    def leases(self) -> list[dict]:
        return self.listed()["leases"]

    def workers(self) -> list[dict]:
        return [worker for lease in self.leases() for worker in lease["workers"]]

    def gpu_name(self, part: dict) -> str:
        """The GPU that a lease has a part of, for people."""
        for gpu in self.listed()["gpus"]:
            if gpu["uuid"] == part["uuid"]:
                return f"{gpu['name']} {gpu['index']} ({gpu['uuid']})"
        raise ServerError(f"no GPU {part['uuid']}")

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")


def alive(pid: int) -> bool:
    """Whether a process runs: it is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


