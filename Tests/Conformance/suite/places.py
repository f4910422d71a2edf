"""Where everything is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CONFORMANCE = Path(__file__).resolve().parent.parent
ROOT = CONFORMANCE.parent.parent
PROGRAMS = CONFORMANCE / "programs"
EXPECTED = CONFORMANCE / "expected"
TOOLCHAIN = ROOT / "build" / "toolchain"
#: Everything is written here; elsewhere for a suite that lies in a folder that cannot be written.
WORK = Path(os.environ.get("FERRY_CONFORMANCE_WORK") or ROOT / "build" / "conformance").resolve()
#: Variables of the caller's that programs get too: where a machine keeps its driver or packages.
KEPT = os.environ.get("FERRY_CONFORMANCE_KEEP", "").split()


@dataclass(frozen=True)
class Tree:
    """An installed tree of Ferry (`make build` makes build/ferry like one)."""

    path: Path

    @property
    def ferry(self) -> Path:
        return self.path / "bin" / "ferry"

    @property
    def ferryd(self) -> Path:
        return self.path / "bin" / "ferryd"

    @property
    def software(self) -> Path:
        return self.path / "lib" / "ferry" / "software"

    @property
    def client(self) -> Path:
        return self.path / "lib" / "ferry" / "client"

    def lacks(self, *names: str) -> list[str]:
        """Which of these files the tree does not have."""
        return [name for name in names if not (self.path / name).exists()]


def user_environment() -> dict[str, str]:
    """What every program of the suite starts with: of the caller's only its path, and what is named."""
    home = WORK / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Without it CuPy makes machine code of one GPU generation, which a GPU that runs PTX only refuses.
        "CUPY_COMPILE_WITH_PTX": "1",
        "CUPY_CACHE_DIR": str(WORK / "cupy-cache"),
        **{name: os.environ[name] for name in KEPT if name in os.environ},
    }
