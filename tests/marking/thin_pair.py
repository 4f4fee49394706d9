"""A cell of a thin pair, edited: for the tests of trained cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ftbench.storage.store import CellFolder

BITS = 4


def edit(folder: CellFolder, change: Callable[[dict[str, Any]], None]) -> None:
    file = folder.file("cell.json")
    held = json.loads(file.read_text(encoding="utf-8"))
    change(held)
    file.write_text(json.dumps(held), encoding="utf-8")
    finish_again(folder)


def finish_again(folder: CellFolder) -> None:
    """Vouch for the files as they are now, so that what is asked is how they are understood."""
    summary = json.loads(folder.file("done.json").read_text(encoding="utf-8"))
    folder.finish({key: value for key, value in summary.items() if key not in ("files", "digest")})
