"""Models that are installed with ftbench or with anybody's distribution: what there is, without loading torch.

A model is a folder with three files: its entry, its weights, and a card for people. ``ftbench_models`` holds ours; a
distribution adds the folders in a package of its own through the entry-point group ``ftbench.models``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Literal

from pydantic import Field

from ftbench.errors import BadInput, nearest
from ftbench.marking.locate import MANIFEST, Record, TrainSettings, read_record
from ftbench.storage.cellfile import CELL
from ftbench.storage.places import place

DEFAULT = "portrait-256"
"""What marks and reads where no model is named."""
ENTRY, MODEL_WEIGHTS, CARD = "model.json", "weights.safetensors", "card.md"
GROUP = "ftbench.models"
OURS = "ftbench_models"
TRAIN = "or name the results folder of a benchmark that you ran"


class Entry(Record):
    """What ``model.json`` says of a model."""

    form: Literal[1]
    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    version: int = Field(ge=1)
    """Raised with every training: what one version marked, another need not read."""
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the file of weights."""
    licence: str
    survives: str
    """One line; the card has the figures."""
    key: str
    """Identity of the cell that was trained, under which registers know it."""
    tag: int = Field(ge=0)
    """Bits of a payload that are a check."""
    settings: TrainSettings

    @property
    def bits(self) -> int:
        """Of a payload, its check included."""
        return self.settings.bits

    @property
    def label(self) -> str:
        """The name with its version."""
        return f"{self.name} {self.version}"


def installed() -> dict[str, Path]:
    """Name -> folder of every installed model; ours win where two share a name."""
    found: dict[str, Path] = {}
    for package in dict.fromkeys([OURS, *(point.value for point in importlib.metadata.entry_points(group=GROUP))]):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for entry in sorted(Path(folder).glob(f"*/{ENTRY}")):
                found.setdefault(entry.parent.name, entry.parent)
    return found


def entry_of(folder: Path) -> Entry:
    """What a model's folder says of it. Raises BadInput where the file is not ours."""
    return read_record(Entry, folder / ENTRY, "take the model anew from where it came")


def is_model(named: str) -> bool:
    """Whether a first word on the command line means a model: an installed name, or a folder that holds one."""
    path = place(named)
    if any((path / name).is_file() for name in (ENTRY, CELL, MANIFEST)):
        return True
    if path.exists():
        return path.is_dir() and any(path.glob(f"*/{MANIFEST}"))
    return named in installed() or named == DEFAULT


def folder_of(named: str) -> Path:
    """The folder that a word means: a folder itself, or that of an installed model.

    Raises BadInput where neither is there; what the folder holds is not looked at.
    """
    models, path = installed(), place(named)
    if path.exists():
        return path
    if named in models:
        return models[named]
    known = f"; installed are {', '.join(models)}" if models else ""
    if named == DEFAULT:
        raise BadInput(f"this installation holds no model {DEFAULT!r}{known}; install ftbench anew, {TRAIN}")
    alike = nearest(named, models)
    meant = f"; did you mean {alike[0]!r}?" if alike else known
    raise BadInput(
        f"there is no {named}{meant or ', and no model of that name is installed'}; give a picture, a folder of "
        "pictures, a model (ftbench models lists them) or a results folder such as results/<benchmark>/<data>-<scale>"
    )
