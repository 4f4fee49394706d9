"""One picture file marked, or read, with a trained pair."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ftbench.errors import BadInput, CannotWrite
from ftbench.marking import anysize, payloads, pictures
from ftbench.marking.metadata import Kind
from ftbench.marking.payloads import Entry, Register
from ftbench.marking.trained import Trained
from ftbench.statistics import p_value
from ftbench.store import write_atomically

Wanted = Literal["png", "jpeg", "same"]
KINDS: dict[str, Kind] = {"png": "PNG", "jpeg": "JPEG"}
SUFFIX = {"png": ".png", "jpeg": ".jpg"}


@dataclass(frozen=True)
class Order:
    """How pictures are to be marked."""

    trained: Trained
    register: Register
    payload: str | None
    """``0110`` for every picture; None: one is drawn for each."""
    psnr: float | None
    """dB; None: the model's own."""
    format: Wanted
    quality: int
    overwrite: bool


@dataclass(frozen=True)
class Job:
    """A picture and where its marked copy goes."""

    source: Path
    target: Path
    obstacle: str = ""
    """Why it may not go there."""


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
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """A payload that a picture may carry, and the marked files that were given it."""

    payload: str
    files: tuple[str, ...] = ()


def plan(sources: Sequence[Path], out: Path, wanted: Wanted) -> list[Job]:
    """Where each marked copy goes; no two to one place, and none over a picture that is to be marked."""
    targets = [out / (source.stem + SUFFIX.get(wanted, source.suffix)) for source in sources]
    count = Counter(targets)
    inputs = {source.resolve() for source in sources}

    def obstacle(target: Path) -> str:
        if target.resolve() in inputs:
            return f"its marked copy would replace a picture to be marked, {target}; choose another --out"
        if count[target] > 1:
            return f"{count[target]} of the pictures would go to {target}; mark them into different folders with --out"
        return ""

    return [Job(source, target, obstacle(target)) for source, target in zip(sources, targets, strict=True)]


def embed(order: Order, job: Job) -> Marked:
    """Mark one picture and write it, its payload first. Raises BadInput for this picture, CannotWrite for all."""
    if job.obstacle:
        raise BadInput(job.obstacle)
    if job.target.exists() and not order.overwrite:
        raise BadInput(f"{job.target} is there already; give --overwrite to replace it, or another --out")
    trained = order.trained
    picture = pictures.read_file(job.source)
    if picture.obstacle:
        raise BadInput(picture.obstacle)
    kind = picture.kind if order.format == "same" else KINDS[order.format]
    payload = order.payload or payloads.draw(trained.bits)
    cover = _tensor(picture.pixels)
    psnr = trained.target_psnr if order.psnr is None else order.psnr
    marked = anysize.mark(trained.pair, cover, trained.code(payload), trained.size, psnr)
    data = pictures.write(picture, marked.permute(1, 2, 0).contiguous().numpy(), kind, order.quality)
    # What is said of the file is measured on the file.
    held = _tensor(pictures.read(data).pixels)
    result = Marked(
        target=job.target,
        payload=payload,
        psnr_of_mark=anysize.psnr_of(cover, marked),
        psnr=anysize.psnr_of(cover, held),
        read_back=payloads.matches(_payload(trained, held), payload),
        notes=(*picture.notes, *picture.metadata.lost(kind)),
    )
    # The payload first: a picture without its payload could never be traced, the reverse does no harm.
    order.register.add(_entry(trained, result, data))
    try:
        write_atomically(job.target, lambda path: path.write_bytes(data))
    except CannotWrite as error:
        cause = getattr(error.__cause__, "strerror", None) or "unknown error"
        raise CannotWrite(
            f"cannot write {job.target}: {cause}; free some space or choose another --out (what was marked is kept)"
        ) from error
    return result


def extract(trained: Trained, source: Path, known: Sequence[Known]) -> dict[str, Any]:
    """What one picture reads as, and beside the closest known payload how likely that is by accident.

    Raises BadInput when it cannot be read.
    """
    pixels = pictures.read_file(source).pixels
    height, width = pixels.shape[:2]
    if min(height, width) < trained.size:
        raise BadInput(f"{width}×{height} pixels are too few: this model reads {trained.size} on either side")
    read = _payload(trained, _tensor(pixels))
    found: dict[str, Any] = {"payload": payloads.spell(read)}
    if not known:
        return found
    closest = max(known, key=lambda one: payloads.matches(read, one.payload))
    equal = payloads.matches(read, closest.payload)
    if closest.files:
        found |= {"closest": payloads.spell(closest.payload), "given_to": ", ".join(closest.files)}
    return {
        **found,
        "matches": equal,
        "of": trained.bits,
        "p_value": float(p_value(equal, trained.bits, registered=len(known))),
    }


def registered(file: Path, trained: Trained) -> list[Known]:
    """The different payloads that a register holds for this model. Raises BadInput when there are none."""
    if not file.is_file():
        raise BadInput(f"there is no {file}; give the {payloads.REGISTER} of a folder that ftbench embed wrote")
    files: dict[str, list[str]] = {}
    for entry in Register(file).entries():
        if entry.model == trained.identity:
            files.setdefault(payloads.parse(entry.payload, trained.bits), []).append(entry.file)
    if not files:
        raise BadInput(f"{file} holds no payload of the model {trained.label!r} ({trained.identity[:12]})")
    return [Known(payload, tuple(dict.fromkeys(names))) for payload, names in files.items()]


def _payload(trained: Trained, pixels: Tensor) -> str:
    return trained.payload(anysize.read(trained.pair, pixels, trained.size))


def _tensor(pixels: pictures.Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def _entry(trained: Trained, marked: Marked, data: bytes) -> Entry:
    return Entry(
        # A name that is no text in the file system's encoding is kept readable.
        file=os.fsencode(marked.target.name).decode("utf-8", "backslashreplace"),
        payload=payloads.spell(marked.payload),
        psnr=f"{marked.psnr:.2f}",
        model=trained.identity,
        setting=trained.label,
        sha256=hashlib.sha256(data).hexdigest(),
    )
