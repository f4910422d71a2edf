"""The conformance suite: the same unmodified programs on several targets, with equal results."""
