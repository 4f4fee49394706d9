"""``python -m benchmarks.speed [NAME…]``; see README.md beside this file."""

from __future__ import annotations

import sys

from benchmarks.speed.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
