#!/usr/bin/env python3
"""Counts the instructions of the hot paths and compares them with Benchmarks/thresholds.json.

Exact, so it is a gate: more than 5 % above a threshold is a failure. Examples:

  Benchmarks/instructions.py                 compare
  Benchmarks/instructions.py --breakdown 20  and which functions they are
  Benchmarks/instructions.py --update        the current counts become the thresholds
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import building, gates, instructions, thresholds, traces
from bench.places import ROOT, Tree


def show(counts: list[instructions.Count], most: int) -> None:
    for count in counts:
        print(f"\n{count.name}: {count.value:.1f} a call")
        for name, cost in count.inlined[:most]:
            if cost >= 0.05:
                print(f"  {cost:9.2f}  {name[:140]}")
        for name, cost in sorted(count.elsewhere.items(), key=lambda item: -item[1]):
            if cost >= 0.05:
                print(f"  {cost:9.2f}  (not counted: {name})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=ROOT / "build" / "ferry", help="installed tree of Ferry")
    parser.add_argument("--breakdown", type=int, default=0, metavar="N", help="show the N dearest functions of the source")
    parser.add_argument("--update", action="store_true", help="write the thresholds anew")
    options = parser.parse_args()
    tree = Tree(options.tree.resolve())
    try:
        counts = instructions.count_all(tree, options.breakdown > 0)
        steady = gates.steady_state(tree)
    except (instructions.CountError, traces.TraceError, building.BuildError) as error:
        print(f"instructions: {error}", file=sys.stderr)
        return 2
    values = {count.name: count.value for count in counts if count.name != instructions.FLOOR}
    if options.breakdown:
        show(counts, options.breakdown)
        print()
    verdicts = thresholds.compare(values, thresholds.read())
    for verdict in verdicts:
        print(verdict)
    for line in steady.lines():
        print(line)
    if options.update:
        thresholds.write(values)
        print(f"written: {thresholds.THRESHOLDS.relative_to(ROOT)}")
        return 0
    failed = [verdict for verdict in verdicts if verdict.is_exceeded or verdict.threshold is None]
    if any(verdict.is_beaten for verdict in verdicts):
        print("Some counts are more than 5 % below their thresholds: keep that with --update.")
    if failed:
        print("Above a threshold. If it has to be, say why in the commit that writes them anew with\n"
              "  python3 Benchmarks/instructions.py --update")
    return 1 if failed or steady.problems() else 0


if __name__ == "__main__":
    sys.exit(main())
