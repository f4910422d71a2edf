#!/usr/bin/env python3
"""Runs the conformance suite; `run.py --help` says how."""

import sys

from suite.main import main

if __name__ == "__main__":
    sys.exit(main())
