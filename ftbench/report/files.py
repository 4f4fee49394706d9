"""Writing a report's files: whole or not at all."""

from __future__ import annotations

from pathlib import Path

from ftbench.storage import files


def write_bytes(path: Path, content: bytes) -> Path:
    """Write ``content`` in one step and return ``path``. Raises BadInput when the folder takes no file."""
    files.write_bytes(path, content)
    return path


def write_text(path: Path, content: str) -> Path:
    """``write_bytes`` in UTF-8 with Unix line ends."""
    return write_bytes(path, content.encode())
