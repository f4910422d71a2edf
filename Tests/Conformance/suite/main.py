"""The command line of the suite."""

from __future__ import annotations

import argparse
import fnmatch
import math
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from .building import BuildError, Builder
from .catalogue import ALL_TARGETS, Case, all_cases
from .checks.registry import Check, all_checks
from .compilers import Compilers, Fetched, Installed
from .older_kernel import start_again_on_an_older_kernel
from .places import ROOT, WORK, Tree
from .results import Report, Result, judge
from .server import Server, ServerError
from .targets import TARGETS, Target


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Runs unmodified CUDA programs on several targets and compares.")
    parser.add_argument("--tree", type=Path, default=ROOT / "build" / "ferry",
                        help="the installed tree of Ferry (build/ferry)")
    parser.add_argument("--target", action="append", choices=ALL_TARGETS, dest="targets",
                        help="a target; again for several (software and ferry)")
    parser.add_argument("--filter", action="append", default=[], metavar="PATTERN",
                        help="only cases whose name matches this pattern, or begins with it")
    parser.add_argument("--jobs", type=int, default=2, help="programs at the same time (2)")
    parser.add_argument("--list", action="store_true", help="name the cases and stop")
    parser.add_argument("--compile-only", action="store_true", help="compile the programs and stop")
    parser.add_argument("--nvcc", type=Path, help="compile with this one, and fetch nothing")
    parser.add_argument("--python", type=Path, help="run Python programs with this one, and fetch nothing")
    parser.add_argument("--limit", type=float, default=math.inf, help="seconds that a case may take at most")
    parser.add_argument("--until", type=float, default=math.inf, help="seconds after which no case is begun")
    parser.add_argument("--gpus", type=int, default=2, help="GPUs there are: cases that need more stay out (2)")
    parser.add_argument("--transport", choices=("auto", "tls", "tcp", "unix", "shm"), default="auto",
                        help="how data connections of the targets with Ferry travel (auto); over tcp, which is not"
                             " encrypted, programs only")
    parser.add_argument("--older-kernel", action="store_true",
                        help="refuse system calls that came after Linux 4.4, as old kernels and gVisor do")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    options.targets = options.targets or ["software", "ferry"]
    Server.transport = options.transport
    options.end = time.monotonic() + options.until
    return options


def compilers(options: argparse.Namespace) -> Compilers:
    if options.nvcc is None and options.python is None:
        return Fetched()
    return Installed(options.nvcc, options.python)


def possible(cases: list[Case], options, found: Compilers, report: Report) -> list[Case]:
    """The cases that can be built and run here; says what stays out."""
    reasons = {build: found.lacks(build) for build in dict.fromkeys(case.build for case in cases)}
    for build, reason in reasons.items():
        if reason:
            report.say(f"left out: {build}: {reason}")
    return [case for case in cases if not reasons[case.build] and case.gpus <= options.gpus]


def wanted(name: str, patterns: list[str]) -> bool:
    return not patterns or any(name.startswith(p) or fnmatch.fnmatchcase(name, p) for p in patterns)


def run_case(case: Case, command: list[str] | BuildError, targets: list[Target], options, report: Report) -> None:
    """One program on each target, one after the other; the first is what the others must equal."""
    reference = None
    for target in targets:
        if target.name not in case.targets:
            continue
        if isinstance(command, BuildError):
            report.add(Result(case.name, target.name, False, 0, f"does not compile:\n{command}"))
            continue
        if time.monotonic() > options.end:
            report.add(Result(case.name, target.name, False, 0, "not started: out of time"))
            continue
        outcome = target.run(case, command)
        report.add(judge(case, target.name, outcome, reference))
        reference = reference or (target.name, outcome)


def run_programs(cases: list[Case], commands: dict, names: list[str], options, report: Report) -> None:
    logs = WORK / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    targets: list[Target] = []
    try:
        for name in names:
            target = TARGETS[name](options.tree, logs)
            targets.append(target)
            try:
                target.open()
            except (ServerError, OSError) as error:
                report.add(Result("start of the target", name, False, 0, str(error)))
                targets.pop().close()
        alone = [case for case in cases if case.alone and {"native", "ferry-native"} & set(names)]
        for jobs, group in ((options.jobs, [case for case in cases if case not in alone]), (1, alone)):
            with ThreadPoolExecutor(jobs) as pool:
                for case in group:
                    pool.submit(guarded, run_case, case.name, report, case, commands[case.name], targets,
                                options, report)
    finally:
        for target in targets:
            target.close()


def guarded(function, name: str, report: Report, *rest) -> None:
    """A fault of the suite itself is a failure of the case, not its end."""
    try:
        function(*rest)
    except Exception as error:  # noqa: BLE001
        report.add(Result(name, "suite", False, 0, f"{type(error).__name__}: {error}"))


def run_checks(checks: list[Check], builder: Builder, options, report: Report) -> None:
    """The checks of the whole, one after the other: each starts what it needs."""
    for check in checks:
        guarded(lambda check=check: report.add(check.run(options.tree, builder, WORK / "logs")),
                check.name, report)


def main() -> int:
    # Whoever started this in the background of a shell had signals ignored; the programs would be, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    options = arguments()
    if options.older_kernel:
        start_again_on_an_older_kernel("--older-kernel")
    options.tree = Tree(options.tree.resolve())
    cases = [case for case in all_cases() if wanted(case.name, options.filter)
             and set(options.targets) & set(case.targets)]
    checks = [check for check in all_checks() if wanted(check.name, options.filter)
              and "ferry" in options.targets]
    if options.transport == "tcp":
        checks = []  # they start servers of their own, which encrypt what goes over TCP
    if options.list:
        for case in cases:
            print(case.name, " ".join(t for t in options.targets if t in case.targets))
        for check in checks:
            print(check.name, "ferry")
        return 0
    if not cases and not checks:
        raise SystemExit("run.py: no case matches")
    report = Report(options.format == "json")
    found = compilers(options)
    cases = [replace(case, seconds=min(case.seconds, options.limit))
             for case in possible(cases, options, found, report)]
    needed = cases + [case for check in checks for case in check.cases()]
    found.set_up(needed)
    lacking = [] if options.compile_only else options.tree.lacks(*files_of(options.targets))
    if lacking:
        raise SystemExit(f"run.py: {options.tree.path} lacks {', '.join(lacking)}; make build makes it")
    builder = Builder(options.tree, found)
    commands = builder.compile_all(needed, options.jobs, report.say)
    if options.compile_only:
        broken = {name: error for name, error in commands.items() if isinstance(error, BuildError)}
        for name, error in broken.items():
            report.add(Result(name, "compiler", False, 0, str(error)))
        return 1 if broken else 0
    run_programs(cases, commands, options.targets, options, report)
    run_checks(checks, builder, options, report)
    return report.finish()


def files_of(targets: list[str]) -> list[str]:
    """What the tree must have for these targets."""
    files = []
    if {"software", "ferry"} & set(targets):
        files.append("lib/ferry/software/libcuda.so.1")
    if {"ferry", "ferry-native"} & set(targets):
        files += ["bin/ferry", "bin/ferryd", "bin/ferry-worker", "lib/ferry/client/libcuda.so.1"]
    return files
