#!/usr/bin/env python3
"""Runs the test suites that packages bring; `run.py --help` says how."""

import sys
from pathlib import Path

# Targets, the server and running with a certain end are the conformance suite's.
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "Conformance"))

from suites.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
