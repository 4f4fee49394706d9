"""A cell on S3, and a refusal of the store's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftbench.storage.store import CellFolder


def cell(out: Path) -> CellFolder:
    """A finished cell."""
    folder = CellFolder(out / ".store" / "train-0123")
    folder.begin({"what": "it is"})
    folder.write("weights", b"numbers")
    folder.finish({"status": "done"})
    return folder


def denied(*arguments: Any, **options: Any) -> None:
    raise PermissionError("Access Denied")
