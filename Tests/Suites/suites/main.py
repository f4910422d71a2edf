"""The command line."""

from __future__ import annotations

import argparse
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from suite.main import files_of, wanted
from suite.places import ROOT, Tree
from suite.server import CAPABILITY
from suite.targets import TARGETS, Ferry, Target

from . import expectations
from .modules import ModuleRun
from .places import EXPECTED, SUITES, WORK, Suite
from .report import Report


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Runs the tests that a package brings on the software GPU, straight and through"
        " Ferry, and compares with the list of tests that are expected to fail.")
    parser.add_argument("suite", choices=sorted(SUITES))
    parser.add_argument("--tree", type=Path, default=ROOT / "build" / "ferry",
                        help="the installed tree of Ferry (build/ferry)")
    parser.add_argument("--target", action="append", choices=expectations.TARGETS, dest="targets",
                        help="a target; again for several (software and ferry)")
    parser.add_argument("--filter", action="append", default=[], metavar="PATTERN",
                        help="only files whose name matches this pattern, or begins with it")
    parser.add_argument("--quick", action="store_true", help="only the files of the quick run")
    parser.add_argument("--jobs", type=int, default=2, help="files at the same time (2)")
    parser.add_argument("--list", action="store_true", help="name the files and stop")
    options = parser.parse_args()
    options.targets = options.targets or list(expectations.TARGETS)
    return options


def run_module(suite: Suite, module: str, target: Target, name: str, report: Report) -> None:
    start = time.monotonic()
    tests = ModuleRun(suite, module, target, name).run()
    report.add(target.name, module, tests, time.monotonic() - start)


def make_target(name: str, suite: Suite, tree: Tree, logs: Path) -> Target:
    """The target, with a software GPU of the suite's capability."""
    target = TARGETS[name](tree, logs)
    if isinstance(target, Ferry):
        target.server.settings[CAPABILITY] = suite.capability
    return target


def run_suite(suite: Suite, modules: list[str], options, report: Report) -> None:
    logs = WORK / options.suite
    logs.mkdir(parents=True, exist_ok=True)
    for name in options.targets:
        target = make_target(name, suite, options.tree, logs)
        try:
            target.open()
            with ThreadPoolExecutor(min(options.jobs, 2)) as pool:
                runs = [pool.submit(run_module, suite, module, target, options.suite, report)
                        for module in modules]
                for run in runs:
                    run.result()
        finally:
            target.close()


def main() -> int:
    options = arguments()
    suite = SUITES[options.suite]
    options.tree = Tree(options.tree.resolve())
    subprocess.run([ROOT / "dev" / "toolchain", *suite.parts], check=True)
    modules = [module for module in suite.modules(options.quick) if wanted(module, options.filter)]
    if options.list:
        print("\n".join(modules))
        return 0
    if not modules:
        raise SystemExit("run.py: no file matches")
    if lacking := options.tree.lacks(*files_of(options.targets)):
        raise SystemExit(f"run.py: {options.tree.path} lacks {', '.join(lacking)}; make build makes it")
    report = Report(suite.title, expectations.read(EXPECTED / f"{options.suite}.txt"),
                    whole=not options.quick and not options.filter)
    run_suite(suite, modules, options, report)
    report.write(ROOT / "build" / f"{options.suite}-suite.json")
    surprises = report.surprises()
    for line in surprises:
        print(line)
    report.summary()
    return 1 if surprises else 0
