"""Which inlined functions the instructions of a hot path are of: from addresses that callgrind
counted, and the debug information of what was built."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from . import callgrind


def addresses(text: str, part: str) -> Counter[str]:
    """Self costs by address in the object with this name. Wants --dump-instr=yes."""
    costs: Counter[str] = Counter()
    is_ours, is_callee = False, False
    for line in text.splitlines():
        if line.startswith("ob="):
            is_ours = line.endswith("/" + part)
        elif line.startswith("calls="):
            is_callee = True
        elif line.startswith("0x"):
            if is_ours and not is_callee:
                address, _, cost = line.split()
                costs[address] += int(cost)
            is_callee = False
    return costs


def per_call(few: list[Path], many: list[Path], part: str, calls: int) -> dict[str, float]:
    before, after = (sum((addresses(file.read_text(errors="replace"), part) for file in files), Counter())
                     for files in (few, many))
    return {address: (cost - before[address]) / calls for address, cost in after.items()}


def places(binary: Path, wanted: list[str]) -> list[tuple[str, str]]:
    """For each address the innermost function and its file."""
    tool = shutil.which("llvm-symbolizer")
    if not tool:
        return [("llvm-symbolizer is not installed", "?")] * len(wanted)
    done = subprocess.run([tool, "--output-style=JSON", f"--obj={binary}"], text=True,
                          input="\n".join(wanted) + "\n", capture_output=True, check=True)
    frames = [(json.loads(line).get("Symbol") or [{}])[0] for line in done.stdout.splitlines()]
    return [(frame.get("FunctionName", "?"), Path(frame.get("FileName", "?")).name) for frame in frames]


def breakdown(binary: Path, costs: dict[str, float]) -> list[tuple[str, float]]:
    """Instructions of each innermost function a call, dearest first."""
    wanted = list(costs)
    sums: Counter[tuple[str, str]] = Counter()
    for address, place in zip(wanted, places(binary, wanted)):
        sums[place] += costs[address]
    ranked = sums.most_common()
    names = callgrind.readable([name for (name, _), _ in ranked])
    return [(f"{name}  [{file}]", cost) for name, ((_, file), cost) in zip(names, ranked)]
