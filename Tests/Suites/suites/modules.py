"""Running the tests of one file in a process of its own, with an end that is certain."""

from __future__ import annotations

import os
import time
from pathlib import Path

from suite.catalogue import Case
from suite.running import shell_status
from suite.server import CAPABILITY
from suite.targets import Target

from .outcomes import Progress, Test
from .places import PLUGINS, TESTS, WORK, Suite

#: Seconds until a file's tests are known: Python, the package and, through Ferry, a lease.
LOADING = 120


class ModuleRun:
    """The tests of one file on one target. A test that hangs or crashes costs its process; those after it
    run in another."""

    def __init__(self, suite: Suite, module: str, target: Target, name: str):
        self._suite, self._module, self._target = suite, module, target
        self._base = WORK / name / target.name / module.replace("/", ".").removesuffix(".py")
        self._case = Case(name=self._base.name, program=module, build=f"py-{suite.part}", sources=())
        self.tests: dict[str, Test] = {}

    def run(self) -> dict[str, Test]:
        self._base.parent.mkdir(parents=True, exist_ok=True)
        rounds = 0
        while True:
            progress = self._process(rounds)
            self.tests.update(progress.tests)
            # Each round ends at least one test, or the module as a whole.
            if not progress.unfinished or not progress.tests:
                return self.tests
            rounds += 1

    def _process(self, number: int) -> Progress:
        """One process, until its end."""
        record = Path(f"{self._base}.{number}.events")
        record.unlink(missing_ok=True)
        done = Path(f"{self._base}.done")
        done.write_text("".join(f"{name}\n" for name in self.tests))
        progress = Progress(record, since=time.monotonic())
        settings = {
            **self._suite.settings,
            CAPABILITY: self._suite.capability,
            "PYTHONPATH": os.pathsep.join((str(TESTS), str(PLUGINS))),
            "FERRY_SUITE_RECORD": str(record), "FERRY_SUITE_DONE": str(done),
            "FERRY_SUITE_LAST": " ".join(self._suite.last),
        }
        command = ["/usr/bin/env", *(f"{key}={value}" for key, value in settings.items()), *self._command()]
        running = self._target.start(self._case, command, Path(f"{self._base}.{number}"))
        try:
            status = self._watch(running, progress)
        finally:
            running.end()
        now = time.monotonic()
        progress.advance(now)
        if progress.running or progress.collected is None and not progress.tests:
            tail = "\n".join((running.stdout + running.stderr).splitlines()[-15:])
            progress.lost(f"{status}\n{tail}", now)
        return progress

    def _watch(self, running, progress: Progress) -> str:
        """Waits for the end, or for a test that takes too long; says which it was."""
        while running.process.poll() is None:
            now = time.monotonic()
            progress.advance(now)
            limit = LOADING if progress.collected is None else self._suite.limit
            if (progress.running or progress.collected is None) and now - progress.since > limit:
                return f"not done after {limit:g} s"
            time.sleep(0.05)
        return f"the process ended with {shell_status(running.process.returncode)}"

    def _command(self) -> list[str]:
        plugins = [word for name in ("ferry_recorder", *self._suite.plugins) for word in ("-p", name)]
        return [
            str(self._suite.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins,
            "--rootdir", str(self._suite.root), *self._suite.options,
            str(self._suite.root / self._module)]
