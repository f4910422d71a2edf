"""What callgrind writes: instructions of each function of each object."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

#: (name of the file of the object, name of the function) to instructions.
Costs = Counter[tuple[str, str]]

#: Lines that set a name, uncompressed: what, value.
NAME = re.compile(r"(ob|fn|cob|cfn|fl|fi|fe|cfi|cfl)=(.*)")


def parse(text: str) -> Costs:
    """Self costs; what callees cost is theirs. Wants --compress-strings=no --compress-pos=no."""
    costs: Costs = Counter()
    where, function, is_callee = "?", "?", False
    for line in text.splitlines():
        if name := NAME.match(line):
            if name[1] == "ob":
                where = name[2].rpartition("/")[2]
            elif name[1] == "fn":
                function = name[2]
        elif line.startswith("calls="):
            is_callee = True
        elif line[:1].isdigit() or line.startswith("0x"):
            if not is_callee:
                costs[where, function] += int(line.split()[-1])
            is_callee = False
    return costs


def read(files: list[Path]) -> Costs:
    """The sum of several files, one for each process."""
    total: Costs = Counter()
    for file in files:
        total += parse(file.read_text(errors="replace"))
    return total


def per_call(few: Costs, many: Costs, calls: int) -> dict[tuple[str, str], float]:
    """What each of `calls` more calls has cost."""
    names = few.keys() | many.keys()
    return {name: (many[name] - few[name]) / calls for name in names if many[name] != few[name]}


def of_object(costs: dict[tuple[str, str], float], part: str) -> dict[str, float]:
    """Costs of the functions of the object whose file has this name."""
    return {function: cost for (where, function), cost in costs.items() if where == part}


def readable(names: list[str]) -> list[str]:
    """Swift's names as people write them, where the tool for it is there."""
    tool = shutil.which("swift-demangle")
    command = [tool] if tool else ["swift", "demangle"]
    try:
        done = subprocess.run([*command, "--compact", "--simplified"], input="\n".join(names), text=True,
                              capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return names
    lines = done.stdout.splitlines()
    return lines if len(lines) == len(names) else names
