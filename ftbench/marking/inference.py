"""One picture file marked with a trained pair."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ftbench.errors import BadInput, CannotWrite
from ftbench.marking import anysize, given, payloads, pictures, presence
from ftbench.marking.database import Database
from ftbench.marking.looks import looks_of
from ftbench.marking.metadata import Kind
from ftbench.marking.register import Entry, Register
from ftbench.marking.sources import Job
from ftbench.marking.tracing import payload_in, tensor
from ftbench.marking.trained import Trained
from ftbench.storage.store import write_atomically

Wanted = Literal["png", "jpeg", "same"]
KINDS: dict[str, Kind] = {"png": "PNG", "jpeg": "JPEG"}


@dataclass(frozen=True)
class Order:
    """How pictures are to be marked."""

    trained: Trained
    register: Register | Database
    payload: str | None
    """``0110`` for every picture; None: one is drawn for each."""
    psnr: float | None
    """dB; None: the model's own."""
    format: Wanted
    quality: int
    overwrite: bool
    key: bytes = presence.PUBLIC
    """Of the check within drawn payloads."""
    note: str = ""
    """For the register."""


@dataclass(frozen=True)
class Marked:
    """A marked file, as it was measured after reading it back."""

    target: Path
    payload: str
    psnr_of_mark: float
    psnr: float
    """Of the file's pixels against the cover's, dB: lower where the file is a JPEG."""
    read_back: int
    """Bits of the payload that the file gives back."""
    looks: str
    notes: tuple[str, ...]


UNFIT_NAMES = frozenset(
    [
        *(errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ELOOP, errno.ENOENT),
        *(errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST),
    ]
)
"""Errors that concern the place of one marked copy; of all others the next picture would die as well."""


def embed(order: Order, job: Job) -> Marked:
    """Mark one picture and write it, its payload first. Raises BadInput for this picture, CannotWrite for all."""
    if job.obstacle:
        raise BadInput(job.obstacle)
    # Path.exists raises for a name that is too long; and a link that leads nowhere is there as well.
    if os.path.lexists(job.target) and not order.overwrite:
        raise BadInput(f"{job.target} is there already; give --overwrite to replace it, or another --out")
    trained = order.trained
    picture = pictures.read_file(job.source)
    if picture.obstacle:
        raise BadInput(picture.obstacle)
    kind = picture.kind if order.format == "same" else KINDS[order.format]
    payload = order.payload or given.draw(trained, order.key)
    cover = tensor(picture.pixels)
    psnr = trained.target_psnr if order.psnr is None else order.psnr
    marked = anysize.mark(trained.pair, cover, trained.code(payload), trained.size, psnr)
    pixels = marked.permute(1, 2, 0).contiguous().numpy()
    data = pictures.write(picture, pixels, kind, order.quality)
    # What is said of the file is measured on the file.
    saved = pictures.read(data).pixels
    as_marked, psnr_of_mark = np.array_equal(saved, pixels), anysize.psnr_of(cover, marked)
    held = marked if as_marked else tensor(saved)
    result = Marked(
        target=job.target,
        payload=payload,
        psnr_of_mark=psnr_of_mark,
        psnr=psnr_of_mark if as_marked else anysize.psnr_of(cover, held),
        read_back=payloads.matches(payload_in(trained, held), payload),
        looks=looks_of(saved),
        notes=picture.lost(kind),
    )
    # The payload first: a picture without its payload could never be traced, the reverse does no harm.
    order.register.add(_entry(order, job, result, data))
    _write(job.target, data)
    return result


def _write(target: Path, data: bytes) -> None:
    try:
        write_atomically(target, lambda path: path.write_bytes(data))
    except CannotWrite as error:
        cause = error.__cause__
        reason = getattr(cause, "strerror", None) or "unknown error"
        if getattr(cause, "errno", None) in UNFIT_NAMES:
            raise BadInput(f"cannot write {target}: {reason.lower()}; give the picture another name") from error
        raise CannotWrite(
            f"cannot write {target}: {reason}; free some space or choose another --out (what was marked is kept)"
        ) from error


def _from(folder: Path, job: Job) -> str:
    """The marked copy as reached from the register's folder, with / between folders."""
    if folder / job.name == job.target:
        return job.name
    try:
        return Path(os.path.relpath(job.target, folder)).as_posix()
    # Two drives of Windows have no way between them.
    except ValueError:
        return job.target.absolute().as_posix()


def _entry(order: Order, job: Job, marked: Marked, data: bytes) -> Entry:
    return Entry(
        # A name that is no text in the file system's encoding is kept readable.
        file=os.fsencode(_from(order.register.path.parent, job)).decode("utf-8", "backslashreplace"),
        payload=payloads.spell(marked.payload),
        psnr=f"{marked.psnr:.2f}",
        model=order.trained.key,
        setting=order.trained.label,
        sha256=hashlib.sha256(data).hexdigest(),
        drawn="yes" if order.payload is None else "no",
        looks=marked.looks,
        note=order.note,
        key=presence.key_name(order.key) if order.trained.tag else "",
    )
