"""A results folder, read back from what it keeps: the manifest, and the rows where they are kept too."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ftbench.errors import BadInput
from ftbench.storage.files import unzipped
from ftbench.storage.results import CellResult, MetricInfo

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
FORMAT = 2
PROTOCOL = 2
"""The version of ``docs/protocol.md`` that results are made for."""
FAILED = "failed"
# Folder names such as 07201 must not turn into numbers.
AS_TEXT = {"image": str, "name": str, "identity": str, "simulator": str, "distortion": str}

FileName = Annotated[str, Field(pattern=r"^(tables|rows|curves)/[^/\\]+$")]


class _Said(BaseModel):
    """A mapping of a manifest: what is not asked for here is left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class Metric(_Said):
    """How a metric is named and printed."""

    name: str
    unit: str
    digits: int
    higher_is_better: bool


class CellFiles(_Said):
    """Where a finished evaluation is kept, within the folder."""

    rows: FileName
    quality: FileName
    curve: FileName
    readings: FileName | None = None
    """Of new evaluations: what they are scored again by. It may be left out, since tables are made of rows."""


class CellRow(_Said):
    """An evaluation as a table row: which setting it is."""

    columns: dict[str, str]
    payload_bits: int = Field(ge=1)
    code_bits: int = Field(ge=1)
    kept: CellFiles


class CellSaid(_Said):
    """A cell of the manifest; ``row`` stands in evaluations."""

    kind: str
    label: str
    identity: str
    status: str
    images: int | None = None
    rows: int | None = None
    row: CellRow | None = None


class DataSaid(_Said):
    """The data set."""

    name: str
    digest: str


class Manifest(_Said):
    """As much of a manifest as reading its folder back takes."""

    benchmark: str
    scale: str
    caption: str
    data: DataSaid
    metrics: list[Metric]
    cells: list[CellSaid]
    files: dict[FileName, str]
    digest: str


@dataclass(frozen=True)
class Folder:
    """A results folder whose manifest could be read."""

    path: Path
    raw: dict[str, Any]
    manifest: Manifest

    @property
    def of_val(self) -> bool:
        """Whether its tables are of the val split, to choose settings by: no results."""
        return self.raw.get("split") == "val"

    @property
    def evaluations(self) -> list[CellSaid]:
        """The cells that are table rows, in the tables' order."""
        return [cell for cell in self.manifest.cells if cell.row and cell.status != FAILED]

    @property
    def metrics(self) -> list[MetricInfo]:
        """The metrics of the tables, in order."""
        return [MetricInfo(m.name, m.unit, m.digits, m.higher_is_better) for m in self.manifest.metrics]

    @property
    def methods_across(self) -> bool:
        """Whether methods are the columns of its tables, and attacks the rows."""
        said = self.raw.get("report") or (self.raw.get("configuration") or {}).get("report") or {}
        return not isinstance(said, dict) or said.get("rows", "attack") == "attack"

    @property
    def row_files(self) -> list[str]:
        """Every file of rows that the tables were made from."""
        return [name for cell in self.evaluations if cell.row for name in (cell.row.kept.rows, cell.row.kept.quality)]

    @property
    def reading_files(self) -> list[str]:
        """Every file of readings that is named."""
        return [name for cell in self.evaluations if cell.row and (name := cell.row.kept.readings)]

    @property
    def has_rows(self) -> bool:
        """Whether any of them is there; that all are is for ``ftbench.claims.audit`` to see."""
        return any((self.path / name).is_file() for name in self.row_files)


def open_folder(path: Path) -> Folder:
    """Read a folder's manifest. Raises BadInput when there is none, a newer one, or one that cannot be checked."""
    file = path / MANIFEST
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or error
        raise BadInput(f"{file}: {reason}; name a folder such as results/<benchmark>/<data>-<scale>") from None
    except ValueError as error:
        raise BadInput(f"{file} is not JSON ({error}); run the benchmark again") from None
    form = raw.get("format") if isinstance(raw, dict) else None
    if isinstance(form, int) and form > FORMAT:
        raise BadInput(
            f"{file} was written by a newer ftbench (form {form}, and this one knows {FORMAT}); update ftbench"
        )
    try:
        return Folder(path, raw, Manifest.model_validate(raw))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise BadInput(
            f"{file} cannot be checked: {key}: {first['msg'].lower()}; results of an earlier release, or of another "
            "program, have to be made again with ftbench run"
        ) from None


def rows_of(content: bytes) -> pd.DataFrame:
    """Per-image rows, or quality, from the content of the file that an evaluation wrote."""
    import pandas as pd

    # A person may be called NA; only a strength may be missing.
    plain = io.BytesIO(unzipped(content))
    return pd.read_csv(plain, dtype=AS_TEXT, keep_default_na=False, na_values={"strength": [""]})


def read_results(folder: Folder) -> list[CellResult]:
    """What the tables were made from, without curves. Raises whatever reading a damaged file raises."""
    return [result_of(cell, cell.row, partial(_content, folder)) for cell in folder.evaluations if cell.row]


def vouched(folder: Folder, name: str) -> bytes:
    """The content of a file that the manifest vouches for. Raises BadInput where it is missing or another."""
    try:
        content = _content(folder, name)
    except FileNotFoundError:
        raise BadInput(f"{name} is missing") from None
    if hashlib.sha256(content).hexdigest() != folder.manifest.files.get(name):
        raise BadInput(f"{name} has changed since it was written")
    return content


def result_of(cell: CellSaid, row: CellRow, content: Callable[[str], bytes]) -> CellResult:
    """A finished evaluation; ``content`` gives a file's. Raises whatever reading a damaged file raises."""
    import pandas as pd

    return CellResult(
        cell=cell.identity,
        label=cell.label,
        settings=row.columns,
        status=cell.status,
        bits=row.payload_bits,
        code_bits=row.code_bits,
        rows=rows_of(content(row.kept.rows)),
        quality=rows_of(content(row.kept.quality)),
        curve=pd.DataFrame(),
    )


def _content(folder: Folder, name: str) -> bytes:
    return (folder.path / name).read_bytes()
