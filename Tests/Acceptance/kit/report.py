"""The report in the output folder, written anew after every row."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import time
from pathlib import Path
from typing import Any

from . import table
from .rows import Row

#: Of each log, so that all of them together stay small.
LOG_BYTES = 256 << 10
#: Of the daemon's log.
DAEMON_LOG_BYTES = 8 << 20


class Report:
    """The rows so far and what is known of the machine."""

    def __init__(self, folder: Path, facts: dict[str, Any]):
        self.rows: list[Row] = []
        self.complete = False
        self._folder = folder
        self._facts = facts
        self._started = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, complete: bool = False, **more: Any) -> None:
        """Writes report.json and table.md; a reader never sees half of one."""
        self.complete = complete
        self._facts.update(more, complete=complete, seconds=round(time.monotonic() - self._started, 1))
        rows = [row.described() for row in self.rows]
        counted = {"equal": sum(row.ran and not row.failed for row in self.rows),
                   "failed": sum(row.failed for row in self.rows),
                   "not_run": sum(not row.ran for row in self.rows)}
        whole = {**self._facts, "counted": counted, "rows": rows}
        replace(self._folder / "report.json", json.dumps(whole, indent=1, default=str) + "\n")
        replace(self._folder / "table.md", table.markdown(self.rows, self._heading()))

    def _heading(self) -> str:
        facts = self._facts
        packages = ", ".join(f"{name} {version}" for name, version in facts.get("packages", {}).items())
        parts = [facts.get("date"), facts.get("gpu"), f"driver {facts.get('driver')}",
                 f"ferry {facts.get('ferry')}", facts.get("mode")]
        text = "; ".join(str(part) for part in parts if part)
        unfinished = "" if facts["complete"] else " The run did not reach its end."
        return f"{text}.{unfinished}" + (f"\n\n{packages}." if packages else "")

    @property
    def failed(self) -> bool:
        return any(row.failed for row in self.rows)


def replace(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".new")
    partial.write_text(text)
    os.replace(partial, path)


def pack_logs(folders: dict[str, Path], archive: Path) -> None:
    """All logs in one file, of long ones the end. The folders are named as they shall be in it."""
    with tarfile.open(archive, "w:gz", compresslevel=5) as whole:
        for name, folder in folders.items():
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    shorten(path, LOG_BYTES)
                    whole.add(path, Path(name) / path.relative_to(folder))


def shorten(path: Path, limit: int) -> None:
    """Keeps the end of a file."""
    if path.exists() and path.stat().st_size > limit:
        with open(path, "rb") as file:
            file.seek(-limit, os.SEEK_END)
            end = file.read()
        path.write_bytes(b"[the beginning is left out]\n" + end)


def keep_logs(folders: dict[str, Path], out: Path) -> None:
    for name, folder in folders.items():
        if folder.is_dir():
            shutil.copytree(folder, out / name, dirs_exist_ok=True)
