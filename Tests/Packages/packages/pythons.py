"""A Python for each set of packages."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from suite.places import ROOT

HOME = ROOT / "build" / "packages"


def path_of(requirements: tuple[str, ...]) -> Path:
    """Where the Python for these packages lies."""
    digest = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:12]
    first = requirements[0].partition("=")[0].partition("[")[0]
    return HOME / f"{first}-{digest}"


def make(requirements: tuple[str, ...]) -> Path:
    """Makes the Python unless it is there; what was begun and not finished is made again."""
    home = path_of(requirements)
    stamp = home / "made"
    if stamp.exists():
        return home / "bin" / "python"
    print(f"packages: fetching and installing {' '.join(requirements)} …", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    subprocess.run([home / "bin" / "pip", "install", "--quiet", *requirements], check=True)
    stamp.touch()
    return home / "bin" / "python"


def libraries(python: Path) -> str:
    """Folders of NVIDIA's libraries: not every package finds those that it has asked for."""
    packages = next((python.parent.parent / "lib").glob("python3.*/site-packages"))
    return os.pathsep.join(str(each) for each in sorted(packages.glob("nvidia/*/lib")))
