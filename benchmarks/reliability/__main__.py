"""``python -m benchmarks.reliability NAME […]``: runs ``NAME.py`` beside this file; see README.md."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run the subject that the first argument names; its exit code, 2 where there is none of that name."""
    name = arguments[0].replace("-", "_") if arguments else ""
    files = [file for file in Path(__file__).parent.glob("*.py") if not file.name.startswith("_")]
    subjects = sorted(file.stem for file in files if "\ndef main(" in file.read_text(encoding="utf-8"))
    if name not in subjects:
        print(f"usage: python -m benchmarks.reliability NAME [--help]; NAME is one of {', '.join(subjects)}")
        return 2
    return int(importlib.import_module(f"benchmarks.reliability.{name}").main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
