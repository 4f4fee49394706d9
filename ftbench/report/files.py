"""Writing a report's files: whole or not at all."""

from __future__ import annotations

from pathlib import Path

from ftbench.storage.store import write_atomically


def write_bytes(path: Path, content: bytes) -> Path:
    """Write ``content`` in one step and return ``path``. Raises BadInput when the folder takes no file."""

    def fill(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_atomically(path, fill)
    return path


def write_text(path: Path, content: str) -> Path:
    """``write_bytes`` in UTF-8 with Unix line ends."""
    return write_bytes(path, content.encode())
