"""What a manifest vouches for: the digest of each file of numbers beside it, and of itself.

A digest finds a number that changed by accident or by hand. It proves nothing against someone who makes the
digests anew: that is what the rows are for (``ftbench.claims.audit``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SEALED = ("tables", "rows", "curves")
"""Folders whose files are vouched for. Figures are drawn by a library, and pictures may be left out."""
FILES, DIGEST = "files", "digest"


def files_of(folder: Path) -> dict[str, Path]:
    """Every file of numbers in a results folder, by its name within: ``"tables/main.csv"``."""
    found = (file for name in SEALED for file in sorted((folder / name).glob("*")))
    return {f"{file.parent.name}/{file.name}": file for file in found if not file.name.startswith(".")}


def digest_of(file: Path) -> str:
    """SHA-256 of its bytes, hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def sealed(manifest: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The manifest with the digests of the files that ``folder`` holds now, and with its own."""
    whole = {**manifest, FILES: {name: digest_of(file) for name, file in files_of(folder).items()}}
    return {**whole, DIGEST: own_digest(whole)}


def own_digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of everything that a manifest says but this, however it is laid out."""
    said = {key: value for key, value in manifest.items() if key != DIGEST}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
