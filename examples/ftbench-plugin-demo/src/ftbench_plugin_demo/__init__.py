"""Two face editors for ftbench: ``region-repaint`` and ``big-eyes``."""
