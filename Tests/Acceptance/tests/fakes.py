"""Stand-ins: a tree of Ferry in scripts, a compiler, ways that need no GPU."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import place  # noqa: F401
from kit.ways import Way

FERRYD = """#!{python}
import json, sys, time
state = sys.argv[sys.argv.index("--state-dir") + 1]
open(state + "/client.json", "w").write("{{}}")
print("a fake ferryd", file=sys.stderr, flush=True)
time.sleep(1000)
"""
FERRY = """#!{python}
import json, os, sys
words = sys.argv[1:]
if words[0] == "list":
    print(json.dumps({{"leases": [], "gpus": []}}))
elif words[0] == "version":
    print("ferry 9.9.9")
elif words == ["help", "run"]:
    print("  --stats-file FILE")
else:
    end = words.index("--")
    if "--stats-file" in words[:end]:
        total = {{"calls": 7, "round_trips": 3, "bytes_sent": 1000, "bytes_received": 24, "waited_ns": 5}}
        open(words[words.index("--stats-file") + 1], "w").write(json.dumps({{"total": total}}))
    os.execvp(words[end + 1], words[end + 1:])
"""
#: Makes a program out of a template, whatever it is asked to compile.
NVCC = """#!{python}
import os, sys
if "--version" in sys.argv:
    print("Cuda compilation tools, release 13.0, V13.0.0")
else:
    out = sys.argv[sys.argv.index("-o") + 1]
    open(out, "w").write({program!r})
    os.chmod(out, 0o755)
"""
ANSWER = {"seconds": 0.5, "results": {"a": {"value": 1}}, "measures": {}, "libraries": []}


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def tree(folder: Path) -> Path:
    """A tree whose `ferry run` only runs the program."""
    script(folder / "bin" / "ferryd", FERRYD.format(python=sys.executable))
    script(folder / "bin" / "ferry", FERRY.format(python=sys.executable))
    script(folder / "bin" / "ferry-worker", "")
    for name in ("client", "software"):
        script(folder / "lib" / "ferry" / name / "libcuda.so.1", "")
    return folder


def nvcc(folder: Path, body: str) -> Path:
    """A compiler that makes of everything this Python program."""
    program = f"#!{sys.executable}\n{body}\n"
    return script(folder / "nvcc", NVCC.format(python=sys.executable, program=program))


def answering(**more) -> str:
    """A Python program that ends with this line."""
    return f"print({json.dumps({**ANSWER, **more})!r})"


class Plain(Way):
    """Runs the program as it is, and tells it which way it is."""

    def __init__(self, name: str, fraction: float = 1.0, own: str = ""):
        self.name = name
        self.fraction = fraction
        self._own = own

    def environment(self) -> dict[str, str]:
        return {"WAY": self.name, "PATH": "/usr/bin:/bin"}

    def is_own(self, library: Path) -> bool:
        return str(library).startswith(self._own)


class Counting(Plain):
    """Writes statistics as `ferry run` does."""

    def __init__(self, name: str, statistics: str):
        super().__init__(name)
        self._statistics = statistics

    def command(self, command: list[str], statistics: Path) -> list[str]:
        statistics.write_text(self._statistics)
        return command
