"""A pytest plugin that tells another process, line by line, which test runs and how it ended.

Each event is one JSON object on a line of the file that FERRY_SUITE_RECORD names, written before
anything else happens, so that it survives a process that crashes or is killed. Tests named in the file
FERRY_SUITE_DONE, one a line, are left out: they ran in a process that did not survive them all. Tests named in
FERRY_SUITE_LAST, with blanks between, run after all others of their file.
"""

import json
import os
from pathlib import Path

import pytest

#: Of a reason, so that one failure does not fill a report.
LONGEST = 4000


class Recorder:
    def __init__(self, record: str, done: frozenset[str], last: frozenset[str]):
        self._file = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._done, self._last = done, last

    def _tell(self, event: str, **facts) -> None:
        os.write(self._file, (json.dumps({"event": event, **facts}) + "\n").encode())

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list) -> None:
        left = [item for item in items if item.nodeid not in self._done]
        items[:] = sorted(left, key=lambda item: item.nodeid in self._last)
        self._tell("collected", tests=[item.nodeid for item in items])

    def pytest_collectreport(self, report) -> None:
        if report.outcome != "passed":
            self._tell("module", outcome=report.outcome, reason=reason_of(report))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._tell("start", test=nodeid)

    def pytest_runtest_logreport(self, report) -> None:
        # Set-up and tear-down count when they do not pass, and a subtest when it fails.
        subtest = hasattr(report, "context")
        if report.failed or (not subtest and (report.when == "call" or report.skipped)):
            expected = hasattr(report, "wasxfail") and report.skipped
            self._tell("outcome", test=report.nodeid, outcome="passed" if expected else report.outcome,
                       reason=reason_of(report))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._tell("end", test=nodeid)


def reason_of(report) -> str:
    """Why a test was skipped or failed, the end of it when it is long."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr or "")[-LONGEST:]


def pytest_configure(config) -> None:
    done = os.environ.get("FERRY_SUITE_DONE")
    names = Path(done).read_text().splitlines() if done else []
    last = os.environ.get("FERRY_SUITE_LAST", "").split()
    config.pluginmanager.register(Recorder(os.environ["FERRY_SUITE_RECORD"], frozenset(names), frozenset(last)))
