"""Large copies over a link of 10 Gbit/s that the kernel makes: the suite once more, for a few rows, in a
network namespace whose loopback lets so many bits pass. Needs root and the token bucket filter."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

from .figures import Figure, Goal, judged, missing
from .places import BENCHMARKS

ROWS = ("h2d_256m", "d2h_256m")
ENDING = "_10g"
NAMES = tuple(row + ENDING for row in ROWS)
#: Set in the namespace, so that it is not entered again.
INSIDE = "FERRY_BENCH_INSIDE"
LINK = "ip link set lo up && tc qdisc add dev lo root tbf rate 10gbit burst 256kb latency 20ms"
LEAST_SECONDS = 8.0
GOAL = Goal("ratio", ">=", 0.9)


def is_wanted(only: str) -> bool:
    return INSIDE not in os.environ and any(fnmatch(name, part.strip()) for name in NAMES for part in only.split(","))


def obstacle() -> str | None:
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("unshare", "ip", "tc"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    done = subprocess.run(["unshare", "-n", "sh", "-c", LINK], capture_output=True, text=True)
    return None if done.returncode == 0 else f"no link: {done.stderr.strip()}"


def measure(options: argparse.Namespace, seconds: float) -> list[Figure]:
    problem = obstacle()
    if problem:
        return [missing(name, "GB/s", GOAL, problem) for name in NAMES]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bench.json"
        again = [sys.executable, str(BENCHMARKS / "run.py"), "--tree", str(options.tree), "--only", ",".join(ROWS),
                 "--output", str(out), "--seconds", str(seconds), *(["--quick"] if options.quick else []),
                 *(["--rounds", str(options.rounds)] if options.rounds else [])]
        done = subprocess.run(["unshare", "-n", "sh", "-c", f'{LINK} && exec "$@"', "sh", *again],
                              env={**os.environ, INSIDE: "1"}, capture_output=True, text=True)
        if done.returncode != 0 or not out.exists():
            return [missing(name, "GB/s", GOAL, done.stderr.strip()) for name in NAMES]
        figures = []
        for line in json.loads(out.read_text()):
            line["name"] += ENDING
            figures.append(judged(Figure(**line), GOAL))
        return figures
