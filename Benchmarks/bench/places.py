"""Where everything is, and what is shared with the conformance suite."""

from __future__ import annotations

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
ROOT = BENCHMARKS.parent
PROGRAMS = BENCHMARKS / "programs"
FLOORS = BENCHMARKS / "floors"
THRESHOLDS = BENCHMARKS / "thresholds.json"
BUILD = ROOT / "build" / "bench"
RESULT = ROOT / "build" / "bench.json"

sys.path.insert(0, str(ROOT / "Tests" / "Conformance"))

from suite.places import Tree, user_environment  # noqa: E402
from suite.running import descendants, wait_until  # noqa: E402
from suite.server import Server, ServerError  # noqa: E402

__all__ = ["BENCHMARKS", "BUILD", "FLOORS", "PROGRAMS", "RESULT", "ROOT", "THRESHOLDS", "Server",
           "ServerError", "Tree", "descendants", "user_environment", "wait_until"]
