"""Results folders become entries; what cannot be read is said, folder by folder and method by method."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ftbench.errors import BadInput
from ftbench.protocol.attacks import found, simulators_of
from ftbench.protocol.entry import OUT_OF_REACH, Entry, Hits, Made, entry_of, from_rows, learns, matched, rate_sample
from ftbench.protocol.rules import PROTOCOLS, Protocol, Wanted
from ftbench.report.crossed import Method, methods_of
from ftbench.report.detection import RATES
from ftbench.report.sample import measured, pooled
from ftbench.report.scores import Attack, Scores, scores_of
from ftbench.report.table import Measured
from ftbench.statistics.detection import smallest_match
from ftbench.statistics.estimates import Estimate
from ftbench.storage.manifest import FAILED, MANIFEST, PROTOCOL, Folder, open_folder, result_of, vouched
from ftbench.storage.results import STALLED, CellResult
from ftbench.storage.seal import own_digest

# What a damaged file makes pandas and the statistics raise.
UNREADABLE = (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, IndexError, BadInput)
MEASURES = {f"found at {rate:g}": rate for rate in RATES}
"""As the table ``detection`` names them."""
NOT_KEPT = "not in its tables, and rows are not kept"
DEPTH = 3
"""Folders down to which results are looked for below a folder that holds none itself."""


Rates = dict[Attack, dict[float, Measured]]


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
        read = read_whole(path, name)
    except UNREADABLE as error:
        return [], [Fault(name, "", first_line(error))]
    return read.entries, read.faults


@dataclass(frozen=True)
class Read:
    """A folder, its methods, and every rate of marks found that it tells of."""

    folder: Folder
    entries: list[Entry]
    faults: list[Fault]
    rates: dict[tuple[str, ...], Rates]
    """By the cells of an entry: attack -> false-positive rate that was asked for -> marks found; {} unless asked."""


def read_one(path: Path) -> Read:
    """As ``read_whole`` with every rate, of a folder that a user named by itself. Raises BadInput alone."""
    try:
        return read_whole(path, path.name, every_rate=True)
    except BadInput:
        raise
    except UNREADABLE as error:
        raise BadInput(f"{path} cannot be read: {first_line(error)}; run the benchmark again") from None


def read_whole(path: Path, name: str, *, every_rate: bool = False) -> Read:
    """As ``read_folder``, and with ``every_rate``; raises BadInput, and whatever reading damaged tables raises."""
    folder = open_folder(path)
    protocol = protocol_of(folder)
    if own_digest(folder.raw) != folder.manifest.digest:
        raise BadInput(f"{MANIFEST} has changed since it was written")
    if folder.of_val:
        raise BadInput("its tables are of val, to choose settings by; run the benchmark without evaluate.split")
    made = _made(folder, name)
    if not folder.has_rows:
        entries, rates = _of_tables(folder, made, protocol)
        return Read(folder, entries, _failed(folder, name), rates)
    results, faults = read_cells(folder, name)
    scores = [scores_of(result) for result in results]
    methods = methods_of(results)
    entries = [from_rows(method, results, scores, made, protocol) for method in methods]
    found_in = {method.cells: rates_of(method, scores) for method in methods} if every_rate else {}
    return Read(folder, entries, faults + _failed(folder, name), found_in)


def rates_of(method: Method, scores: Sequence[Scores]) -> Rates:
    """Marks found after everything that was run of a method, at each exact rate that its payload reaches."""
    own = [scores[place] for place in method.places]
    samples = {}
    for rate in RATES:
        threshold = smallest_match(own[0].bits, rate)
        if threshold is None:
            continue
        summed = [one.summed(matched(one, threshold)) for one in own]
        for attack in own[0].attacks:
            each = [rate_sample(one, attack, hits) for one, hits in zip(own, summed, strict=True)]
            if (sample := pooled(each, method.seeds)) is not None:
                samples[attack, rate] = sample
    found_in: Rates = {}
    for (attack, rate), entry in measured(samples).items():
        found_in.setdefault(attack, {})[rate] = entry
    return found_in


def protocol_of(folder: Folder) -> Protocol:
    """The rules that a folder was made for; results from before the first are held against it. Raises BadInput."""
    version = folder.raw.get("protocol", min(PROTOCOLS))
    if version not in PROTOCOLS:
        newer = isinstance(version, int) and version > PROTOCOL
        what = "it was made by a newer ftbench: update ftbench" if newer else "no release has it"
        raise BadInput(f"made for version {version!r} of the protocol, and this ftbench knows {PROTOCOL}; {what}")
    return PROTOCOLS[version]


def read_cells(folder: Folder, name: str) -> tuple[list[CellResult], list[Fault]]:
    """The cells whose rows are those that the manifest vouches for, and what is wrong with the others."""
    read, faults = [], []
    for cell in folder.evaluations:
        if cell.row is None:
            continue
        try:
            read.append(result_of(cell, cell.row, partial(vouched, folder)))
        except UNREADABLE as error:
            faults.append(Fault(name, cell.label, first_line(error)))
    return read, faults


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _failed(folder: Folder, name: str) -> list[Fault]:
    return [
        Fault(name, cell.label, "its cell failed when it was run")
        for cell in folder.manifest.cells
        if cell.row and cell.status == FAILED
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


def _of_tables(folder: Folder, made: Made, protocol: Protocol) -> tuple[list[Entry], dict[tuple[str, ...], Rates]]:
    """Entries of a folder whose rows were not kept, as its tables have them."""
    detection, quality = (_table(folder, name) for name in ("detection", "quality"))
    evaluate = (folder.raw.get("configuration") or {}).get("evaluate") or {}
    entries, rates_by_cells = [], {}
    for key in dict.fromkeys(row["cell"] for row in detection):
        cells = tuple(key.split(" "))
        own = [cell for cell in folder.evaluations if cell.identity in cells]
        if len(own) < len(cells):
            raise BadInput(f"tables/detection.csv is of cells that {MANIFEST} does not have")
        rates: Rates = {}
        for row in detection:
            rate = MEASURES.get(row["measure"])
            if row["cell"] == key and rate and row["detection_value"]:
                rates.setdefault((row["simulator"], row["distortion"]), {})[rate] = _measured(row, "detection")
        seen = {
            row["metric"]: _measured(row, "quality")
            for row in quality
            if row["cell"] == key and row["of"] == "marked" and not row["identity"]
        }
        first = next(row for row in (cell.row for cell in own) if row)
        label = next(row["label"] for row in detection if row["cell"] == key)
        hits = {wanted: _hits(wanted, rates, made, protocol) for wanted in protocol.at(made.size)}
        rates_by_cells[cells] = rates
        entries.append(
            entry_of(
                label, cells, made, protocol, bits=first.payload_bits,
                seeds=len(cells) if learns(first.columns) else max(len(cells), protocol.seeds),
                images=min((cell.images or 0) for cell in own), draws=int(evaluate.get("draws") or 0),
                hits=hits, quality=seen, stalled=any(cell.status == STALLED for cell in own),
                people=made.held_out if made.held_out == made.shown else None,
            )
        )  # fmt: skip
    return entries, rates_by_cells


def _hits(wanted: Wanted, rates: Rates, made: Made, protocol: Protocol) -> Hits:
    attack, why = found(wanted, rates, made.parts)
    if attack is None:
        return Hits(missing=NOT_KEPT if why == "not run" else why)
    entry = rates[attack].get(protocol.rate)
    return Hits(missing=OUT_OF_REACH, attack=attack) if entry is None else Hits(entry=entry, attack=attack)


def _table(folder: Folder, name: str) -> Sequence[Mapping[str, str]]:
    file = f"tables/{name}.csv"
    if not (folder.path / file).is_file():
        raise BadInput(f"neither rows nor {file}, which an earlier release did not write; run the benchmark again")
    return list(csv.DictReader(io.StringIO(vouched(folder, file).decode("utf-8"))))


def _measured(row: Mapping[str, str], stem: str) -> Measured:
    if not row[f"{stem}_value"]:
        return Measured()
    value, low, high = (float(row[f"{stem}_{of}"]) for of in ("value", "low", "high"))
    seeds = int(row.get(f"{stem}_seeds") or 1)
    lowest, highest = ((float(text) if (text := row.get(f"{stem}_{of}")) else None) for of in ("lowest", "highest"))
    found_in = Estimate(value, low, high, int(float(row[f"{stem}_n"])), "as its tables have it")
    return Measured(found_in, lowest=lowest, highest=highest, seeds=seeds)
