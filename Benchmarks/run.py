#!/usr/bin/env python3
"""Runs the benchmarks; `run.py --help` says how."""

import sys

from bench.main import main

if __name__ == "__main__":
    sys.exit(main())
