"""Running one command: its output, its status as a shell tells it, and an end that is certain."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    #: As a shell tells it: 128 + n for signal n.
    status: int
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool = False

    def same_as(self, other: Outcome) -> bool:
        return (self.status, self.stdout, self.stderr) == (other.status, other.stdout, other.stderr)


def shell_status(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode


def descendants(pid: int) -> list[int]:
    """The processes below one, children before grandchildren."""
    # From each one's parent: gVisor has no /proc/PID/task/TID/children.
    parents = {}
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may contain anything.
            parents[int(each.parent.name)] = int(each.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def wait_until(holds, seconds: float, step: float = 0.02) -> bool:
    """Whether `holds()` becomes true within the time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= end:
            return False
        time.sleep(step)
    return True


class Running:
    """A command that runs with everything below it in a process group of its own, its output in files."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path,
                 folder: Path | None = None):
        log.parent.mkdir(parents=True, exist_ok=True)
        self._out, self._err = Path(f"{log}.out"), Path(f"{log}.err")
        self._started = time.monotonic()
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                cwd=folder, start_new_session=True)

    @property
    def stdout(self) -> str:
        return self._out.read_bytes().decode(errors="replace")

    @property
    def stderr(self) -> str:
        return self._err.read_bytes().decode(errors="replace")

    def program(self, name: str) -> int | None:
        """The process below this one, or this one, that runs the executable of this name."""
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            try:
                if Path(os.readlink(f"/proc/{pid}/exe")).name == name:
                    return pid
            except OSError:
                continue
        return None

    def printed(self, text: str, seconds: float) -> bool:
        """Whether this text appears on standard output in time."""
        wait_until(lambda: text in self.stdout or self.process.poll() is not None, seconds)
        return text in self.stdout

    def finish(self, seconds: float) -> Outcome:
        """Waits for the end, and brings it about when it does not come in time."""
        timed_out = False
        try:
            self.process.wait(max(0.0, self._started + seconds - time.monotonic()))
        except subprocess.TimeoutExpired:
            timed_out = True
            self.end()
        return Outcome(shell_status(self.process.returncode), self.stdout, self.stderr,
                       time.monotonic() - self._started, timed_out)

    def end(self) -> None:
        """Ends the command and everything below it: by request, then by force."""
        for number, seconds in ((signal.SIGTERM, 3), (signal.SIGKILL, 10)):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass
            try:
                self.process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                continue
        # What survives its leader, such as a child of a program that hangs.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
