"""The command line of the kit."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from .layout import default_tree

QUICK_SECONDS, FULL_SECONDS = 180.0, 540.0

DESCRIPTION = """\
Starts ferryd on loopback, runs ordinary CUDA programs natively, through `ferry run`, and with a
slice of the memory, compares their results, and prints one table. Writes report.json, table.md,
ferryd.log and logs.tar.gz to the output folder.
"""
EPILOG = """\
exit status: 0 all that could run is equal; 1 something is not; 2 wrong usage; 3 this machine, or
this tree of Ferry, is not ready (one line says what to do); 128 + n ended by signal n.
"""


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gpu-acceptance", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="the programs that say most, in 3 minutes (default)")
    size.add_argument("--full", action="store_true", help="all programs, in 9 minutes")
    parser.add_argument("--software", action="store_true",
                        help="on the software GPU instead of NVIDIA's driver: what can run there")
    parser.add_argument("--rehearse", action="store_true",
                        help="without a GPU, what brings machine code only (PyTorch, JAX, Triton): the software GPU "
                             "stands for an H100 and executes no kernel; the launches that arrive are compared")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN",
                        help="only programs whose name matches or begins with this")
    parser.add_argument("--list", action="store_true", help="name the programs and stop")
    parser.add_argument("--out", type=Path, help="folder for the report ($OUT, else gpu-acceptance-<time>)")
    parser.add_argument("--work", type=Path,
                        help="folder for caches, compiled programs and logs, which is kept (a temporary one)")
    parser.add_argument("--keep-logs", action="store_true", help="also leave the loose logs in the output folder")
    parser.add_argument("--tree", type=Path, help="tree of Ferry (the bundle that this lies in, else build/ferry)")
    parser.add_argument("--nvcc", type=Path, help="compiler (in PATH, else /usr/local/cuda/bin/nvcc)")
    parser.add_argument("--python", type=Path, help="Python with the packages that programs use (python3)")
    parser.add_argument("--jobs", type=int, default=8, help="conformance programs at the same time (8)")
    parser.add_argument("--seconds", type=float, help=f"time for everything ({QUICK_SECONDS:g} or {FULL_SECONDS:g})")
    parser.add_argument("--force", action="store_true", help="also on a GPU that others use")
    options = parser.parse_args(words)
    options.quick = not options.full
    options.software = options.software or options.rehearse
    if options.seconds is None:
        options.seconds = FULL_SECONDS if options.full else QUICK_SECONDS
    if options.seconds <= 0 or options.jobs < 1:
        parser.error("--seconds and --jobs must be positive")
    for name in ("nvcc", "python"):
        path = getattr(options, name)
        if path is not None:
            if not path.exists():
                parser.error(f"there is no {path}")
            # Programs run elsewhere; a link stays one, because it names a virtual environment.
            setattr(options, name, path.absolute())
    options.tree = (options.tree or default_tree()).resolve()
    stamp = time.strftime("%Y%m%d-%H%M%S")
    options.out = (options.out or Path(os.environ.get("OUT") or f"gpu-acceptance-{stamp}")).resolve()
    options.keep_work = options.work is not None
    return options
