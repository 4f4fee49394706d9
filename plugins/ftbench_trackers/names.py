"""Settings and labels as other tools want them: flat, in few letters, short."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = {"λ": "lambda", "α": "alpha", "−": "-"}


def plain(text: str) -> str:
    """Text in ASCII: Greek letters of the labels spelt, other letters without their marks or as ``_``."""
    spelt = "".join(_PLAIN.get(letter, letter) for letter in text)
    return "".join(letter if letter.isascii() else _bare(letter) for letter in spelt)


def folder_name(label: str, cell: str) -> str:
    """What a cell's folder is called: its label in letters that every file system takes, and its identity's start."""
    return re.sub(r"[^A-Za-z0-9=.-]+", "_", plain(label.removeprefix("fit "))).strip("_.")[:80] + f"-{cell[:8]}"


def flat(settings: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(``"a.0.b"``, value) of each leaf; a list of numbers and texts is a leaf, as JSON."""
    if isinstance(settings, Mapping) and settings:
        for key, value in settings.items():
            yield from flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(settings, list | tuple) and any(isinstance(value, Mapping | list | tuple) for value in settings):
        for index, value in enumerate(settings):
            yield from flat(value, f"{path}.{index}")
    elif path:
        yield path, json.dumps(settings, ensure_ascii=False) if isinstance(settings, list | tuple) else settings


def settings_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The text of a table row: which setting it is."""
    return {key: value for key, value in row.items() if isinstance(value, str)}


def numbers_of(row: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a table row, without what was not measured."""
    return {key: float(value) for key, value in row.items() if isinstance(value, int | float)}


def _bare(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "_"
