#!/usr/bin/env python3
"""Runs programs on packages that others have made; `run.py --help` says how."""

import sys
from pathlib import Path

# The server and running with a certain end are the conformance suite's.
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "Conformance"))

from packages.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
