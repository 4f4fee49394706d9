"""A table as a file: Markdown and LaTeX for readers, CSV for programs."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from ftbench.plaintext import shown
from ftbench.report.files import write_text
from ftbench.report.result import STALLED, Stated
from ftbench.report.table import Column, Measured, Table, as_text

LOUD = STALLED.upper()
SEED_RANGES = "Brackets: the lowest and the highest seed, not intervals over images."
FORMULAS = tuple("=+-@")
"""A field that begins with one of these is a formula to a spreadsheet."""
_MARKDOWN = re.compile(
    r"[|*<\\`\[\]$~&]"
    # Within a word an underscore is itself.
    r"|(?<![^\W_])_|_(?![^\W_])"
    # What GitHub makes a link of without being asked.
    r"|(?<=:)/(?=/)|(?<=\bwww)\.",
    re.IGNORECASE,
)
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$",
    # A cell that begins with a bracket would be read as an option of the line break before it.
    "[": "{[}", "]": "{]}",
    "±": r"$\pm$", "×": r"$\times$", "−": "$-$", "·": r"$\cdot$", "≤": r"$\leq$", "≥": r"$\geq$",
    "½": r"$\frac{1}{2}$", "σ": r"$\sigma$", "→": r"$\to$", "—": "---", "–": "--", "…": r"\ldots{}",
    "°": r"$^\circ$", "²": "$^2$", "\N{NO-BREAK SPACE}": "~", "“": "``", "”": "''", "‘": "`", "’": "'",
}  # fmt: skip
# LaTeX has no command for a Greek capital that looks like a Latin one.
_LATIN = {
    "alpha": "A", "beta": "B", "epsilon": "E", "zeta": "Z", "eta": "H", "iota": "I", "kappa": "K",
    "mu": "M", "nu": "N", "omicron": "O", "rho": "P", "tau": "T", "chi": "X",
}  # fmt: skip


def caption_text(table: Table, caption: Stated, part: str = "") -> str:
    """The line above a printed table: what it is, what it was made from, how its intervals were made."""
    heading = f"{table.title}. " + (f"{part}. " if part else "")
    methods = table.methods()
    intervals = f" Brackets: 95 % intervals over images ({'; '.join(methods)})." if methods else ""
    if any(column.over_seeds for column in table.columns):
        intervals += f" {SEED_RANGES}"
    return heading + shown(caption.line()) + intervals


def markdown(table: Table, caption: Stated) -> str:
    """GitHub Markdown: the caption line, then each part of the table, then its notes."""
    said = caption_text(table, caption).removeprefix(f"{table.title}. ")
    blocks = [f"**{markdown_escape(table.title)}.** " + markdown_escape(said)]
    if table.frame.empty:
        blocks.append(table.nothing)
    else:
        for part, columns in table.parts():
            headings, rows = as_text(table, columns)
            # Numbers are ours, and keep the brackets of their intervals.
            body = [
                [
                    _loud(markdown_escape(text)) if column.digits is None else text
                    for text, column in zip(row, columns, strict=True)
                ]
                for row in rows
            ]
            drawn = tabulate(
                body,
                [markdown_escape(heading) for heading in headings],
                tablefmt="github",
                disable_numparse=True,
                colalign=["left" if column.digits is None else "right" for column in columns],
            )
            blocks += [f"*{markdown_escape(part)}*", drawn] if part else [drawn]
    blocks += map(markdown_escape, table.notes)
    return "\n\n".join(block for block in blocks if block) + "\n"


def csv_text(table: Table) -> str:
    """One header line, then a line a row; a measured column becomes ``_value``, ``_low``, ``_high``, ``_n``,
    a mean over seeds ``_mean``, ``_low``, ``_high``, ``_seeds``.

    Numbers are written so that reading them back gives the same floats; rates lie in 0..1; what was not
    measured is empty. Columns that count pictures equal to their reference add ``_identical``. Text that a
    spreadsheet would run as a formula, since it begins with ``=``, ``+``, ``-`` or ``@``, has an apostrophe before it.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(column.key + ending for column in table.columns for ending in _endings(column))
    for record in records(table):
        writer.writerow(map(_csv_entry, record.values()))
    return buffer.getvalue()


def records(table: Table) -> list[dict[str, Any]]:
    """The rows of ``csv_text`` under its names: text, floats, counts as int, None where nothing was measured."""
    rows: list[dict[str, Any]] = []
    for entries in table.frame.itertuples(index=False):
        row: dict[str, Any] = {}
        for column, entry in zip(table.columns, entries, strict=True):
            values = [str(entry)] if column.digits is None else _numbers(entry, column)
            row |= zip((column.key + ending for ending in _endings(column)), values, strict=True)
        rows.append(row)
    return rows


def latex(table: Table, caption: Stated) -> str:
    """A ``table*`` for each part, for booktabs and adjustbox; a comment when there are no rows."""
    if table.frame.empty:
        return "".join(f"% {sentence}\n" for sentence in (table.nothing, *table.notes))
    pieces = ["% Needs \\usepackage{booktabs} and \\usepackage{adjustbox}.\n"]
    for number, (part, columns) in enumerate(table.parts(), start=1):
        headings, rows = as_text(table, columns)
        label = f"tab:{table.name}" + (f"-{number}" if number > 1 else "")
        above = " ".join([caption_text(table, caption, part), *(table.notes if number == 1 else ())])
        lines = [
            r"\begin{table*}", r"\centering", rf"\caption{{{latex_escape(above)}}}", rf"\label{{{label}}}",
            r"\begin{adjustbox}{max width=\linewidth}",
            rf"\begin{{tabular}}{{{''.join('l' if column.digits is None else 'r' for column in columns)}}}",
            r"\toprule", _latex_row(headings), r"\midrule", *map(_latex_row, rows), r"\bottomrule",
            r"\end{tabular}", r"\end{adjustbox}", r"\end{table*}",
        ]  # fmt: skip
        pieces.append("\n".join(lines) + "\n")
    return "\n".join(pieces)


def latex_escape(text: str) -> str:
    """Text that LaTeX prints as it stands: specials escaped, Greek letters and signs as mathematics."""
    escaped = "".join(_ESCAPES.get(character) or _letter(character) for character in text)
    # A hyphen before a number is a minus sign.
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", escaped)


def write_table(folder: Path, table: Table, caption: Stated, rows: Table | None = None) -> list[Path]:
    """Write ``<name>.md``, ``.csv`` and ``.tex`` under ``folder``; ``rows`` is for the CSV instead."""
    return [
        write_text(folder / f"{table.name}.md", markdown(table, caption)),
        write_text(folder / f"{table.name}.csv", csv_text(rows or table)),
        write_text(folder / f"{table.name}.tex", latex(table, caption)),
    ]


def markdown_escape(text: str) -> str:
    """Text that GitHub Markdown prints as it stands: no emphasis, image, link, mathematics, entity or HTML."""
    return _MARKDOWN.sub(r"\\\g<0>", text)


def _loud(text: str) -> str:
    return text.replace(LOUD, f"**{LOUD}**")


def _endings(column: Column) -> Sequence[str]:
    if column.digits is None:
        return ("",)
    value, n = ("_mean", "_seeds") if column.over_seeds else ("_value", "_n")
    return (value, "_low", "_high", n, "_identical")[: 5 if column.counts_identical else 4]


def _numbers(entry: Measured, column: Column) -> list[float | int | None]:
    found = entry.estimate
    numbers: list[float | int | None] = [None] * 4
    if found is not None:
        numbers = [*map(float, (found.value, found.low, found.high)), int(found.n)]
    return numbers + ([int(entry.identical)] if column.counts_identical else [])


def _csv_entry(value: str | float | None) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    return f"'{value}" if value[:1] in FORMULAS and not _is_number(value) else value


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", text) is not None


def _latex_row(texts: Iterable[str]) -> str:
    escaped = (latex_escape(text).replace(LOUD, rf"\textbf{{{LOUD}}}") for text in texts)
    return " & ".join(escaped) + r" \\"


def _letter(character: str) -> str:
    if character.isascii():
        return character
    described = unicodedata.name(character, "")
    match = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", described)
    if match:
        name = match[2].replace("LAMDA", "LAMBDA").lower()
        if match[1] == "CAPITAL":
            return _LATIN.get(name) or rf"$\{name.capitalize()}$"
        return "o" if name == "omicron" else rf"$\{name}$"
    return character
