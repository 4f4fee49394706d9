"""A table as files: Markdown and LaTeX for readers, CSV and JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ftbench.plaintext import shown
from ftbench.report.files import write_text
from ftbench.report.layout import WIDTH, Entry, Piece, pieces
from ftbench.report.result import Stated
from ftbench.report.table import CSV_ONLY, Column, Measured, Table, common_n
from ftbench.storage.results import STALLED

LOUD = STALLED.upper()
SEED_RANGES = "Means over seeds: the interval holds for other seeds too; in brackets the lowest and the highest seed."
ONE_IMAGE = "Where there is one image, nothing tells how far others lie from it: ±n/a, or as wide as one trial is."
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
    "±": r"$\pm$", "×": r"$\times$", "−": "$-$", "·": r"$\cdot$", "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$",
    "½": r"$\frac{1}{2}$", "σ": r"$\sigma$", "→": r"$\to$", "—": "---", "–": "--", "…": r"\ldots{}",
    "°": r"$^\circ$", "²": "$^2$", "\N{NO-BREAK SPACE}": "~", "“": "``", "”": "''", "‘": "`", "’": "'",
}  # fmt: skip
_ESCAPED = str.maketrans(_ESCAPES)
_FOREIGN = re.compile(r"[^\x00-\x7f]")
# LaTeX has no command for a Greek capital that looks like a Latin one.
_LATIN = {
    "alpha": "A", "beta": "B", "epsilon": "E", "zeta": "Z", "eta": "H", "iota": "I", "kappa": "K",
    "mu": "M", "nu": "N", "omicron": "O", "rho": "P", "tau": "T", "chi": "X",
}  # fmt: skip


def caption_text(table: Table, caption: Stated) -> str:
    """The line above a printed table: what it was made from, how its intervals were made."""
    methods = table.methods()
    n = common_n(table)
    images = "" if n is None else f", n = {n} where nothing else stands"
    intervals = f" After a number: its 95 % interval over images{images} ({'; '.join(methods)})." if methods else ""
    ranged = any(
        entry.seeds > 1
        for column in table.columns
        if column.digits is not None and column.part != CSV_ONLY
        for entry in table.entries[column.key]
    )
    alone = f" {ONE_IMAGE}" if any("one image" in method for method in methods) else ""
    return shown(caption.line()) + intervals + alone + (f" {SEED_RANGES}" if ranged else "")


def markdown(table: Table, caption: Stated) -> str:
    """GitHub Markdown: the caption line, then each piece of the table, ``WIDTH`` columns at most, then its notes."""
    blocks = [f"**{markdown_escape(table.title)}.** " + markdown_escape(caption_text(table, caption))]
    notes: list[str] = []
    if table.frame.empty:
        blocks.append(table.nothing)
    else:
        found, notes = pieces(table, WIDTH, _in_markdown)
        heading = ""
        for piece in found:
            if piece.heading != heading:
                heading = piece.heading
                blocks.append(f"*{markdown_escape(heading)}*")
            blocks.append(_drawn(piece))
    blocks += map(markdown_escape, [*notes, *table.notes])
    return "\n\n".join(block for block in blocks if block) + "\n"


def _drawn(piece: Piece) -> str:
    body = [
        [f"*{markdown_escape(row)}*"] + [""] * (len(piece.columns) - 1)
        if isinstance(row, str)
        else [_in_markdown(entry) for entry in row]
        for row in piece.rows
    ]
    headings = [_in_markdown(Entry(heading)) for heading in piece.columns]
    widths = [max(3, *map(len, column)) for column in zip(headings, *body, strict=True)]

    def line(texts: Sequence[str]) -> str:
        placed = [text.rjust(width) if right else text.ljust(width)
                  for text, width, right in zip(texts, widths, piece.right, strict=True)]  # fmt: skip
        return f"| {' | '.join(placed)} |"

    rule = [
        "-" * width + "-:" if right else "-" * (width + 2) for width, right in zip(widths, piece.right, strict=True)
    ]
    return "\n".join([line(headings), f"|{'|'.join(rule)}|", *map(line, body)])


def _in_markdown(entry: Entry) -> str:
    text = _loud(markdown_escape(entry.text))
    return f"**{text}**" if entry.bold else text


def csv_text(table: Table) -> str:
    """One header line, then a line a row; a measured column becomes ``_value``, ``_low``, ``_high``, ``_n``,
    one of means over seeds also ``_lowest``, ``_highest`` and ``_seeds``.

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
    names = [[column.key + ending for ending in _endings(column)] for column in table.columns]
    for entries in zip(*(table.entries[column.key] for column in table.columns), strict=True):
        row: dict[str, Any] = {}
        for column, called, entry in zip(table.columns, names, entries, strict=True):
            row |= zip(called, [str(entry)] if column.digits is None else _numbers(entry, column), strict=True)
        rows.append(row)
    return rows


def latex(table: Table, caption: Stated) -> str:
    """A ``table*`` for each piece, for booktabs and adjustbox; a comment when there are no rows."""
    if table.frame.empty:
        return "".join(f"% {sentence}\n" for sentence in (table.nothing, *table.notes))
    made = ["% Needs \\usepackage{booktabs} and \\usepackage{adjustbox}.\n"]
    found, notes = pieces(table, WIDTH, lambda entry: entry.text)
    for number, piece in enumerate(found, start=1):
        label = f"tab:{table.name}" + (f"-{number}" if number > 1 else "")
        # What every piece was made from stands above the first.
        full = [caption_text(table, caption), *notes, *table.notes] if number == 1 else ["Continued."]
        above = " ".join([f"{table.title}.", *([f"{piece.heading}."] if piece.heading else []), *full])
        lines = [
            r"\begin{table*}", r"\centering", rf"\caption{{{latex_escape(above)}}}", rf"\label{{{label}}}",
            r"\begin{adjustbox}{max width=\linewidth}",
            rf"\begin{{tabular}}{{{''.join('r' if right else 'l' for right in piece.right)}}}",
            r"\toprule", _latex_row(Entry(heading) for heading in piece.columns), r"\midrule",
            *(_latex_line(row, len(piece.columns)) for row in piece.rows), r"\bottomrule",
            r"\end{tabular}", r"\end{adjustbox}", r"\end{table*}",
        ]  # fmt: skip
        made.append("\n".join(lines) + "\n")
    return "\n".join(made)


def json_text(table: Table, caption: Stated) -> str:
    """Title, caption, notes and the rows of ``csv_text``, numbers as numbers; null where nothing was measured."""
    whole = {
        "name": table.name,
        "title": table.title,
        "caption": caption_text(table, caption),
        "notes": list(table.notes),
        "columns": {column.key: column.title for column in table.columns},
        "rows": records(table),
    }
    # JSON has no word for an interval without an end.
    return laid_out(_finite(whole))


def laid_out(whole: dict[str, Any]) -> str:
    """JSON with a line for each key and for each row: it takes less room so, and changes show line by line."""

    def dumped(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    lines = [
        f" {dumped(key)}: " + ("[\n  " + ",\n  ".join(map(dumped, value)) + "\n ]" if key == "rows" else dumped(value))
        for key, value in whole.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def latex_escape(text: str) -> str:
    """Text that LaTeX prints as it stands: specials escaped, Greek letters and signs as mathematics."""
    escaped = _FOREIGN.sub(lambda found: _letter(found[0]), text.translate(_ESCAPED))
    # A hyphen before a number is a minus sign.
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", escaped)


def written(table: Table, caption: Stated, rows: Table | None = None) -> dict[str, str]:
    """Every file of a table by its ending; ``rows`` is for programs instead, CSV and JSON."""
    records_of = rows or table
    files = {".csv": csv_text(records_of), ".json": json_text(records_of, caption)}
    return {".md": markdown(table, caption), **files, ".tex": latex(table, caption)} if table.printed else files


def write_table(folder: Path, table: Table, caption: Stated, rows: Table | None = None) -> list[Path]:
    """Write every file of ``written`` under ``folder``."""
    return [
        write_text(folder / f"{table.name}{ending}", text) for ending, text in written(table, caption, rows).items()
    ]


def markdown_escape(text: str) -> str:
    """Text that GitHub Markdown prints as it stands: no emphasis, image, link, mathematics, entity or HTML."""
    return _MARKDOWN.sub(r"\\\g<0>", text)


def _loud(text: str) -> str:
    return text.replace(LOUD, f"**{LOUD}**")


def _endings(column: Column) -> list[str]:
    if column.digits is None:
        return [""]
    counted = ["_identical"] if column.counts_identical else []
    return ["_value", "_low", "_high", "_n", *counted, *(["_lowest", "_highest", "_seeds"] if column.spread else [])]


def _numbers(entry: Measured, column: Column) -> list[float | int | None]:
    found = entry.estimate
    numbers: list[float | int | None] = [None] * 4
    if found is not None:
        numbers = [*map(float, (found.value, found.low, found.high)), int(found.n)]
    spread = [entry.lowest, entry.highest, entry.seeds if found is not None else None]
    return numbers + ([int(entry.identical)] if column.counts_identical else []) + (spread if column.spread else [])


def _csv_entry(value: str | float | None) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    return f"'{value}" if value[:1] in FORMULAS and not _is_number(value) else value


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", text) is not None


def _latex_row(entries: Iterable[Entry]) -> str:
    return " & ".join(map(_in_latex, entries)) + r" \\"


def _latex_line(row: str | tuple[Entry, ...], columns: int) -> str:
    if isinstance(row, str):
        return rf"\multicolumn{{{columns}}}{{l}}{{\emph{{{latex_escape(row)}}}}} \\"
    return _latex_row(row)


def _in_latex(entry: Entry) -> str:
    text = latex_escape(entry.text).replace(LOUD, rf"\textbf{{{LOUD}}}")
    return rf"\textbf{{{text}}}" if entry.bold else text


def _letter(character: str) -> str:
    described = unicodedata.name(character, "")
    match = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", described)
    if match:
        name = match[2].replace("LAMDA", "LAMBDA").lower()
        if match[1] == "CAPITAL":
            return _LATIN.get(name) or rf"$\{name.capitalize()}$"
        return "o" if name == "omicron" else rf"$\{name}$"
    return character
