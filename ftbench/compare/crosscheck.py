"""Tables without their rows: held against the manifest, against one another, and against what is printed.

A number that was altered in one place and vouched for anew is found; one that was altered alike in every
table, print and digest is not. Only the rows can tell that.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from ftbench.compare.recount import CLOSE
from ftbench.compare.reread import Folder
from ftbench.report.result import MARKED, UNDISTORTED, CellResult
from ftbench.report.summary import main_table
from ftbench.report.table import Column, Measured, format_measured, snake_case
from ftbench.statistics import ROUNDING, Estimate

Line = Mapping[str, str]
TABLES = ("main", "pairs", "fakes", "distortions", "seeds", "overall", "methods")
# A number and its interval, as the tables print them.
_PRINTED = re.compile(r"[-+]?[\d.]+ \[(?:[-+]?[\d.]+|n/a), (?:[-+]?[\d.]+|n/a)\]")


def disagreements(folder: Folder) -> Iterator[str]:
    """One sentence for each place where two files of the folder contradict each other."""
    read = {name: _lines(folder.path / "tables" / f"{name}.csv") for name in TABLES}
    main = {line.get("cell", ""): line for line in read["main"]}
    yield from _settings(folder, read["main"])
    try:
        yield from _pairs(main, read["pairs"])
        yield from _distortions(main, read["distortions"])
        yield from _seeds(main, read["seeds"])
        yield from _overall(main, read["distortions"], read["overall"])
        yield from _methods(main, read["methods"])
        for name, lines in read.items():
            yield from _prints(folder, name, lines)
    except (KeyError, ValueError, TypeError) as error:
        yield f"tables: an entry is missing or is no number ({error})"


def _lines(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as text:
            return list(csv.DictReader(text))
    except (OSError, ValueError):
        return []


def _settings(folder: Folder, lines: list[dict[str, str]]) -> Iterator[str]:
    bare = [
        CellResult(
            cell=cell.identity, label=cell.label, settings=cell.row.columns, status=cell.status,
            bits=cell.row.payload_bits, code_bits=cell.row.code_bits,
            rows=pd.DataFrame(), quality=pd.DataFrame(), curve=pd.DataFrame(),
        )
        for cell in folder.evaluations
        if cell.row
    ]  # fmt: skip
    table = main_table(bare, folder.metrics)
    if len(lines) != len(bare):
        yield f"tables/main.csv: has {len(lines)} rows, and the manifest {len(bare)} finished evaluations"
        return
    for column in table.columns:
        if column.digits is None:
            for number, (said, line) in enumerate(zip(table.frame[column.key], lines, strict=True), start=1):
                if line.get(column.key) != said:
                    yield (
                        f"tables/main.csv, row {number}, {column.key}: {line.get(column.key) or 'empty'}, "
                        f"and the manifest says {said or 'nothing'}"
                    )


def _pairs(main: Mapping[str, Line], lines: list[dict[str, str]]) -> Iterator[str]:
    """A mean difference over the same images is the difference of the means."""
    for number, line in enumerate(lines, start=1):
        first, second = main.get(line["first_cell"]), main.get(line["second_cell"])
        if first is None or second is None:
            yield f"tables/pairs.csv, row {number}: compares a cell that tables/main.csv does not have"
            continue
        for stem in _stems(line, "_difference_value"):
            key = stem if f"{stem}_value" in first else f"{stem}_all"
            sides = [first.get(f"{key}_value"), second.get(f"{key}_value")]
            apart = any(side.get(f"{key}_identical", "0") != "0" for side in (first, second))
            if line[f"{stem}_difference_value"] and sides[0] and sides[1] and not apart:
                wanted = float(sides[0]) - float(sides[1])
                # What rounding alone set apart is written as equal.
                slack = ROUNDING * max(abs(float(sides[0])), abs(float(sides[1])))
                place = f"tables/pairs.csv, row {number}, {stem}"
                yield from _unequal(place, line[f"{stem}_difference_value"], wanted, slack)


def _distortions(main: Mapping[str, Line], lines: list[dict[str, str]]) -> Iterator[str]:
    """What was read without a distortion stands in two tables."""
    for number, line in enumerate(lines, start=1):
        if line["distortion"] == UNDISTORTED:
            stem = "marked" if line["simulator"] == MARKED else snake_case(line["simulator"])
            for end in ("value", "low", "high"):
                found = main.get(line["cell"], {}).get(f"{stem}_raw_bit_accuracy_{end}")
                if found:
                    place = f"tables/distortions.csv, row {number}, {end}"
                    yield from _unequal(place, line[f"raw_bit_accuracy_{end}"], float(found))


def _seeds(main: Mapping[str, Line], lines: list[dict[str, str]]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        members = [main[cell] for cell in line["cells"].split()]
        for stem in _stems(line, "_mean"):
            values = [float(member[f"{stem}_value"]) for member in members if member[f"{stem}_value"]]
            if values:
                wanted = {"mean": sum(values) / len(values), "low": min(values), "high": max(values)}
                for end, value in wanted.items():
                    yield from _unequal(f"tables/seeds.csv, row {number}, {stem}", line[f"{stem}_{end}"], value)


def _methods(main: Mapping[str, Line], lines: list[dict[str, str]]) -> Iterator[str]:
    """A difference of two methods is that of their means over the seeds that both have, or over all."""
    for number, line in enumerate(lines, start=1):
        sides = [
            dict(zip(line[f"{side}_seeds"].split(", "), line[f"{side}_cells"].split(" "), strict=True))
            for side in ("first", "second")
        ]
        shared = [seed for seed in sides[0] if seed in sides[1]]
        if len(shared) > 1:
            sides = [{seed: side[seed] for seed in shared} for side in sides]
        cells = [[main[cell] for cell in side.values()] for side in sides]
        for stem in _stems(line, "_difference_value"):
            key = stem if any(f"{stem}_value" in one for one in cells[0]) else f"{stem}_all"
            apart = any(one.get(f"{key}_identical", "0") != "0" for side in cells for one in side)
            if line[f"{stem}_difference_value"] and not apart:
                means = [sum(float(one[f"{key}_value"]) for one in side) / len(side) for side in cells]
                place = f"tables/methods.csv, row {number}, {stem}"
                slack = ROUNDING * max(map(abs, means))
                yield from _unequal(place, line[f"{stem}_difference_value"], means[0] - means[1], slack)


def _overall(main: Mapping[str, Line], singles: list[dict[str, str]], lines: list[dict[str, str]]) -> Iterator[str]:
    """A mean over simulators or distortions is the mean of what was read after each, the worst their least."""
    for number, line in enumerate(lines, start=1):
        if line["cell"] not in main:
            yield f"tables/overall.csv, row {number}: names a cell that tables/main.csv does not have"
            continue
        own = [one for one in singles if one["cell"] == line["cell"] and one["raw_bit_accuracy_value"]]
        of = {
            "simulators": [one for one in own if one["distortion"] == UNDISTORTED and one["simulator"] != MARKED],
            "distortions": [one for one in own if one["distortion"] != UNDISTORTED and one["simulator"] == MARKED],
        }
        for kind, members in of.items():
            if members and line.get(f"{kind}_bit_accuracy_value"):
                values = [float(one["raw_bit_accuracy_value"]) for one in members]
                for stem, wanted in ((kind, sum(values) / len(values)), (f"worst_{kind}", min(values))):
                    place = f"tables/overall.csv, row {number}, {stem}"
                    yield from _unequal(place, line[f"{stem}_bit_accuracy_value"], wanted)


def _prints(folder: Folder, name: str, lines: list[dict[str, str]]) -> Iterator[str]:
    """Every number of a CSV file is printed once in each of the other two files, and no other number is."""
    wanted = Counter(
        format_measured(Measured(estimate), column, with_n=False).partition(" (")[0]
        for line in lines
        for column, estimate in _measured(folder, line)
    )
    for ending in (".md", ".tex"):
        file = folder.path / "tables" / f"{name}{ending}"
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            if ending == ".md" and lines and folder.manifest.caption not in text:
                yield f"tables/{name}.md: its caption is not the manifest's"
            plain = text.replace("{[}", "[").replace("{]}", "]").replace("$-$", "-")
            found = Counter(_PRINTED.findall(plain))
            for number in (found - wanted) or (wanted - found):
                side = "prints" if number in found - wanted else "lacks"
                yield f"tables/{name}{ending}: {side} {number}, against tables/{name}.csv"


def _measured(folder: Folder, line: Line) -> Iterator[tuple[Column, Estimate]]:
    for ending in ("_value", "_mean"):
        for stem in _stems(line, ending):
            if not line[f"{stem}{ending}"]:
                continue
            value, low, high = (float(line[f"{stem}{end}"]) for end in (ending, "_low", "_high"))
            digits = [m.digits for m in folder.metrics if stem.startswith(f"{snake_case(m.name)}_")]
            rate = "_accuracy" in stem or not digits
            column = Column(stem, stem, 2 if rate else digits[0], 100.0 if rate else 1.0, stem.endswith("_difference"))
            yield column, Estimate(value, low, high, n=0, method="")


def _stems(line: Line, ending: str) -> list[str]:
    return [key.removesuffix(ending) for key in line if key.endswith(ending)]


def _unequal(place: str, found: str, wanted: float, slack: float = CLOSE) -> Iterator[str]:
    if not math.isclose(float(found or "nan"), wanted, rel_tol=CLOSE, abs_tol=max(slack, CLOSE)):
        yield f"{place}: {found or 'empty'}, and tables/main.csv gives {wanted!r}"
