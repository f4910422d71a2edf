"""The acceptance kit: the same unmodified programs natively and through Ferry, with equal results."""
