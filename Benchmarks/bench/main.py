"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from . import building, exact, link10g, report
from .catalogue import GROUPS, REAL_LAUNCH, Row
from .contestants import ContestantError, Stage
from .figures import Figure
from .foreign import Patience, take_precedence
from .places import RESULT, ROOT, ServerError, Tree
from .running import Group
from .servers import run_options, started

DESCRIPTION = """Measures Ferry beside what the machine can do without it, in turns.

Examples:
  Benchmarks/run.py                        everything, some ten minutes
  Benchmarks/run.py --quick                less of it, under three minutes
  Benchmarks/run.py --only 'sync_*,burst20'
  Benchmarks/run.py --list
  Benchmarks/run.py --quick --format json

Benchmarks/README.md says what the figures mean."""


@dataclass(frozen=True)
class Effort:
    """How much is done. Times are in seconds."""

    #: Of a group, and of all together.
    group: float
    total: float
    rounds: int
    #: Of waiting for a quiet machine, in all.
    patience: float


QUICK, FULL = Effort(18, 120, 5, 20), Effort(60, 900, 11, 120)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=ROOT / "build" / "ferry", help="installed tree of Ferry")
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds")
    parser.add_argument("--only", default="*", metavar="NAMES", help="patterns of names, with commas between")
    parser.add_argument("--rounds", type=int, help="samples of each figure")
    parser.add_argument("--seconds", type=float, metavar="S",
                        help="begin no round after so many; each figure has one sample in any case")
    parser.add_argument("--output", type=Path, default=RESULT, metavar="FILE", help="where the JSON goes")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="what is printed")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    return parser.parse_args(arguments)


def is_wanted(name: str, only: str) -> bool:
    return any(fnmatch(name, pattern.strip()) for pattern in only.split(","))


def chosen(only: str, is_quick: bool) -> dict[str, list[Row]]:
    """The groups that are measured. What is named without a wildcard is measured in any case."""
    named = {name.strip() for name in only.split(",")}
    groups = {}
    for group, rows in GROUPS.items():
        kept = [row for row in rows() if is_wanted(row.name, only)
                and (row.is_quick or not is_quick or row.name in named)]
        if kept:
            groups[group] = kept
    return groups


def chosen_exact(only: str) -> list[str]:
    return [part for part, names in exact.NAMES.items() if any(is_wanted(name, only) for name in names)]


def say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure(stage: Stage, options: argparse.Namespace) -> list[Figure]:
    effort = QUICK if options.quick else FULL
    seconds = options.seconds or effort.total
    patience, deadline = Patience(min(effort.patience, seconds / 4)), time.monotonic() + seconds
    figures: list[Figure] = []
    for part in chosen_exact(options.only):
        say(part)
        try:
            made = exact.EXACT[part](stage)
        except (ContestantError, building.BuildError, OSError) as error:
            made = [Figure(name, None, "", note=f"not available: {error}") for name in exact.NAMES[part]]
        figures += [figure for figure in made if is_wanted(figure.name, options.only)]
    for name, rows in chosen(options.only, options.quick).items():
        group = Group(stage, rows, options.rounds or effort.rounds, effort.group, deadline, patience)
        figures += group.run(lambda text, name=name: say(f"{name}: {text}"))
    if link10g.is_wanted(options.only):
        say("10 Gbit/s")
        left = deadline - time.monotonic()
        figures += link10g.measure(options, max(link10g.LEAST_SECONDS, min(left, effort.group)))
    say("")
    return figures


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.list:
        for names in exact.NAMES.values():
            print("\n".join(names))
        for rows in GROUPS.values():
            print("\n".join(row.name for row in rows()))
        print("\n".join(link10g.NAMES))
        return 0
    take_precedence()
    tree, begin = Tree(options.tree.resolve()), time.monotonic()
    if tree.lacks("bin/ferry", "bin/ferryd", "lib/ferry/software/libcuda.so.1"):
        print(f"bench: {tree.path} is no tree of Ferry; run: make build", file=sys.stderr)
        return 2
    try:
        with started(tree) as free, started(tree, REAL_LAUNCH) as busy, started(tree, encrypts=True) as tls:
            servers = {"null": free, REAL_LAUNCH: busy, "tls": tls}
            stage = Stage(tree, servers, run_options(tree))
            figures = measure(stage, options)
    except (ServerError, building.BuildError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    text = json.dumps([figure.as_json() for figure in figures], indent=1)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text + "\n")
    if options.format == "json":
        print(text)
    else:
        print(report.table(figures))
        print(f"\n{report.summary(figures)}; {time.monotonic() - begin:.0f} s; {options.output}")
    return 0
