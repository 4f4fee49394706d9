"""What survives what: ``python -m benchmarks.reliability``."""
