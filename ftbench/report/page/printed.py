"""Tables as a page shows them, read from the Markdown that they were printed as, where their rows are gone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ftbench.report.page.sheet import Entry, Row, Sheet, with_links

_CELL = re.compile(r"((?:\\.|[^|\\])*)\|")
_NUMBER = re.compile(r"[<>]?([+−-]?\d[\d,]*(?:\.\d+)?)")
_ABOVE = re.compile(r"\*\*(?P<title>.*?)\.\*\* (?P<caption>.*)", re.DOTALL)
_SAID = re.compile(r" \(reached [^)]*\)| (\d+ seeds )?STALLED")
"""What a heading says of a setting behind its name."""
SHARED, IN_FULL = "In the name of every method: ", "In full: "
GOES_ON = 2
"""Lines of a Markdown table before its first row."""


@dataclass(frozen=True)
class Printed:
    """One file of a printed table."""

    caption: str
    sheets: tuple[Sheet, ...]


Made = tuple[tuple[str, str], ...]
"""Key of each cell that a setting's numbers are of, and its seed in words."""
Names = Callable[[str], Made]


def printed(text: str, name: str, settings: Mapping[str, Made]) -> Printed:
    """What ``ftbench.report.tables.markdown`` wrote; pieces that stand beside each other are put together again.

    Numbers are as they were printed, and sorted by that; an interval is what stands behind each. ``settings``: label
    of a setting -> its cells. Raises ValueError where the text is no such table.
    """
    above, *blocks = [block for block in text.strip().split("\n\n") if block]
    said = _ABOVE.fullmatch(above)
    if said is None:
        raise ValueError(f"{name} does not begin with a title and a caption")
    found: list[Sheet] = []
    notes: list[str] = []
    part = ""
    named = _names(settings, [_plain(block) for block in blocks])
    for block in blocks:
        if block.startswith("|"):
            piece = _sheet(block, part, named)
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


def _names(settings: Mapping[str, Made], blocks: Sequence[str]) -> Names:
    """What finds a setting's cells by its name as it was printed: without words that all share, or cut short."""
    shared = next((block.removeprefix(SHARED).removesuffix(".") for block in blocks if block.startswith(SHARED)), "")
    in_full = next((block.removeprefix(IN_FULL).removesuffix(".") for block in blocks if block.startswith(IN_FULL)), "")
    letters = dict(re.findall(r"\((\w+)\) (.*?)(?=; \(\w+\) |$)", in_full))
    known = dict(settings)
    for label, made in settings.items():
        known.setdefault(" ".join(f" {label} ".replace(f" {shared} ", " ", 1).split()), made)

    def made_of(text: str) -> Made:
        cut = re.fullmatch(r".* … \((\w+)\)", text)
        whole = letters.get(cut[1], text) if cut else text
        return known.get(whole) or known.get(_SAID.sub("", whole), ())

    return made_of


def _sheet(block: str, part: str, named: Names) -> Sheet:
    lines = [_cells(line) for line in block.splitlines()]
    right = [rule.endswith(":") for rule in lines[1]]
    heads = tuple(
        Entry(text, number=number, cells=named(text) if number else ())
        for text, number in zip(map(_plain, lines[0]), right, strict=True)
    )
    rows = tuple(_rows(lines[GOES_ON:], right, named))
    return Sheet("", "", part, "", (), heads, rows, ())


def _rows(lines: list[list[str]], right: list[bool], named: Names) -> Iterator[Row]:
    for line in lines:
        if len(line) > 1 and re.fullmatch(r"\*[^*].*\*", line[0]) and not any(line[1:]):
            yield Row(group=_plain(line[0]))
        else:
            yield Row(tuple(_entry(cell, number, named) for cell, number in zip(line, right, strict=True)))


def _entry(cell: str, number: bool, named: Names) -> Entry:
    text = _plain(cell)
    if not number:
        return with_links(Entry(text), named(text))
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
