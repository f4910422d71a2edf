"""The software GPU beside one thread of plain C: kernels, and what a second thread brings."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from . import building, report
from .catalogue import Row, floor, least, most, native
from .contestants import Stage
from .figures import Goal
from .foreign import Patience, take_precedence
from .main import is_wanted, say
from .places import BUILD, PROGRAMS, ROOT, Tree
from .running import Group

RESULT = ROOT / "build" / "bench-softgpu.json"
NVCC = ROOT / "build" / "toolchain" / "cuda13" / "tree" / "bin" / "nvcc"
PTX = BUILD / "kernels.ptx"

#: Processor time beside that of C, at most (docs/adr/0003).
KERNELS = {"add": 8, "saxpy": 10, "naive": 1.6, "tiled": 1.6, "mandel": 1.0}
#: Wall time with one thread beside that with two, at least.
SECOND_THREAD = {"naive": 1.7, "mandel": 1.7}


def kernel(name: str, goal: Goal) -> Row:
    return Row(f"{name}_cpu", "ms", native("compute", name, str(PTX), "cpu", launch="run", threads="1"),
               floor("compute", name), goal=goal)


def second(name: str, goal: Goal) -> Row:
    one, two = (native("compute", name, str(PTX), "wall", launch="run", threads=threads) for threads in "12")
    return Row(f"{name}_wall_1_to_2", "ms", one, two, goal=goal)


def loading(name: str, *arguments: str, goal: Goal | None = None) -> Row:
    """Megabytes of PTX, checked and compiled whole, for each second of processor time."""
    return Row(name, "MB/s", native("load", str(PTX), *arguments, launch="run", threads="1"), goal=goal)


def groups() -> list[list[Row]]:
    """Rows whose contestants take turns."""
    return [[loading("load", goal=Goal("value", ">=", 20)), loading("load_again", "again")],
            *([kernel(name, most(limit))] for name, limit in KERNELS.items()),
            *([second(name, least(limit))] for name, limit in SECOND_THREAD.items())]


def compile_kernels() -> None:
    source = PROGRAMS / "kernels.cu"
    if not building.is_older(PTX, [source]):
        return
    subprocess.run([ROOT / "dev" / "toolchain", "apt", "cuda13"], check=True, stdout=sys.stderr)
    BUILD.mkdir(parents=True, exist_ok=True)
    building.run([str(NVCC), "-O3", "-arch=compute_80", "-ptx", "-o", str(PTX), str(source)])


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures kernels of the software GPU beside C at -O2, in turns.")
    parser.add_argument("--tree", type=Path, default=ROOT / "build" / "ferry", help="installed tree of Ferry")
    parser.add_argument("--only", default="*", metavar="NAMES", help="patterns of names, with commas between")
    parser.add_argument("--rounds", type=int, default=11, help="samples of each figure (11)")
    parser.add_argument("--output", type=Path, default=RESULT, metavar="FILE", help="where the JSON goes")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    take_precedence()
    tree, begin = Tree(options.tree.resolve()), time.monotonic()
    if tree.lacks("lib/ferry/software/libcuda.so.1"):
        print(f"bench: {tree.path} is no tree of Ferry; run: make build", file=sys.stderr)
        return 2
    try:
        compile_kernels()
        stage, patience, figures = Stage(tree, {}, ""), Patience(60), []
        for rows in groups():
            wanted = [row for row in rows if is_wanted(row.name, options.only)]
            if wanted:
                group = Group(stage, wanted, options.rounds, 60, time.monotonic() + 60, patience)
                figures += group.run(lambda text, rows=rows: say(f"{rows[0].name}: {text}"))
    except (building.BuildError, subprocess.CalledProcessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    say("")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps([figure.as_json() for figure in figures], indent=1) + "\n")
    print(report.table(figures))
    print(f"\n{report.summary(figures)}; {time.monotonic() - begin:.0f} s; {options.output}")
    return 0
