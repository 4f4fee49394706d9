"""The leaderboard on disk: its table in every format, and its page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ftbench.machine import provenance
from ftbench.protocol.board import board
from ftbench.protocol.entry import Entry
from ftbench.protocol.reading import Fault, folders_below, names_of, read_folder
from ftbench.protocol.rules import NEWEST
from ftbench.publish.anew import Said, made_by
from ftbench.report.files import write_text
from ftbench.report.page import page
from ftbench.report.table import Table
from ftbench.report.tables import write_table
from ftbench.storage.places import is_remote

PAGE = "leaderboard.html"


def write_board(given: Sequence[Path], out: Path) -> tuple[Table, list[Path]]:
    """Read every folder, write the table and the page under ``out``; the page's path is the last.

    Where nothing at all can be read nothing is written, so that an earlier leaderboard stays as it is.
    """
    entries: list[Entry] = []
    faults: list[Fault] = []
    found: dict[str, Path] = {}
    for path in given:
        below = folders_below(path)
        if not below:
            faults.append(Fault(str(path), "", "holds no manifest.json, nor does a folder in it"))
        # One folder given twice would be compared with itself.
        found |= {str(folder if is_remote(folder) else folder.resolve()): folder for folder in below}
    for folder, name in zip(found.values(), names_of(list(found.values())), strict=True):
        read, wrong = read_folder(folder, name)
        entries += read
        faults += wrong
    table = board(entries, faults)
    if not entries:
        return table, []
    code = provenance.code()
    said = Said(f"{len(found)} results folders, {len(entries)} entries. Ranked by {made_by(code)}.")
    written = write_table(out, table, said)
    facts = {
        "benchmark": "leaderboard",
        "scale": f"protocol {NEWEST.version}",
        "code": code,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    again = "To make it again: ftbench leaderboard, with the same folders. Each folder has a page of its own."
    text = page([table], said, facts, {}, "Leaderboard", again=again)
    return table, [*written, write_text(out / PAGE, text)]
