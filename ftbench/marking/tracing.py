"""What a picture reads as, and which of the payloads that were given is nearest to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ftbench.errors import BadInput
from ftbench.marking import payloads
from ftbench.marking.anysize import read
from ftbench.marking.pictures import Pixels, read_file
from ftbench.marking.register import REGISTER, Register
from ftbench.marking.trained import Trained
from ftbench.statistics.detection import p_value

CHOSEN = (
    "no p-value: this payload was chosen and not drawn, and a decoder may read some payloads in unmarked pictures "
    "far more often than others"
)
UNKNOWN = "no p-value: the register does not say whether this payload was drawn, which alone gives one"
EXPECTED = (
    "no p-value: only a payload that was drawn by chance has one; add --drawn if the expected payload was "
    "(payloads.csv says so), and leave it out if somebody chose it"
)
DRAWN = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True)
class Known:
    """A payload that a picture may carry, and the marked files that were given it."""

    payload: str
    why_not: str = ""
    """Why it has no p-value; empty: it was drawn."""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidates:
    """All payloads that pictures are compared with; those that were drawn come first, so that they win a tie."""

    known: tuple[Known, ...] = ()
    faults: tuple[str, ...] = ()
    """Rows of the register that could not be used."""

    @cached_property
    def _bits(self) -> npt.NDArray[np.uint8]:
        """(payloads, bits) characters."""
        return np.frombuffer("".join(one.payload for one in self.known).encode(), np.uint8).reshape(len(self.known), -1)

    @cached_property
    def drawn(self) -> int:
        """How many of them were drawn."""
        return sum(not one.why_not for one in self.known)

    def closest(self, found: str) -> tuple[Known, int]:
        """The payload that has most bits in common with one that was read, and how many these are."""
        equal = (self._bits == np.frombuffer(found.encode(), np.uint8)).sum(axis=1)
        place = int(equal.argmax())
        return self.known[place], int(equal[place])


def extract(trained: Trained, source: Path, candidates: Candidates) -> dict[str, Any]:
    """What one picture reads as, and beside the closest known payload how likely that is by accident.

    Raises BadInput when it cannot be read.
    """
    pixels = read_file(source).pixels
    height, width = pixels.shape[:2]
    if min(height, width) < trained.size:
        raise BadInput(f"{width}×{height} pixels are too few: this model reads {trained.size} on either side")
    found = payload_in(trained, tensor(pixels))
    told: dict[str, Any] = {"payload": payloads.spell(found)}
    if not candidates.known:
        return told
    closest, equal = candidates.closest(found)
    if closest.files:
        told |= {"closest": payloads.spell(closest.payload), "given_to": ", ".join(closest.files)}
    told |= {"matches": equal, "of": trained.bits, "p_value": None}
    if closest.why_not:
        return {**told, "no_p_value": closest.why_not}
    # Those that were chosen are no part of the bound: it speaks of what chance alone could match.
    return {**told, "p_value": float(p_value(equal, trained.bits, registered=candidates.drawn))}


def expected(payload: str, drawn: bool) -> Candidates:
    """One payload that the user expects, ``0110``."""
    return Candidates((Known(payload, "" if drawn else EXPECTED),))


def registered(file: Path, trained: Trained) -> Candidates:
    """The different payloads that a register holds for this model. Raises BadInput when there are none."""
    if not file.is_file():
        raise BadInput(f"there is no {file}; give the {REGISTER} of a folder that ftbench embed wrote")
    register = Register(file)
    listing = register.read()
    files: dict[str, dict[str, None]] = {}
    ways: dict[str, set[bool | None]] = {}
    faults = list(listing.faults)
    for line, entry in listing.rows:
        if entry.model not in trained.names:
            continue
        try:
            payload = payloads.parse(entry.payload, trained.bits)
        except BadInput as error:
            faults.append(register.fault(line, str(error)))
            continue
        files.setdefault(payload, {})[entry.file] = None
        ways.setdefault(payload, set()).add(DRAWN.get(entry.drawn.strip().lower()))
    if not files:
        unread = f"; {faults[0]}" if faults else ""
        raise BadInput(f"{file} holds no payload of the model {trained.label!r} ({trained.key[:12]}){unread}")
    known = [Known(payload, _why_not(ways[payload]), tuple(names)) for payload, names in files.items()]
    return Candidates(tuple(sorted(known, key=lambda one: bool(one.why_not))), tuple(faults))


def tensor(pixels: Pixels) -> Tensor:
    """Pixels (h,w,3) uint8 -> (3,h,w) uint8."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def payload_in(trained: Trained, pixels: Tensor) -> str:
    """What pixels (3,h,w) uint8 read as, ``0110``."""
    return trained.payload(read(trained.pair, pixels, trained.size))


def _why_not(ways: set[bool | None]) -> str:
    # Drawn once is enough: that draw knew nothing of the picture that is asked about.
    return "" if True in ways else UNKNOWN if None in ways else CHOSEN
