"""What a picture reads as, and which of the payloads that were given is nearest to it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftbench.errors import BadInput
from ftbench.marking import payloads, presence
from ftbench.marking.anysize import read
from ftbench.marking.database import ENDINGS, Database
from ftbench.marking.finding import Candidates, Found, Known, Rules, find
from ftbench.marking.looks import OTHER, apart, looks_of
from ftbench.marking.pictures import Pixels, read_file
from ftbench.marking.placements import Placement
from ftbench.marking.register import REGISTER, Register, Row
from ftbench.marking.search import Search
from ftbench.marking.trained import Trained
from ftbench.marking.windows import Windows

CHOSEN = (
    "no p-value: this payload was chosen and not drawn, and a decoder may read some payloads in unmarked pictures "
    "far more often than others"
)
UNKNOWN = "no p-value: the register does not say whether this payload was drawn, which alone gives one"
EXPECTED = (
    "no p-value: only a payload that was drawn by chance has one; add --drawn if the expected payload was "
    "(payloads.csv says so), and leave it out if somebody chose it"
)
SMALLER = 4
"""How much smaller than the network's square a picture may be that is read."""
EDGE = 0.03
"""Share of a side that a frame may reach beyond the picture and still be seen as a whole."""
ALIKE = 0.0005
"""Scores this near tell no frame from another. Measured: of six copied marks the whole picture reads within 0.0001 of
the best frame; of six crops to 75 % at JPEG 75 it is 0.002 and more below."""
SEEN = 128
"""Side in pixels of what is looked at."""
SURE = 0.8
"""Share of bits that must agree before a picture's looks are compared."""
DRAWN = {"yes": True, "true": True, "no": False, "false": False}


def extract(trained: Trained, source: Path, candidates: Candidates, rules: Rules | None = None) -> dict[str, Any]:
    """What one picture reads as, whether it is marked, and beside the closest known payload how likely that is.

    Raises BadInput when it cannot be read.
    """
    pixels, rules = readable(trained, read_file(source).pixels), rules or Rules()
    found = find(trained, pixels, candidates, rules)
    unlike = copied(found, pixels)
    if unlike is not None and unlike >= OTHER and rules.seconds > 0:
        best = aligned(trained, found, pixels, rules)
        unlike = None if best is None else copied(best, pixels)
    return told(trained, found, unlike)


def readable(trained: Trained, pixels: Pixels) -> Tensor:
    """Pixels (h,w,3) uint8 -> (3,h,w) uint8. Raises BadInput where they are too few for the model."""
    height, width = pixels.shape[:2]
    # A small copy of a marked picture is enlarged; of a quarter nothing is left.
    least = trained.size // SMALLER
    if min(height, width) < least:
        raise BadInput(f"{width}×{height} pixels are too few: this model reads {least} on either side, or more")
    return tensor(pixels)


def aligned(trained: Trained, found: Found, pixels: Tensor, rules: Rules) -> Found | None:
    """What was found, with the frame in which its known payload reads best, of all that a whole search looks at.

    A crop often reads well as a whole, too, and would look unlike the picture that it was cut from. None where the time
    ended before the search: then the crop's own frame may not have been looked at.
    """
    if found.match is None:
        return found
    known = found.match.known.payload
    search = Search(trained, pixels, rules.seconds, rules.clock, rules.way)
    # Stage by stage, for what is read on the way.
    list(search.stages())
    if not search.ended:
        return None
    words = [(payloads.matches(word.payload, known), word.score, word.placement) for word in search.looks()]
    most, score, _ = max(words, key=lambda word: word[:2])
    # A frame a little beyond the picture reads a mark as well as the picture itself, and says nothing of its looks.
    best = [word for word in words if word[0] == most and word[1] > score - ALIKE]
    return replace(found, placement=max(best, key=lambda word: (within(word[2]), word[1]))[2])


def within(at: Placement) -> bool:
    """Whether a frame shows nothing that is not in the picture."""
    return min(at.left, at.top, 1 - at.right, 1 - at.bottom) >= -EDGE


def copied(found: Found, pixels: Tensor) -> int | None:
    """Bits of 64 in which pixels (3,h,w) uint8 look unlike what was given this mark; None where nobody can say.

    ``looks.OTHER`` or more: the mark was copied onto another picture.
    """
    known = found.match.known.looks if found.match else ()
    if not known or not within(found.placement):
        return None
    frame = (Windows(pixels, SEEN).cut([found.placement])[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    looks = looks_of(np.ascontiguousarray(frame))
    return min((bits for one in known if (bits := apart(looks, one)) is not None), default=None)


def told(trained: Trained, found: Found, unlike: int | None = None) -> dict[str, Any]:
    """What was found, under the names that a table and JSON have."""
    said: dict[str, Any] = {"payload": payloads.spell(found.payload)}
    if found.marked is not None:
        said |= {"mark": "marked" if found.marked else "no mark found", "false_positives": found.chance}
    if not found.placement.is_whole:
        said["found_at"] = found.place
    match = found.match
    if match is None:
        return said
    # Where no mark was found the closest payload is so by accident, and no picture is named beside it.
    by_accident = found.marked is False and match.p_value is not None
    if match.known.files:
        said["closest"] = payloads.spell(match.known.payload)
    if match.known.files and not by_accident:
        said["given_to"] = ", ".join(match.known.files)
    if match.known.notes and not by_accident:
        said["note"] = ", ".join(match.known.notes)
    if unlike is not None and unlike >= OTHER and match.equal >= SURE * trained.bits:
        said["copied"] = f"this is not the picture that was given the mark: {unlike} of 64 bits of its looks differ"
    said |= {"matches": match.equal, "of": trained.bits, "p_value": match.p_value}
    # Those that were chosen are no part of the bound: it speaks of what chance alone could match.
    return said if match.p_value is not None else {**said, "no_p_value": match.known.why_not}


def expected(payload: str, drawn: bool) -> Candidates:
    """One payload that the user expects, ``0110``."""
    return Candidates((Known(payload, "" if drawn else EXPECTED),))


def registered(file: Path, trained: Trained) -> Candidates:
    """The different payloads that a register holds for this model. Raises BadInput when there are none."""
    if not file.is_file():
        what = f"{file} is a folder" if file.is_dir() else f"there is no {file}"
        raise BadInput(f"{what}; give the {REGISTER} of a folder that ftbench embed wrote")
    register = opened(file)
    rows, unread = register.given(trained.names)
    groups: dict[str, list[Row]] = {}
    faults = list(unread)
    for row in rows:
        try:
            groups.setdefault(payloads.parse(row[1], trained.bits), []).append(row)
        except BadInput as error:
            faults.append(register.fault(row[0], str(error)))
    if not groups:
        why = f"; {faults[0]}" if faults else ""
        raise BadInput(
            f"{file} holds no payload of the model {trained.label!r} ({trained.key[:12]}){why}; name the model "
            "that marked its pictures with --model"
        )
    known = [_known(payload, group) for payload, group in groups.items()]
    keys = frozenset(row[6] for row in rows if row[6])
    return Candidates(tuple(sorted(known, key=lambda one: bool(one.why_not))), tuple(faults), keys)


def other_key(candidates: Candidates, trained: Trained, key: bytes) -> str:
    """One sentence where all payloads of a register have checks under another key; else empty."""
    if not trained.tag or not candidates.keys or presence.key_name(key) in candidates.keys:
        return ""
    return (
        "the payloads of the register were made with another key, so no picture will count as marked by its check; "
        "give that key with --key"
    )


def opened(file: Path) -> Register | Database:
    """A register of the kind that its ending says."""
    return Database(file) if file.suffix.lower() in ENDINGS else Register(file)


def _known(payload: str, group: list[Row]) -> Known:
    _, _, files, drawn, looks, notes, _ = zip(*group, strict=True)
    why_not = _why_not(set(map(_way, set(drawn))))
    return Known(payload, why_not, *(tuple(dict.fromkeys(filter(None, held))) for held in (files, looks, notes)))


def tensor(pixels: Pixels) -> Tensor:
    """Pixels (h,w,3) uint8 -> (3,h,w) uint8."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def payload_in(trained: Trained, pixels: Tensor) -> str:
    """What pixels (3,h,w) uint8 read as, ``0110``."""
    return trained.payload(read(trained.pair, pixels, trained.size))


@functools.cache
def _way(drawn: str) -> bool | None:
    return DRAWN.get(drawn.strip().lower())


def _why_not(ways: set[bool | None]) -> str:
    # Drawn once is enough: that draw knew nothing of the picture that is asked about.
    return "" if True in ways else UNKNOWN if None in ways else CHOSEN
