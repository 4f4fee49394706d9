"""The tables of a results folder made anew from its rows: no network runs, no benchmark file is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftbench.errors import BadInput
from ftbench.machine import provenance
from ftbench.report import EARLIER, ENDINGS, TABLES, report_tables
from ftbench.report.page import write_kept_page, write_page
from ftbench.report.table import Table
from ftbench.report.tables import write_table
from ftbench.storage.files import write_json
from ftbench.storage.manifest import MANIFEST, Folder, read_results
from ftbench.storage.seal import DIGEST, FILES, digest_of, sealed

AS_READ = (*TABLES[:6], "overall", "main", "distortions", "fakes", "after", "seeds", *TABLES[6:8])
"""Tables, those of earlier releases among them, in the order in which they are read."""


@dataclass(frozen=True)
class Said:
    """A caption that is known by its words alone."""

    text: str

    def line(self) -> str:
        """The caption."""
        return self.text


def made_by(code: Mapping[str, Any]) -> str:
    """Release and commit in words, of what a manifest says of its code."""
    commit = str(code.get("commit", ""))
    return f"ftbench {code.get('ftbench', '')}" + (f" ({commit[:8]}{commit[40:]})" if commit else "")


def tables_anew(folder: Folder, rows: str | None = None) -> dict[str, Table]:
    """Write every table of a folder again, and the manifest that vouches for them last; return what is printed.

    ``rows``: ``"attack"`` or ``"method"``; None: as the folder has it. Raises BadInput where rows are missing or are
    not those that the manifest vouches for.
    """
    for name in folder.row_files:
        file = folder.path / name
        if not file.is_file():
            raise BadInput(f"{file} is missing, and tables are made of rows; run the benchmark again")
        if digest_of(file) != folder.manifest.files.get(name):
            raise BadInput(f"{file} has changed since it was written; run the benchmark again")
    across = folder.methods_across if rows is None else rows == "attack"
    caption = folder.manifest.caption
    # Captions of earlier releases do not say it.
    by = made_by(folder.raw.get("code") or {})
    caption += "" if by in caption else f" Measured by {by}."
    made = report_tables(read_results(folder), folder.metrics, methods_across=across)
    tables = folder.path / "tables"
    written: list[Path] = []
    for printed, in_rows in made:
        written += write_table(tables, printed, Said(caption), rows=in_rows)
    for name in (*TABLES, *EARLIER):
        for ending in ENDINGS:
            if (old := tables / f"{name}{ending}") not in written:
                old.unlink(missing_ok=True)
    said: dict[str, Any] = {key: value for key, value in folder.raw.items() if key not in (FILES, DIGEST)}
    said |= {"caption": caption, "tables_by": provenance.code(), "report": {"rows": "attack" if across else "method"}}
    left_out = {name for name in folder.manifest.files if name.startswith("rows/")} - {*folder.reading_files}
    whole = sealed(said, folder.path)
    if not left_out <= whole[FILES].keys():
        raise BadInput(f"{folder.path}: rows were removed while the tables were made; run the benchmark again")
    write_page(folder.path, [printed for printed, _ in made], Said(caption), whole)
    write_json(folder.path / MANIFEST, whole)
    return {printed.name: printed for printed, _ in made}


def page_of_tables(folder: Folder) -> Path:
    """Write the page of a folder that keeps its tables without rows from what is printed there; its path.

    Raises BadInput where a table is not the one that the manifest vouches for, or none that was printed.
    """
    files = [folder.path / "tables" / f"{name}.md" for name in AS_READ]
    texts = {}
    for file in filter(Path.is_file, files):
        vouched = folder.manifest.files.get(file.relative_to(folder.path).as_posix())
        if vouched is not None and vouched != digest_of(file):
            raise BadInput(f"{file} has changed since it was written, so no page is made of it; fetch the folder again")
        texts[file.stem] = file.read_text(encoding="utf-8")
    try:
        return write_kept_page(folder.path, texts, folder.raw)
    except ValueError as error:
        raise BadInput(f"no page can be made of the tables in {folder.path}: {error}") from None
