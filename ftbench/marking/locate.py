"""From what a user calls a trained cell to its folder, and what that folder says of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ftbench.errors import BadInput
from ftbench.parts.catalogue import BUILT_IN
from ftbench.storage.cellfile import CELL, Evidence, Unreadable, read_cell
from ftbench.storage.earlier import is_earlier
from ftbench.storage.store import CellFolder, Store
from ftbench.train.weights import WEIGHTS

MANIFEST = "manifest.json"
SHORTEST = 6
"""Digits of an identity that may stand for it."""


class Record(BaseModel):
    """Of a file that another release may have written: what is not needed here is ignored."""

    model_config = ConfigDict(frozen=True)


class PartRecord(Record):
    """A part as it was when a cell used it."""

    name: str
    distribution: str = BUILT_IN
    version: int | str | None = None
    """As its record declared; None: nothing. In cells of earlier releases that of the distribution."""
    source: str = ""
    """Digest of another distribution's package, where its record declares no version."""
    parameters: dict[str, Any]
    at: int | None = None
    """Side in pixels that its images were resized to; None: as they came."""


class TrainSettings(Record):
    """What a pair is rebuilt from."""

    encoder: PartRecord
    decoder: PartRecord
    codec: PartRecord
    size: int = Field(gt=0)
    bits: int = Field(gt=0)
    code_bits: int = Field(gt=0)
    loss: dict[str, Any] = {}


class TrainCell(Record):
    """``cell.json`` of a trained pair."""

    kind: Literal["train"]
    label: str
    identity: str
    settings: TrainSettings
    inputs: list[str] = []
    evidence: Evidence = Evidence()

    @property
    def names(self) -> frozenset[str]:
        """What the cell is called, and was called in an earlier store."""
        earlier = self.evidence.migrated
        return frozenset({self.identity, *([earlier.identity] if earlier else [])})


class _Listed(Record):
    kind: str
    label: str
    identity: str
    reason: str = ""


class _Manifest(Record):
    benchmark: str
    scale: str
    cells: list[_Listed]


Read = TypeVar("Read", bound=Record)


def find(model: Path, setting: str | None = None, store: Path | None = None) -> CellFolder:
    """The folder of a trained cell.

    ``model`` is that folder itself or a results folder, whose manifest lists cells by label; ``setting`` is then
    a label or an identity, or the beginning of either. The store is looked for at ``<model>/../../.store``.
    Raises BadInput that lists what there is.
    """
    if (model / CELL).is_file():
        if setting:
            raise BadInput(f"{model} is a cell itself; leave out --setting, or name the results folder")
        return CellFolder(model)
    if not (model / MANIFEST).is_file():
        raise BadInput(_nothing(model))
    manifest = read_record(_Manifest, model / MANIFEST)
    listed = {cell.identity: cell for cell in manifest.cells if cell.kind == "train"}
    labels = _labels(listed)
    chosen = listed[_choose(model, labels, setting)]
    folder = _cell(Store(store or model.resolve().parents[1] / ".store"), chosen.identity)
    if not folder.file(CELL).is_file() or not folder.file(WEIGHTS).is_file():
        failed = f"; it failed: {chosen.reason}" if chosen.reason else ""
        scale = "" if manifest.scale == "plain" else f" --scale {manifest.scale}"
        raise BadInput(
            f"the weights of {labels[chosen.identity]!r} are not in {folder.path.parent}: no "
            f"{folder.path.name}/{WEIGHTS}{failed}; weights are not part of the repository: train them with "
            f"ftbench run {manifest.benchmark}{scale}, or say where they are with --store"
        )
    return folder


def _cell(store: Store, identity: str) -> CellFolder:
    """Where a training is, which may have got another name since its manifest was written."""
    folder = store.cell("train", identity)
    if folder.path.is_dir() or not store.root.is_dir():
        return folder
    for other in store.root.glob("train-*"):
        try:
            held = None if is_earlier(other) else read_cell(other)
        except Unreadable:
            continue
        if held and identity in held.names:
            return CellFolder(other)
    return folder


def describe(folder: CellFolder) -> TrainCell:
    """What a cell's folder says of it. Raises BadInput when it is no trained pair's, or a newer ftbench's."""
    # Older forms, which this one does not understand, are read below.
    with contextlib.suppress(Unreadable):
        read_cell(folder.path)
    return read_record(TrainCell, folder.file(CELL))


def _labels(listed: Mapping[str, _Listed]) -> dict[str, str]:
    """Identity -> label of each trained cell, told apart where two share one."""
    labels = [cell.label for cell in listed.values()]
    return {
        identity: cell.label if labels.count(cell.label) == 1 else f"{cell.label} ({identity[:SHORTEST]})"
        for identity, cell in listed.items()
    }


def _choose(model: Path, labels: Mapping[str, str], setting: str | None) -> str:
    if not labels:
        raise BadInput(f"{model} lists no trained cell; name the results of a benchmark that trains")
    listing = ", ".join(f"{label!r} ({identity[:SHORTEST]})" for identity, label in labels.items())
    if setting is None:
        if len(labels) > 1:
            raise BadInput(f"{model} holds {len(labels)} trained settings; choose one with --setting: {listing}")
        return next(iter(labels))
    wanted = _plain(setting)
    found = [identity for identity, label in labels.items() if _plain(label) == wanted]
    found = found or [
        identity
        for identity, label in labels.items()
        if _plain(label).startswith(wanted) or (len(wanted) >= SHORTEST and identity.startswith(wanted))
    ]
    if len(found) != 1:
        which = "several settings begin" if found else "no setting begins"
        raise BadInput(f"in {model} {which} with {setting!r}; there are: {listing}")
    return found[0]


def _plain(label: str) -> str:
    # Greek letters are in the tables, and not on every keyboard.
    return " ".join(label.replace("λ", "lambda").replace("α", "alpha").casefold().split())


def _nothing(model: Path) -> str:
    if not model.exists():
        return f"there is no {model}; give a results folder such as results/<benchmark>/<data>-<scale>, or a cell"
    if model.is_file():
        return f"{model} is a file and no model; give the folder of a model or of results"
    below = sorted(str(file.parent) for file in model.glob(f"*/{MANIFEST}"))
    if below:
        return f"{model} holds several results; name one: {', '.join(below)}"
    return f"{model} holds neither {MANIFEST} nor {CELL}; give a results folder or a trained cell of its .store"


def read_record(record: type[Read], file: Path, again: str = "run its benchmark again") -> Read:
    """What a JSON file says. Raises BadInput, which ends in what to do about it."""
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        kind = held.get("kind", "train") if isinstance(held, dict) else None
    except (OSError, ValueError) as error:
        raise BadInput(f"{file} cannot be read ({str(error).splitlines()[0]}); {again}") from error
    if record is TrainCell and kind in ("fit", "evaluate"):
        raise BadInput(f"{file.parent} is a cell of kind {kind!r} and no trained pair; name a train-… folder")
    try:
        return record.model_validate(held)
    except ValidationError as error:
        raise BadInput(f"{file} cannot be understood ({first_of(error)}); {again}") from error


def first_of(error: ValidationError) -> str:
    """The first thing that is wrong, in a few words."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg'].lower()}"
