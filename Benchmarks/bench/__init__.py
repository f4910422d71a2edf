"""The benchmark suite of Ferry; Benchmarks/README.md says what it measures."""
