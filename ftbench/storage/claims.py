"""Who works on something: a file that only one can make, which names its owner, and a heartbeat beside it.

A lock ends with its process, but many network drives grant it to everyone or to no one, and object stores have none.
A claim asks no more of a place than that a file is made only where none is.

Who takes over from a dead owner makes a file beside the claim whose name holds the dead one's token, which only one
can; then the claim is made anew. The last of this chain is the owner. Nothing is ever renamed or overwritten, so that
who comes late never takes a living owner's claim for the dead one's. A heartbeat has a file of its own: an owner that
wakes up too late spoils nobody's.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftbench.errors import CannotWrite, CellFailed
from ftbench.storage.owners import Owner, alive, here

SECONDS = "FTBENCH_CLAIM_SECONDS"
"""Environment variable: how long a claim stands on another machine that shows no sign of life."""
DEFAULT_SECONDS, LEAST, MOST = 60.0, 0.5, 3600.0
BEATS = 12
"""Signs of life in that time."""
LOOKS = 4
"""Looks at a claim without a sign of life that it takes at least: whoever slept between two of them missed some."""
BEAT = ".beat"
_TOKEN = re.compile(r"[0-9a-f]{16,64}")


class Held(CellFailed):
    """Another run is working on the cell."""


class Lost(Held):
    """Another run took the cell over, because this process gave no sign of life."""


@dataclass(frozen=True)
class _Link:
    """A claim's file as it was read."""

    file: Path
    token: str
    owner: Owner
    said: Mapping[str, Any]


@dataclass
class _Claim:
    """What this process holds."""

    place: Path
    token: str
    seconds: float
    beats: int = 0
    over: bool = False
    busy: threading.Lock = field(default_factory=threading.Lock)

    @property
    def heart(self) -> Path:
        return _beside(self.place, self.token, BEAT)

    def beat(self) -> None:
        with self.busy:
            if self.over:
                return
            self.beats += 1
            # A drive that is away for a moment comes back; a full one is told of where something of worth is written.
            with contextlib.suppress(OSError, CannotWrite):
                self.heart.write_bytes(str(self.beats).encode())


@dataclass
class _Sight:
    """Another's claim, as this process has seen it."""

    token: str
    beat: bytes
    at: float
    still: float = 0.0
    """Seconds without a change, on this process's own clock."""


_held: dict[str, _Claim] = {}
"""By token."""
_seen: dict[str, _Sight] = {}
_keeper: list[threading.Thread] = []


def seconds() -> float:
    """How long a claim stands without a sign of life; the default where the environment says nothing sensible."""
    try:
        asked = float(os.environ.get(SECONDS, DEFAULT_SECONDS))
    except ValueError:
        return DEFAULT_SECONDS
    return asked if LEAST <= asked <= MOST else DEFAULT_SECONDS


@contextlib.contextmanager
def claimed(place: Path, who: Mapping[str, str]) -> Iterator[None]:
    """Hold the claim ``place``, the path of a file; ``who``: what it says besides its owner. Raises Held, OSError."""
    chain = _chain(place)
    if chain and _lives(place, chain[-1]):
        raise _held_by(chain[-1].owner.words)
    claim = _Claim(place, secrets.token_hex(8), seconds())
    content = json.dumps({"token": claim.token, "seconds": claim.seconds, **vars(here()), **who}).encode()
    _held[claim.token] = claim
    try:
        # Before the claim: a network drive may go on saying for a minute that a file is missing.
        claim.heart.write_bytes(b"0")
        _take(claim, chain, content)
        _keep_alive()
        yield
    finally:
        _release(claim)


def still_held(place: Path) -> None:
    """Raise Lost where this process held a claim and another has taken it over; CannotWrite where that is not known."""
    own = _own(place)
    if not own:
        return
    try:
        chain = _chain(place)
    except OSError as error:
        raise CannotWrite(f"cannot read {place}: {error.strerror or error}; use --out") from error
    if not chain:
        raise Lost(f"the claim {place} of this run was removed; what it made here since is dropped")
    if all(chain[-1].token != claim.token for claim in own):
        raise Lost(
            f"another run, {chain[-1].owner.words}, took this cell over while this one gave no sign of life for "
            f"{own[0].seconds:g} s ({SECONDS} sets that); what it made here since is dropped"
        )


def ended_inside(place: Path) -> bool:
    """Whether an owner's process is known to have ended with the claim in its hands."""
    try:
        chain = _chain(place)
    except OSError:
        return False
    return bool(chain) and _is_here(chain[-1]) is False


def own_files(place: Path) -> set[str]:
    """Names of the files of the claim that this process holds; empty where it holds none."""
    return {name for claim in _own(place) for name in (place.name, claim.heart.name)}


def owners(store: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Folder and content of every claim in the folders of a store."""
    for file in sorted(store.glob("*/.claim*")):
        with contextlib.suppress(OSError):
            said = _read(file, file.read_bytes()).said
            if said:
                yield file.parent, said


def _take(claim: _Claim, chain: list[_Link], content: bytes) -> None:
    """Make the claim, where ``chain`` was found whose last owner is dead."""
    place = claim.place
    if not chain:
        _make(place, content)
        return
    heir = _beside(place, chain[-1].token)
    _make(heir, content)
    found = _chain(place)
    if not found or found[-1].token != claim.token:
        # The dead one's claim is gone by now, and so this was not about it.
        heir.unlink(missing_ok=True)
        raise _held_by("which was quicker")
    # Only the owner, which this is, removes anything; what the dead have left becomes one file again.
    place.unlink(missing_ok=True)
    try:
        _make(place, content)
    finally:
        for link in found[1:]:
            link.file.unlink(missing_ok=True)
        for link in found[:-1]:
            _beside(place, link.token, BEAT).unlink(missing_ok=True)
        _seen.pop(str(place), None)


def _make(file: Path, content: bytes) -> None:
    """Write a file where none is; raises Held where one is."""
    opened: Any = None
    try:
        with file.open("xb") as opened:
            opened.write(content)
    except FileExistsError as error:
        raise _held_by("which was quicker") from error
    except OSError as error:
        if isinstance(opened, io.BufferedWriter):
            # Without a word on its owner it would stand in everybody's way.
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
        # Windows keeps a removed file's name until whoever reads it is done.
        if sys.platform == "win32" and isinstance(error, PermissionError) and file.exists():
            raise _held_by("which is about to end") from error
        raise


def _held_by(words: str) -> Held:
    return Held(f"another run is working on this cell, {words}; wait for it, then run again")


def _release(claim: _Claim) -> None:
    with claim.busy:
        claim.over = True
    with contextlib.suppress(OSError, CannotWrite):
        chain = _chain(claim.place)
        if chain and chain[-1].token == claim.token:
            claim.place.unlink(missing_ok=True)
    with contextlib.suppress(OSError, CannotWrite):
        claim.heart.unlink(missing_ok=True)
    # From now on, where it could not be removed, all can see that it is nobody's.
    _held.pop(claim.token, None)


def _chain(place: Path) -> list[_Link]:
    """The claim, and who took over from whom; the last is the owner."""
    links: list[_Link] = []
    file = place
    while True:
        try:
            link = _read(file, file.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return links
        if any(link.token == one.token for one in links):
            # Nobody writes such a circle; what is on a disk may be anything.
            return links
        links.append(link)
        file = _beside(place, link.token)


def _read(file: Path, content: bytes) -> _Link:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    said: dict[str, Any] = found if isinstance(found, dict) else {}
    token = said.get("token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        # Cut short: its owner has just begun to write it, or ended there.
        token, said = hashlib.sha256(content).hexdigest()[:32], {}
    return _Link(file, token, Owner.of(said), said)


def _is_here(link: _Link) -> bool | None:
    """Whether an owner on this machine lives; None where that is for its heartbeat to say."""
    own = here()
    if (link.owner.machine, link.owner.pid, link.owner.started) == (own.machine, own.pid, own.started):
        return link.token in _held
    return alive(link.owner)


def _lives(place: Path, link: _Link) -> bool:
    known = _is_here(link)
    if known is not None:
        return known
    try:
        beat = _beside(place, link.token, BEAT).read_bytes()
    except FileNotFoundError:
        beat = b""
    sight, now = _seen.get(str(place)), time.monotonic()
    if sight is None or (sight.token, sight.beat) != (link.token, beat):
        _seen[str(place)] = _Sight(link.token, beat, now)
        return True
    stands = link.said.get("seconds")
    stands = float(stands) if isinstance(stands, int | float) and LEAST <= stands <= MOST else seconds()
    sight.still += min(now - sight.at, stands / LOOKS)
    sight.at = now
    return sight.still < stands


def _own(place: Path) -> list[_Claim]:
    return [claim for claim in list(_held.values()) if claim.place == place]


def _beside(place: Path, token: str, ending: str = "") -> Path:
    return place.with_name(f"{place.name}-{token}{ending}")


def _keep_alive() -> None:
    """Let a thread show signs of life from now on; one is enough for all claims."""
    if not _keeper or not _keeper[0].is_alive():
        _keeper[:] = [threading.Thread(target=_beat_on, name="ftbench keeps its claims", daemon=True)]
        _keeper[0].start()


def _beat_on() -> None:
    while True:
        time.sleep(seconds() / BEATS)
        for claim in list(_held.values()):
            claim.beat()
