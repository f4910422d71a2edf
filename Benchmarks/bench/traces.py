"""What the client library does besides computing: system calls and allocations of the thread that
launches, and round trips of a start. Counted with strace and with a library that counts."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from . import building
from .places import Server, Tree

LAUNCHES = 20_000
#: `1234 write(5, "begin", 5) = 5`, `1234 <... recvfrom resumed>...) = 17`
CALL = re.compile(r"^(\d+)\s+(?:(\w+)\(|<\.\.\. (\w+) resumed>)(.*)$")
SENDS = {"send", "sendto", "sendmsg", "write", "writev"}
RECEIVES = {"recv", "recvfrom", "recvmsg", "read", "readv"}


class TraceError(Exception):
    """A tool is missing, or a program does not end well under it."""


def needs(tool: str) -> None:
    if not shutil.which(tool):
        raise TraceError(f"{tool} is not installed")


def run(server: Server, command: list[str]) -> str:
    done = subprocess.run(server.run_command(command), env=server.environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise TraceError(f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def between_marks(trace: str) -> Counter[str]:
    """System calls of the marking thread between the writes "begin" and "end"."""
    calls: Counter[str] = Counter()
    thread = None
    for line in trace.splitlines():
        match = CALL.match(line)
        if not match:
            continue
        if '"begin", 5' in line:
            thread, calls = match[1], Counter()
        elif '"end", 3' in line:
            return calls
        elif match[1] == thread and match[2]:
            calls[match[2]] += 1
    raise TraceError("the trace has no marks")


def system_calls(server: Server, tree: Tree) -> Counter[str]:
    """Of the thread that makes 20,000 launches."""
    needs("strace")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "trace"
        run(server, ["strace", "-f", "-o", str(out), str(building.program("count", tree)), "launch",
                     str(LAUNCHES), "--marks"])
        return between_marks(out.read_text(errors="replace"))


def allocations(server: Server, tree: Tree) -> int:
    """Calls of malloc and its like by the thread that makes 20,000 launches."""
    library = building.library("allocations")
    out = run(server, ["env", f"LD_PRELOAD={library}", str(building.program("count", tree)), "launch",
                       str(LAUNCHES), "--allocations"])
    return int(out.split()[-1])


def turns(trace: str) -> int:
    """Round trips on the connection to the server: its making, what the server says at once, which
    takes as long again, and each answer to something sent."""
    trips, socket, has_sent = 0, None, False
    for line in trace.splitlines():
        match = CALL.match(line)
        if not match or not match[2]:
            continue
        name, rest = match[2], match[4]
        number = rest.split(",", 1)[0].rstrip(")")
        if name == "connect" and "sin_port" in rest:
            trips, socket, has_sent = 1, number, True
        elif number != socket:
            continue
        elif name in SENDS:
            has_sent = True
        elif name in RECEIVES and has_sent and not rest.rstrip().endswith(")") and " = -1" not in rest:
            trips, has_sent = trips + 1, False
    return trips


def start_round_trips(server: Server, tree: Tree) -> int:
    """Of the start of the CUDA runtime, the connection's own included."""
    needs("strace")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "trace"
        run(server, ["strace", "-f", "-e", "trace=connect,sendto,sendmsg,write,recvfrom,recvmsg,read",
                     "-o", str(out), str(building.program("start", tree))])
        return turns(out.read_text(errors="replace"))
