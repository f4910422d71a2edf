#!/usr/bin/env python3
"""Measures the software GPU's kernels beside plain C; `softgpu.py --help` says how."""

import sys

from bench.softgpu import main

if __name__ == "__main__":
    sys.exit(main())
