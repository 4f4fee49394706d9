"""The folder of a run's tables: whose it is, and how better tables take the place of earlier ones.

``results/<benchmark>/<data>-<scale>/``. A folder whose manifest is marked as kept by the repository is never
written by a run: the run goes to ``<data>-<scale>.local`` beside it, unless it was told to keep. Results of other
images stay as well: two data folders may have one name. Tables of val, to choose settings by, go to
``<data>-<scale>-val`` and are kept by nobody.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from ftbench.errors import BadInput, CannotWrite
from ftbench.machine.scratch import scratch
from ftbench.report import EARLIER, ENDINGS, FIGURES, TABLES
from ftbench.storage.files import write_bytes
from ftbench.storage.manifest import FAILED, MANIFEST
from ftbench.storage.places import is_remote
from ftbench.storage.seal import files_of

if TYPE_CHECKING:
    from ftbench.runner.opening import Opened

BESIDE = ".new-"
STALE = (
    "rows/*.csv.gz",
    "rows/*.npz",
    "curves/*.csv",
    *(f"figures/{name}" for name in FIGURES),
    *(f"tables/{name}{ending}" for name in (*TABLES, *EARLIER) for ending in ENDINGS),
)
"""Files of earlier results that must not stand beside new ones."""


def folder_for(opened: Opened, keep: bool) -> Path:
    """Where this run's tables go; with ``keep`` they replace whatever is there."""
    data = opened.bench.data
    of_val = opened.benchmark.evaluate.split == "val"
    if of_val and keep:
        raise BadInput("--keep is for tables of test images; leave it out, or evaluate.split: val")
    scale = opened.scale + ("-val" if of_val else "")
    wanted = opened.out / opened.benchmark.name / f"{data.name}-{scale}"
    if not wanted.resolve().is_relative_to(opened.out.resolve()):
        raise BadInput(f"{wanted.name!r} would leave the results folder; rename the data set or the scale")
    if keep:
        return wanted
    folder = _unkept(wanted)
    if not is_of_others(folder, opened):
        return folder
    own = _unkept(wanted.with_name(f"{data.name}-{data.digest[:8]}-{scale}"))
    opened.bench.console.print(
        f"{folder} holds the results of other images than these ({data.digest[:12]}), or of other splits; those of "
        f"this run go into {own.name} beside it",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return own


def is_of_others(folder: Path, opened: Opened) -> bool:
    """Whether the folder holds the results of other images."""
    data = _said(folder).get("data")
    return isinstance(data, dict) and data.get("digest") != opened.bench.data.digest


def better_ones(folder: Path, finished: set[str], wanted: int) -> int:
    """How many finished evaluations the tables in ``folder`` hold, where new ones would be poorer; else 0.

    The new ones are of the ``finished`` cells, of ``wanted``. They are poorer where some are missing, unless they have
    all that the earlier have, or the earlier miss some too and have fewer.
    """
    cells = _said(folder).get("cells")
    listed = [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []
    evaluations = {str(cell.get("identity")): cell.get("status") for cell in listed if cell.get("kind") == "evaluate"}
    earlier = {identity for identity, status in evaluations.items() if status != FAILED}
    whole = bool(finished) and len(finished) == wanted
    more = len(earlier) < len(evaluations) and len(finished) > len(earlier)
    return 0 if whole or more or finished >= earlier else len(earlier)


@contextmanager
def swapped_in(folder: Path) -> Iterator[Path]:
    """A new folder to fill, on this machine; its files then take their places in ``folder``, the manifest last.

    Tables, figures and rows of earlier results that these do not have are removed; all else stays. Where filling
    fails nothing of ``folder`` has changed. Only while ``Store.held``: what a killed run left is removed. Raises
    CannotWrite.
    """
    with contextlib.ExitStack() as stack:
        try:
            new = stack.enter_context(scratch()) if is_remote(folder) else _beside(folder, stack)
        except OSError as error:
            raise CannotWrite(f"cannot write into {folder.parent}: {error.strerror}; use --out") from error
        yield new
        try:
            _move(new, folder)
        except OSError as error:
            raise CannotWrite(f"cannot replace the files of {folder}: {error.strerror}; use --out") from error


def _beside(folder: Path, stack: contextlib.ExitStack) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f"{BESIDE}*"):
        shutil.rmtree(left, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix=BESIDE, dir=folder.parent))
    stack.callback(shutil.rmtree, new, ignore_errors=True)
    return new


def _move(new: Path, folder: Path) -> None:
    names = [file.relative_to(new).as_posix() for file in new.rglob("*") if file.is_file()]
    for name in sorted(names, key=lambda name: (name == MANIFEST, name)):
        if is_remote(folder):
            write_bytes(folder / name, (new / name).read_bytes())
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).replace(folder / name)
    for within in sorted({pattern.partition("/")[0] for pattern in STALE}):
        for old in (folder / within).glob("*"):
            name = f"{within}/{old.name}"
            if name not in names and _is_stale(name):
                old.unlink()


def copy_others(folder: Path, new: Path) -> None:
    """Take what else lies among the files of numbers over, so that the new manifest vouches for it too."""
    for name, file in files_of(folder).items():
        if not (new / name).exists() and not _is_stale(name):
            write_bytes(new / name, file.read_bytes())


def _is_stale(name: str) -> bool:
    return any(PurePath(name).match(pattern) for pattern in STALE)


def _unkept(folder: Path) -> Path:
    return folder.with_name(folder.name + ".local") if _said(folder).get("kept") else folder


def _said(folder: Path) -> dict[str, Any]:
    """The manifest of earlier results, of any release; {} where there is none that can be read."""
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
