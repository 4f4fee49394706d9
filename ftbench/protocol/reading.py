"""Results folders become entries; what cannot be read is said, folder by folder and method by method."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftbench.errors import BadInput
from ftbench.protocol.attacks import found, simulators_of
from ftbench.protocol.entry import Entry, Hits, Made, entry_of, from_rows
from ftbench.protocol.rules import PROTOCOLS, Protocol
from ftbench.report.crossed import methods_of
from ftbench.report.scores import scores_of
from ftbench.report.table import Measured
from ftbench.statistics.estimates import Estimate
from ftbench.storage.manifest import MANIFEST, PROTOCOL, CellSaid, Folder, open_folder, rows_of
from ftbench.storage.results import CellResult
from ftbench.storage.seal import digest_of, own_digest

# What a damaged file makes pandas and the statistics raise.
UNREADABLE = (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, IndexError, BadInput)
NOT_KEPT = "not in its tables, and rows are not kept"
DEPTH = 3
"""Folders down to which results are looked for below a folder that holds none itself."""


@dataclass(frozen=True)
class Fault:
    """What could not be read, and why, in a sentence."""

    folder: str
    method: str
    """Empty: the folder as a whole."""
    why: str


def folders_below(path: Path) -> list[Path]:
    """The folder itself, or every results folder below it; hidden ones are nobody's results."""
    level = [path]
    for _ in range(DEPTH):
        if here := [one for one in level if (one / MANIFEST).exists()]:
            return here
        level = sorted(
            below for one in level if one.is_dir() for below in one.glob("*")
            if below.is_dir() and not below.name.startswith(".")
        )  # fmt: skip
    return [one for one in level if (one / MANIFEST).exists()]


def names_of(paths: Sequence[Path]) -> list[str]:
    """As much of the end of each path as tells it apart from the others, two folders at least."""
    parts = [str(path).replace("\\", "/").rstrip("/").split("/") for path in paths]
    for length in range(2, max(map(len, parts), default=2) + 1):
        names = ["/".join(one[-length:]) for one in parts]
        if len(set(names)) == len(names):
            return names
    return ["/".join(one) for one in parts]


def read_folder(path: Path, name: str) -> tuple[list[Entry], list[Fault]]:
    """Every method of a folder, and what of it could not be read. Nothing is raised for what lies in the folder."""
    try:
        folder = open_folder(path)
        protocol = protocol_of(folder)
        if own_digest(folder.raw) != folder.manifest.digest:
            raise BadInput(f"{MANIFEST} has changed since it was written")
        made = _made(folder, name)
    except UNREADABLE as error:
        return [], [Fault(name, "", first_line(error))]
    if not folder.has_rows:
        try:
            return list(_of_tables(folder, made, protocol)), _failed(folder, name)
        except UNREADABLE as error:
            return [], [Fault(name, "", first_line(error))]
    read, faults = read_cells(folder, name)
    results = [result for _, result in read]
    scores = [scores_of(result) for result in results]
    entries = [from_rows(method, results, scores, made, protocol) for method in methods_of(results)]
    return entries, faults + _failed(folder, name)


def protocol_of(folder: Folder) -> Protocol:
    """The rules that a folder was made for; results from before the first are held against it. Raises BadInput."""
    version = folder.raw.get("protocol", min(PROTOCOLS))
    if version not in PROTOCOLS:
        newer = isinstance(version, int) and version > PROTOCOL
        what = "it was made by a newer ftbench: update ftbench" if newer else "no release has it"
        raise BadInput(f"made for version {version!r} of the protocol, and this ftbench knows {PROTOCOL}; {what}")
    return PROTOCOLS[version]


def read_cells(folder: Folder, name: str) -> tuple[list[tuple[CellSaid, CellResult]], list[Fault]]:
    """The cells whose rows are those that the manifest vouches for, and what is wrong with the others."""
    import pandas as pd

    read, faults = [], []
    for cell in folder.evaluations:
        if cell.row is None:
            continue
        kept = cell.row.kept
        try:
            contents = [_vouched(folder, file) for file in (kept.rows, kept.quality)]
            rows, quality = map(rows_of, contents)
            result = CellResult(
                cell.identity, cell.label, cell.row.columns, cell.status, cell.row.payload_bits, cell.row.code_bits,
                rows, quality, pd.DataFrame(),
            )  # fmt: skip
        except UNREADABLE as error:
            faults.append(Fault(name, cell.label, first_line(error)))
            continue
        read.append((cell, result))
    return read, faults


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _vouched(folder: Folder, name: str) -> bytes:
    file = folder.path / name
    if not file.is_file():
        raise BadInput(f"{name} is missing")
    if digest_of(file) != folder.manifest.files.get(name):
        raise BadInput(f"{name} has changed since it was written")
    return file.read_bytes()


def _failed(folder: Folder, name: str) -> list[Fault]:
    return [
        Fault(name, cell.label, "its cell failed when it was run")
        for cell in folder.manifest.cells
        if cell.row and cell.status == "failed"
    ]


def _made(folder: Folder, name: str) -> Made:
    data: Mapping[str, Any] = folder.raw.get("data") or {}
    people = data.get("test_people")
    people = people if isinstance(people, dict) else {}
    size = data.get("size")
    if not isinstance(size, int):
        raise BadInput(f"{MANIFEST} does not say how large its images are")
    shown, held_out = (value if isinstance(value := people.get(key), int) else None for key in ("shown", "held_out"))
    said = folder.manifest.data
    return Made(name, said.name, said.digest, size, simulators_of(folder.raw), shown, held_out)


def _of_tables(folder: Folder, made: Made, protocol: Protocol) -> Iterator[Entry]:
    """Entries of a folder whose rows were not kept, as its tables have them."""
    detection, quality = (_table(folder, name) for name in ("detection", "quality"))
    labels = {cell.identity: cell for cell in folder.evaluations}
    evaluate = (folder.raw.get("configuration") or {}).get("evaluate") or {}
    for key in dict.fromkeys(row["cell"] for row in detection):
        cells = tuple(key.split(" "))
        first = labels.get(cells[0])
        if first is None or first.row is None:
            raise BadInput(f"tables/detection.csv is of cells that {MANIFEST} does not have")
        own = [row for row in detection if row["cell"] == key]
        rates = {
            (row["simulator"], row["distortion"]): _measured(row, "detection")
            for row in own
            if row["measure"] == f"found at {protocol.rate:g}"
        }
        hits = {}
        for wanted in protocol.at(made.size):
            attack, why = found(wanted, rates, made.parts)
            hits[wanted] = Hits(missing=NOT_KEPT if why == "not run" else why) if attack is None else Hits(
                entry=rates[attack], attack=attack
            )  # fmt: skip
        seen = {
            row["metric"]: _measured(row, "quality")
            for row in quality
            if row["cell"] == key and row["of"] == "marked" and not row["identity"]
        }
        learns = first.row.columns.get("λ", "") != "none"
        images = min((cell.images or 0 for one in cells if (cell := labels.get(one))), default=0)
        yield entry_of(
            own[0]["label"], cells, made, protocol, bits=first.row.payload_bits,
            seeds=len(cells) if learns else max(len(cells), protocol.seeds), images=images,
            draws=int(evaluate.get("draws") or 0), hits=hits, quality=seen,
            people=made.held_out if made.held_out == made.shown else None,
            stalled=any(labels[one].status == "stalled" for one in cells if one in labels),
        )  # fmt: skip


def _table(folder: Folder, name: str) -> Sequence[Mapping[str, str]]:
    file = f"tables/{name}.csv"
    if not (folder.path / file).is_file():
        raise BadInput(f"neither rows nor {file}, which an earlier release did not write; run the benchmark again")
    return list(csv.DictReader(io.StringIO(_vouched(folder, file).decode("utf-8"))))


def _measured(row: Mapping[str, str], stem: str) -> Measured:
    if not row[f"{stem}_value"]:
        return Measured()
    value, low, high = (float(row[f"{stem}_{of}"]) for of in ("value", "low", "high"))
    seeds = int(row.get(f"{stem}_seeds") or 1)
    lowest, highest = ((float(text) if (text := row.get(f"{stem}_{of}")) else None) for of in ("lowest", "highest"))
    found_in = Estimate(value, low, high, int(float(row[f"{stem}_n"])), "as its tables have it")
    return Measured(found_in, lowest=lowest, highest=highest, seeds=seeds)
