"""Tests of the benchmark suite itself; they need nothing that was built."""
