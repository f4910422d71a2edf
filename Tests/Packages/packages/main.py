"""The command line."""

from __future__ import annotations

import argparse
import fnmatch
import os
from itertools import groupby
from pathlib import Path

from suite.places import ROOT, Tree, user_environment
from suite.running import Outcome, Running
from suite.server import Server

from . import pythons
from .catalogue import PROGRAMS, Program

HERE = Path(__file__).resolve().parent.parent
#: CuPy and its users compile for the GPU at hand, which would be machine code.
PORTABLE = {"CUPY_COMPILE_WITH_PTX": "1", "PYTHONUNBUFFERED": "1"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Runs programs on packages that others have made, straight on the software GPU and"
        " through Ferry, and compares what they print.",
        epilog="example: run.py --filter 'warp*'   (fetches what it needs into build/packages)")
    parser.add_argument("--tree", type=Path, default=ROOT / "build" / "ferry",
                        help="the installed tree of Ferry (build/ferry)")
    parser.add_argument("--filter", action="append", default=[], metavar="PATTERN",
                        help="only programs whose name matches this pattern, or begins with it")
    parser.add_argument("--list", action="store_true", help="name the programs and what they need, and stop")
    return parser.parse_args()


def wanted(program: Program, patterns: list[str]) -> bool:
    return not patterns or any(program.name.startswith(each) or fnmatch.fnmatch(program.name, each)
                               for each in patterns)


def environment(python: Path) -> dict[str, str]:
    return {**user_environment(), **PORTABLE, "LD_LIBRARY_PATH": pythons.libraries(python)}


def straight(tree: Tree, program: Program, python: Path, command: list[str], log: Path) -> Outcome:
    own = environment(python)
    own["LD_LIBRARY_PATH"] = os.pathsep.join([str(tree.software), own["LD_LIBRARY_PATH"]])
    return Running(command, {**own, **dict(program.gpu)}, log).finish(program.seconds)


def through_ferry(server: Server, program: Program, python: Path, command: list[str], log: Path) -> Outcome:
    whole = {**server.environment(), **environment(python)}
    return Running(server.run_command(command), whole, log).finish(program.seconds)


def difference(first: Outcome, second: Outcome) -> str | None:
    """How two runs of a program differ; `None` when they do not and it has worked."""
    for name, outcome in (("straight", first), ("through Ferry", second)):
        if outcome.timed_out:
            return f"{name}: not done in time"
        if outcome.status != 0:
            return f"{name}: status {outcome.status}: " + " | ".join(outcome.stderr.splitlines()[-3:])
    if not first.stdout:
        return "nothing was printed"
    for number, (one, other) in enumerate(zip(first.stdout.splitlines(), second.stdout.splitlines()), 1):
        if one != other:
            return f"line {number}: straight {one!r}, through Ferry {other!r}"
    if first.stdout != second.stdout:
        return "one prints more than the other"
    return None


def run(tree: Tree, server: Server, program: Program) -> bool:
    python = pythons.make(program.requirements)
    logs = pythons.HOME / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    command = [str(python), str(HERE / "programs" / f"{program.name}.py")]
    first = straight(tree, program, python, command, logs / f"{program.name}.software")
    second = through_ferry(server, program, python, command, logs / f"{program.name}.ferry")
    found = difference(first, second)
    kind = "rehearsed" if program.is_rehearsed else "executed"
    word = "ok  " if found is None else "FAIL"
    print(f"{word} {program.name:24} {kind:9}  {first.seconds:6.1f} s  {second.seconds:6.1f} s", flush=True)
    if found is not None:
        print(f"     {found}")
    return found is None


def main() -> int:
    options = arguments()
    programs = [program for program in PROGRAMS if wanted(program, options.filter)]
    if options.list:
        for program in programs:
            print(program.name, *program.requirements)
        return 0
    if not programs:
        raise SystemExit("run.py: no program matches; --list names them")
    tree = Tree(options.tree.resolve())
    pythons.HOME.mkdir(parents=True, exist_ok=True)
    passed = 0
    for settings, group in groupby(sorted(programs, key=lambda each: each.gpu), key=lambda each: each.gpu):
        server = Server(tree, pythons.HOME / "ferryd.log", 1, None, settings=dict(settings),
                        options=("--data-clear-text",) if Server.transport == "tcp" else ())
        server.start()
        try:
            passed += sum(run(tree, server, program) for program in group)
        finally:
            server.close()
    print(f"packages: {passed} passed, {len(programs) - passed} failed")
    return 0 if passed == len(programs) else 1
