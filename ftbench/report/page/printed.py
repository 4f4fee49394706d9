"""Tables as a page shows them, read from the Markdown that they were printed as, where their rows are gone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ftbench.report.page.sheet import Entry, Row, Sheet

_CELL = re.compile(r"((?:\\.|[^|\\])*)\|")
_NUMBER = re.compile(r"[<>]?([+−-]?\d[\d,]*(?:\.\d+)?)")
_ABOVE = re.compile(r"\*\*(?P<title>.*?)\.\*\* (?P<caption>.*)", re.DOTALL)
GOES_ON = 2
"""Lines of a Markdown table before its first row."""


@dataclass(frozen=True)
class Printed:
    """One file of a printed table."""

    caption: str
    sheets: tuple[Sheet, ...]


def printed(text: str, name: str, cells: Mapping[str, str]) -> Printed:
    """What ``ftbench.report.tables.markdown`` wrote; pieces that stand beside each other are put together again.

    Numbers are as they were printed, and sorted by that; an interval is what stands behind each. ``cells``: label of a
    setting -> key of its cell. Raises ValueError where the text is no such table.
    """
    above, *blocks = [block for block in text.strip().split("\n\n") if block]
    said = _ABOVE.fullmatch(above)
    if said is None:
        raise ValueError(f"{name} does not begin with a title and a caption")
    found: list[Sheet] = []
    notes: list[str] = []
    part = ""
    for block in blocks:
        if block.startswith("|"):
            piece = _sheet(block, part, cells)
            joined = _joined(found[-1], piece) if found and found[-1].part == part else None
            found[-1:] = [joined] if joined else [*found[-1:], piece]
        elif re.fullmatch(r"\*[^*].*\*", block) and "\n" not in block:
            part = _plain(block)
        else:
            notes.append(_plain(block))
    title = _plain(said["title"])
    if not found:
        nothing, others = (notes or [""])[0], tuple(note for note in notes[1:] if note != notes[0])
        empty = Sheet(name, title, "", title, (), (), (), others, nothing=nothing)
        return Printed(_plain(said["caption"]), (empty,))
    last = len(found) - 1
    sheets = tuple(
        replace(
            one,
            name=name + (f"-{number + 1}" if number else ""),
            title="" if number else title,
            part=one.part if not number or one.part != found[number - 1].part else "",
            label=f"{title}: {one.part}" if one.part else title,
            notes=tuple(notes) if number == last else (),
        )
        for number, one in enumerate(found)
    )
    return Printed(_plain(said["caption"]), sheets)


def _sheet(block: str, part: str, cells: Mapping[str, str]) -> Sheet:
    lines = [_cells(line) for line in block.splitlines()]
    right = [rule.endswith(":") for rule in lines[1]]
    heads = tuple(Entry(_plain(head), number=number) for head, number in zip(lines[0], right, strict=True))
    rows = tuple(_rows(lines[GOES_ON:], right, cells))
    return Sheet("", "", part, "", (), heads, rows, ())


def _rows(lines: list[list[str]], right: list[bool], cells: Mapping[str, str]) -> Iterator[Row]:
    for line in lines:
        if len(line) > 1 and re.fullmatch(r"\*[^*].*\*", line[0]) and not any(line[1:]):
            yield Row(group=_plain(line[0]))
        else:
            yield Row(tuple(_entry(cell, number, cells) for cell, number in zip(line, right, strict=True)))


def _entry(cell: str, number: bool, cells: Mapping[str, str]) -> Entry:
    text = _plain(cell)
    if not number:
        return Entry(text, cell=cells.get(text, ""))
    value = _NUMBER.match(text)
    sort = value[1].replace("−", "-").replace(",", "") if value else ""
    return Entry(text, sort=sort, number=True, best=cell.startswith("**") and cell.endswith("**"))


def _joined(first: Sheet, second: Sheet) -> Sheet | None:
    """Both beside each other, where they begin with the same columns; None where they do not."""
    if len(first.rows) != len(second.rows):
        return None
    same = 0
    columns = list(zip(_columns(first), _columns(second), strict=False))
    while same < len(columns) and columns[same][0] == columns[same][1]:
        same += 1
    if not same:
        return None
    rows = [replace(one, entries=one.entries + other.entries[same:])
            for one, other in zip(first.rows, second.rows, strict=True)]  # fmt: skip
    return replace(first, heads=first.heads + second.heads[same:], rows=tuple(rows))


def _columns(sheet: Sheet) -> list[tuple[object, ...]]:
    return [(head, *(row.group or row.entries[place] for row in sheet.rows)) for place, head in enumerate(sheet.heads)]


def _cells(line: str) -> list[str]:
    return [found.strip() for found in _CELL.findall(line.strip().removeprefix("|"))]


def _plain(text: str) -> str:
    """Text as it was before it was escaped, without emphasis."""
    return re.sub(r"\\(.)|\*+", lambda found: found[1] or "", text.replace("\n", " ")).strip()
