"""What a picture reads as, and which of the payloads that were given is nearest to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftbench.errors import BadInput
from ftbench.marking import payloads
from ftbench.marking.anysize import read
from ftbench.marking.finding import Candidates, Found, Known, Rules, find
from ftbench.marking.pictures import Pixels, read_file
from ftbench.marking.register import REGISTER, Register
from ftbench.marking.trained import Trained

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


def extract(trained: Trained, source: Path, candidates: Candidates, rules: Rules | None = None) -> dict[str, Any]:
    """What one picture reads as, whether it is marked, and beside the closest known payload how likely that is.

    Raises BadInput when it cannot be read.
    """
    return told(trained, find(trained, readable(trained, read_file(source).pixels), candidates, rules or Rules()))


def readable(trained: Trained, pixels: Pixels) -> Tensor:
    """Pixels (h,w,3) uint8 -> (3,h,w) uint8. Raises BadInput where they are too few for the model."""
    height, width = pixels.shape[:2]
    if min(height, width) < trained.size:
        raise BadInput(f"{width}×{height} pixels are too few: this model reads {trained.size} on either side")
    return tensor(pixels)


def told(trained: Trained, found: Found) -> dict[str, Any]:
    """What was found, under the names that a table and JSON have."""
    said: dict[str, Any] = {"payload": payloads.spell(found.payload)}
    if found.marked is not None:
        said |= {"mark": "marked" if found.marked else "no mark found", "false_positives": found.chance}
    if not found.placement.is_whole:
        said["found_at"] = found.place
    match = found.match
    if match is None:
        return said
    if match.known.files:
        said |= {"closest": payloads.spell(match.known.payload), "given_to": ", ".join(match.known.files)}
    said |= {"matches": match.equal, "of": trained.bits, "p_value": match.p_value}
    # Those that were chosen are no part of the bound: it speaks of what chance alone could match.
    return said if match.p_value is not None else {**said, "no_p_value": match.known.why_not}


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
