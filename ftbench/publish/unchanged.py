"""Tables that need not be made again: the same cells, code and libraries made them, and nobody changed them since.

What a run printed is kept in the store, beside the digest of the manifest that its tables were written with and of
what drew them. Where every file of the folder still has its digest and the manifest would say the same, that is
printed again. Where anything is not as it was, the tables are made anew.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ftbench
from ftbench.report import FIGURES
from ftbench.report.kept import table_json, table_of
from ftbench.report.page import PAGE
from ftbench.report.table import Table
from ftbench.storage.files import write_json
from ftbench.storage.manifest import MANIFEST
from ftbench.storage.seal import DIGEST, FILES, digest_of, files_of, own_digest

ITS_OWN = ("written", FILES, DIGEST)
"""What a manifest says of its own writing."""
SOURCES = (".py", ".html", ".css", ".js")
DRAWS = ("jinja2", "matplotlib", "numpy", "pandas", "scipy", "tabulate", "pillow")
"""Libraries that tables and figures hang on."""


def standing_tables(folder: Path, draft: Mapping[str, Any], root: Path) -> dict[str, Table] | None:
    """The tables in ``folder`` by name, or None where they have to be made.

    ``draft``: what its manifest would say now, but for ``ITS_OWN``; ``root``: the store.
    """
    held, known = _read(folder / MANIFEST), _read(_place(folder, root))
    said = {key: value for key, value in held.items() if key not in ITS_OWN}
    if not held or not known or said != json.loads(json.dumps(draft)):
        return None
    state = _state(folder, held)
    if state is None or known.get(DIGEST) != own_digest(known) or known.get("of") != state:
        return None
    return {name: table_of(table) for name, table in known["tables"].items()}


def remember(folder: Path, root: Path, tables: Iterable[Table]) -> None:
    """Keep what was printed of the tables that were just written into ``folder``."""
    held = _read(folder / MANIFEST)
    whole = {"of": _state(folder, held), "tables": {table.name: table_json(table) for table in tables}}
    write_json(_place(folder, root), {**whole, DIGEST: own_digest(whole)})


def _place(folder: Path, root: Path) -> Path:
    name = f"{folder.parent.name}/{folder.name}"
    return root / f"tables-{hashlib.sha256(name.encode()).hexdigest()[:24]}.json"


def _state(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a folder's files hold and what drew them; None where they are not what its manifest vouches for."""
    if manifest.get(DIGEST) != own_digest(manifest):
        return None
    if manifest.get(FILES) != {name: digest_of(file) for name, file in files_of(folder).items()}:
        return None
    drawn = [*(folder / "figures" / name for name in FIGURES), folder / PAGE]
    return {
        "manifest": manifest[DIGEST],
        "drawn": {file.name: digest_of(file) for file in drawn if file.is_file()},
        "drawn_by": _drawn_by(),
    }


def _drawn_by() -> str:
    """Digest of all of ftbench's own code, which may have changed since its commit, and of the libraries."""
    home = Path(ftbench.__file__).parent
    whole = hashlib.sha256(platform.python_version().encode())
    for file in sorted(path for path in home.rglob("*") if path.suffix in SOURCES):
        whole.update(file.relative_to(home).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    whole.update(json.dumps([importlib.metadata.version(name) for name in DRAWS]).encode())
    return whole.hexdigest()


def _read(file: Path) -> dict[str, Any]:
    """A JSON object, {} where there is none that can be read."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
