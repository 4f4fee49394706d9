"""Every table made again from the rows: what its CSV file says otherwise, and what is printed amiss."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ftbench.errors import BadInput, CannotWrite
from ftbench.machine import provenance
from ftbench.publish.anew import Said
from ftbench.report import ENDINGS, report_tables
from ftbench.report.table import Measured, Table, format_short
from ftbench.report.tables import csv_text, json_text, latex, markdown
from ftbench.statistics.estimates import Estimate
from ftbench.storage.manifest import MANIFEST, Folder, read_results
from ftbench.storage.results import CellResult

CLOSE = 1e-9
"""Relative: sums may be taken in another order by another version of a library."""
_NUMBER = re.compile(r"[<>]?[+−]?\d[\d,]*(?:\.\d+)? (?:±\d[\d.]*|−\d[\d.]* \+\d[\d.]*)")
"""A number as it is printed, with its interval."""
# What a damaged file, or a number that no evaluation writes, makes pandas and the statistics raise.
_UNREADABLE = (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, IndexError, BadInput)


def against_rows(folder: Folder) -> Iterator[str]:
    """One sentence for each number that the rows do not give, or that is not printed as its CSV file has it."""
    try:
        results = read_results(folder)
    except CannotWrite:
        # A store that is away says nothing of what lies there.
        raise
    except _UNREADABLE as error:
        yield f"the rows cannot be read: {_first_line(error)}"
        return
    yield from _counts(folder, results)
    try:
        tables = report_tables(results, folder.metrics, methods_across=folder.methods_across)
    except _UNREADABLE as error:
        yield f"no tables can be made from the rows: {_first_line(error)}"
        return
    made = {
        f"{printed.name}{ending}"
        for printed, _ in tables
        for ending in ENDINGS
        if printed.printed or ending in (".csv", ".json")
    }
    yield from (
        f"tables/{file.name} cannot be made from the rows"
        for file in sorted((folder.path / "tables").glob("*"))
        if file.name not in made
    )
    for printed, rows in tables:
        yield from _table(folder, printed, rows)


def _counts(folder: Folder, results: list[CellResult]) -> Iterator[str]:
    for cell, result in zip(folder.evaluations, results, strict=True):
        images = result.rows["image"].nunique()
        for what, said, found in (("images", cell.images, images), ("rows", cell.rows, len(result.rows))):
            if said is not None and said != found:
                yield f"{MANIFEST}, {cell.label}: says {said} {what}, and the rows hold {found}"
        # The tables say it once where there is no code.
        if not result.coded and not result.rows["code_errors"].equals(result.rows["payload_errors"]):
            yield f"rows, {cell.label}: without a code, errors of code and payload are the same; these are not"


def _table(folder: Folder, printed: Table, rows: Table) -> Iterator[str]:
    name = f"tables/{printed.name}.csv"
    try:
        text = (folder.path / name).read_text(encoding="utf-8")
    except (OSError, ValueError):
        yield f"{name} cannot be read"
        return
    told = list(different(name, csv_text(rows), text, "the rows give"))
    yield from told
    if told:
        return
    # Rounded from the numbers of the file, not from ones that may differ in their last digit.
    known = _as_in_file(rows, text)
    shown = replace(printed, frame=printed.frame.map(lambda entry: _known(entry, known)))
    caption = Said(folder.manifest.caption)
    here = _printed_here(folder)
    for ending, render in ((".md", markdown), (".tex", latex)) if printed.printed else ():
        file = folder.path / f"tables/{printed.name}{ending}"
        if here:
            yield from misprints(file, render(shown, caption))
        elif ending == ".md":
            # Another release has other words and another layout, and the same numbers.
            in_rows = replace(rows, frame=rows.frame.map(lambda entry: _known(entry, known)))
            yield from _strange(file, [shown, in_rows])
    yield from _in_json(folder.path / f"tables/{printed.name}.json", json_text(rows, caption), here)


def _printed_here(folder: Folder) -> bool:
    """Whether the tables are of this very code; a folder that does not say is taken to be."""
    by, here = folder.raw.get("tables_by") or folder.raw.get("code") or {}, provenance.code()
    # A package that was installed knows no commit, and its releases are told apart by their version.
    return all(by.get(name) in (None, here[name]) for name in ("ftbench", "commit"))


def _strange(file: Path, tables: Sequence[Table]) -> Iterator[str]:
    """Numbers with an interval that a printed table has and its rows do not give, whatever stands around them."""
    name = f"{file.parent.name}/{file.name}"
    given: set[str] = set()
    for table in tables:
        for column in table.columns:
            entries = table.entries[column.key] if column.digits is not None else []
            given |= {number for entry in entries for number in _NUMBER.findall(format_short(entry, column))}
    try:
        found = _NUMBER.findall(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        yield f"{name} cannot be read"
        return
    yield from (
        f"{name}: {number} is nothing that the rows give" for number in dict.fromkeys(found) if number not in given
    )


def _in_json(file: Path, expected: str, whole: bool) -> Iterator[str]:
    """Whether a JSON file says what it should, numbers but for their last digits; not ``whole``: its rows alone."""
    name = f"{file.parent.name}/{file.name}"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        yield f"{name} cannot be read"
        return
    said = json.loads(expected)
    if not (_alike(said, found) if whole else isinstance(found, dict) and _alike(said["rows"], found.get("rows"))):
        yield f"{name}: is not what the rows and the manifest's caption give"


def _alike(expected: Any, found: Any) -> bool:
    if isinstance(expected, dict) and isinstance(found, dict):
        return list(expected) == list(found) and all(_alike(expected[key], found[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(_alike, expected, found))
    if isinstance(expected, bool) or isinstance(found, bool) or expected is None or found is None:
        return expected is found
    return _close(str(expected), str(found)) and isinstance(expected, str) == isinstance(found, str)


def different(name: str, expected: str, found: str, source: str) -> Iterator[str]:
    """What two CSV texts of a table say differently: a sentence an entry; ``source`` tells the expected one."""
    header, *lines = list(csv.reader(io.StringIO(expected))) or [[]]
    got_header, *got = list(csv.reader(io.StringIO(found))) or [[]]
    if got_header != header:
        yield f"{name}: its columns are not those that {source}"
    elif len(got) != len(lines) or any(len(line) != len(header) for line in got):
        yield f"{name}: has {len(got)} rows, and {source} {len(lines)}"
    else:
        for number, (line, got_line) in enumerate(zip(lines, got, strict=True), start=1):
            for key, entry, got_entry in zip(header, line, got_line, strict=True):
                if not _close(entry, got_entry):
                    yield f"{name}, row {number}, {key}: {got_entry or 'empty'}, and {source} {entry or 'nothing'}"


def misprints(file: Path, expected: str) -> Iterator[str]:
    """The first line in which a printed table is not what its numbers give."""
    name = f"{file.parent.name}/{file.name}"
    try:
        found = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        yield f"{name} cannot be read"
        return
    if found != expected:
        pairs = zip([*found.splitlines(), ""], [*expected.splitlines(), ""], strict=False)
        line = next((number for number, (a, b) in enumerate(pairs, start=1) if a != b), 1)
        yield f"{name}, line {line}: is not what its CSV file and the manifest's caption give"


def _close(expected: str, found: str) -> bool:
    if expected == found:
        return True
    try:
        return math.isclose(float(expected), float(found), rel_tol=CLOSE, abs_tol=CLOSE * 1e-3)
    except ValueError:
        return False


def _as_in_file(table: Table, text: str) -> dict[Estimate, Estimate]:
    known: dict[Estimate, Estimate] = {}
    for line, (_, entries) in zip(csv.DictReader(io.StringIO(text)), table.frame.iterrows(), strict=True):
        for column in table.columns:
            entry = entries[column.key]
            if column.digits is not None and entry.estimate is not None:
                key = column.key
                known[entry.estimate] = replace(
                    entry.estimate,
                    value=float(line[f"{key}_value"]),
                    low=float(line[f"{key}_low"]),
                    high=float(line[f"{key}_high"]),
                )
    return known


def _known(entry: object, known: dict[Estimate, Estimate]) -> object:
    if isinstance(entry, Measured) and entry.estimate is not None:
        return replace(entry, estimate=known.get(entry.estimate, entry.estimate))
    return entry


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
