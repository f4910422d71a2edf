"""The command: gets everything ready, runs the programs, and says what came of it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import layout, machine, preflight
from .budget import Budget
from .catalogue import chosen
from .options import parse

#: Variables of the caller's that programs get: where a machine keeps its driver and its packages.
KEPT = "LD_LIBRARY_PATH PYTHONPATH CUDA_HOME CUDA_PATH VIRTUAL_ENV"
USAGE, NOT_READY = 2, 3


class Stopped(BaseException):
    """A signal asks the kit to end."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def main(words: list[str] | None = None) -> int:
    options = parse(words)
    budget = Budget(options.seconds)
    programs = chosen(options.quick, options.software, options.only, options.rehearse)
    if not programs:
        return complain("no program matches", USAGE)
    if options.list:
        for program in programs:
            print(f"{program.name:<18} {program.needs:<13} {_obstacle(options, program)}".rstrip())
        return 0
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        preflight.check_tree(options.tree, options.software)
        found = preflight.Machine() if options.software else preflight.check_machine(options.force)
        options.out.mkdir(parents=True, exist_ok=True)
    except (preflight.NotReady, OSError) as error:
        return complain(str(error), NOT_READY)
    except Stopped as stopped:
        return 128 + stopped.number
    for warning in found.warnings:
        complain(warning, 0)
    work = prepare_work(options, found.driver_path)
    try:
        return run(options, budget, programs, found, work)
    except preflight.NotReady as error:
        return complain(str(error), NOT_READY)
    except Stopped as stopped:
        return complain(f"ended by {signal.Signals(stopped.number).name}", 128 + stopped.number)
    finally:
        if not options.keep_work:
            shutil.rmtree(work, ignore_errors=True)


def _obstacle(options, program) -> str:
    return program.hardware if options.software and not options.rehearse else ""


def stop(number: int, _frame: object) -> None:
    # A second one must not break off what the first one has begun.
    for other in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise Stopped(number)


def complain(text: str, status: int) -> int:
    print(f"gpu-acceptance: {text}", file=sys.stderr, flush=True)
    return status


def prepare_work(options, driver_path: str) -> Path:
    """The folder of caches, compiled programs and logs; the suite writes there too."""
    work = options.work.resolve() if options.work else Path(tempfile.mkdtemp(prefix="gpu-acceptance-"))
    work.mkdir(parents=True, exist_ok=True)
    os.environ.update(FERRY_CONFORMANCE_WORK=str(work / "conformance"), FERRY_CONFORMANCE_KEEP=KEPT,
                      FERRY_CONFORMANCE_DRIVER=driver_path, PYTHONDONTWRITEBYTECODE="1")
    sys.path.insert(0, str(layout.CONFORMANCE))
    return work


def run(options, budget: Budget, programs: list, found: preflight.Machine, work: Path) -> int:
    # The suite reads where to write when it is loaded.
    from . import table
    from .report import DAEMON_LOG_BYTES, Report, keep_logs, pack_logs, shorten
    from .stage import Stage

    report = Report(options.out, {
        "kit": 1, "date": time.strftime("%Y-%m-%d %H:%M"), "mode": mode(options),
        "gpu": ", ".join(gpu["name"] for gpu in found.gpus) or "software GPU", "gpus": found.gpus,
        "driver": f"{found.driver_version} (CUDA {found.cuda_version})" if found.gpus else "Ferry's",
        "driver_path": found.driver_path, "warnings": found.warnings,
        "ferry": machine.ferry_version(options.tree), "tree": str(options.tree), **machine.system()})
    try:
        with Stage(options, budget, report, found, work) as stage:
            stage.play(programs)
        report.write(complete=True)
    finally:
        if not report.complete:
            report.write()
        shorten(options.out / "ferryd.log", DAEMON_LOG_BYTES)
        folders = {"logs": work / "logs", "conformance": work / "conformance" / "logs"}
        pack_logs(folders, options.out / "logs.tar.gz")
        if options.keep_logs:
            keep_logs(folders, options.out)
        print("\n" + table.text(report.rows), flush=True)
        print(f"\nreport in {options.out}, after {budget.spent:.0f} s", flush=True)
    return 1 if report.failed else 0


def mode(options) -> str:
    if options.rehearse:
        return "rehearsal: no kernel is executed"
    return ("software, " if options.software else "") + ("quick" if options.quick else "full")
