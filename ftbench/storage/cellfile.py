"""``cell.json``: what a cell is, and what vouches for it. Written and read here, by one schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ftbench.errors import BadInput

CELL = "cell.json"
FORM = 2
"""Of the file. The first form, without this number, named cells by the sources that they were made with."""


class Unreadable(Exception):
    """A ``cell.json`` that does not say what its cell is; the message says why, in a few words."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Migrated(_Said):
    """A cell of an earlier store, of which nobody knows what code made it."""

    identity: str
    """What it was called before."""
    commit: str = ""


class Accepted(_Said):
    """A cell that somebody vouched for."""

    when: str
    over: list[str]
    """What spoke against it."""


class Evidence(_Said):
    """What a cell was made with, beside its key."""

    code: dict[str, str] = {}
    """Digest of each file that its result may hang on."""
    records: dict[str, dict[str, Any]] = {}
    """What its parts told the harness of how to use them."""
    libraries: dict[str, str] = {}
    """Versions."""
    inputs: dict[str, str] = {}
    """Key of a cell that it needed -> digest of the weights found there."""
    migrated: Migrated | None = None
    accepted: Accepted | None = None


class CellFile(_Said):
    """What ``cell.json`` says."""

    form: Literal[2]
    kind: Literal["fit", "train", "evaluate"]
    label: str
    identity: str
    """The key, under the name that older readers know."""
    inputs: list[str]
    settings: dict[str, Any]
    evidence: Evidence

    @property
    def names(self) -> frozenset[str]:
        """The key, and what the cell was called in an earlier store."""
        return frozenset({self.identity, *([self.evidence.migrated.identity] if self.evidence.migrated else [])})


def cell_json(
    kind: str, label: str, key: str, inputs: Sequence[str], settings: Mapping[str, Any], evidence: Evidence
) -> dict[str, Any]:
    """What a run writes into ``cell.json``."""
    return {
        "form": FORM,
        "kind": kind,
        "label": label,
        "identity": key,
        "inputs": list(inputs),
        "settings": settings,
        "evidence": evidence.model_dump(mode="json", exclude_defaults=True),
    }


def read_cell(folder: Path) -> CellFile | None:
    """What a cell's folder says of it, None where there is no ``cell.json``.

    Raises Unreadable, also for the earlier form, and BadInput where a newer ftbench wrote it.
    """
    try:
        held = json.loads((folder / CELL).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable("it cannot be read") from error
    return understood(held, folder)


def understood(held: Any, folder: Path) -> CellFile:
    """What the JSON of a ``cell.json`` says; raises as ``read_cell`` does."""
    form = held.get("form") if isinstance(held, dict) else None
    if isinstance(form, int) and form > FORM:
        raise BadInput(
            f"{folder} was written by a newer ftbench (form {form} of its cells, and this one knows {FORM}); "
            "update ftbench, or choose another folder with --out"
        )
    try:
        return CellFile.model_validate(held)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise Unreadable(f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg'].lower()}") from error
