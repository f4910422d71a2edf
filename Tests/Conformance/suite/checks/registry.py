"""The checks of the whole: what no single program shows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from ..building import Builder
from ..catalogue import Case, all_cases
from ..places import Tree
from ..results import Result


class CheckFailure(Exception):
    """What did not hold."""


def require(holds: object, what: str) -> None:
    if not holds:
        raise CheckFailure(what)


@dataclass
class Scene:
    """What a check works with."""

    tree: Tree
    #: Where its logs go; a prefix of file names.
    log: Path
    builder: Builder

    def program(self, name: str) -> list[str]:
        """The command of a case of the catalogue, compiled."""
        return self.builder.command(_case(name))


@dataclass(frozen=True)
class Check:
    name: str
    function: Callable[[Scene], None]
    programs: tuple[str, ...]

    def cases(self) -> list[Case]:
        return [_case(name) for name in self.programs]

    def run(self, tree: Tree, builder: Builder, logs: Path) -> Result:
        started = time.monotonic()
        reason = ""
        try:
            self.function(Scene(tree, logs / self.name.replace(" ", "-"), builder))
        except CheckFailure as failure:
            reason = str(failure)
        return Result(self.name, "ferry", not reason, time.monotonic() - started, reason)


_checks: list[Check] = []


def check(name: str, *programs: str):
    """Registers a check that uses these cases of the catalogue."""

    def register(function: Callable[[Scene], None]) -> Callable[[Scene], None]:
        _checks.append(Check(name, function, programs))
        return function

    return register


def _case(name: str) -> Case:
    return next(case for case in all_cases() if case.name == name)


def all_checks() -> list[Check]:
    # Importing them registers them.
    from . import copies, encryption, functions, hostile, images, leases, processes, sharing, statistics, transports  # noqa: F401

    return list(_checks)
