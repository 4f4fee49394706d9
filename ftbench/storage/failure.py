"""``failed.json``: why a cell could not be finished, kept in its folder until it is."""

from __future__ import annotations

import contextlib
import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from ftbench.storage.cellfile import Evidence
from ftbench.storage.files import write_json
from ftbench.storage.store import FAILED

if TYPE_CHECKING:
    from ftbench.storage.store import CellFolder

FailureKind = Literal["exception", "not a number", "memory", "device", "time", "process", "surroundings", "unknown"]
"""``exception``: a part raised or broke its word; ``not a number``: a loss is none; ``memory``: it ran out; ``device``:
the GPU is gone; ``time``: a call took too long; ``process``: it ended; ``surroundings``: a file, a package, a network.
"""
LASTING = ("exception", "not a number")
"""Kinds that come again as long as nothing changes."""


class Failure(BaseModel):
    """What ``failed.json`` says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: FailureKind = "unknown"
    reason: str
    when: str = ""
    tries: int = Field(1, ge=1)
    """How often it failed in a row with this evidence."""
    evidence: str = ""
    """Digest of what it was made with."""

    def comes_again(self, evidence: Evidence) -> bool:
        """Whether a try with this evidence would end in the same way."""
        return self.kind in LASTING and self.evidence == _digest(evidence)


def note(folder: CellFolder, kind: FailureKind, reason: str, evidence: Evidence) -> None:
    """Write down why a cell failed. Raises CannotWrite."""
    last, made_with = read(folder), _digest(evidence)
    tries = last.tries + 1 if last and last.evidence == made_with else 1
    when = datetime.now(UTC).isoformat(timespec="seconds")
    failure = Failure(kind=kind, reason=reason, when=when, tries=tries, evidence=made_with)
    write_json(folder.file(FAILED), failure.model_dump())


def read(folder: CellFolder) -> Failure | None:
    """Why a cell failed last time; None where it did not, or nobody can tell: it is tried again then."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        return Failure.model_validate(json.loads(folder.file(FAILED).read_text(encoding="utf-8")))
    return None


def _digest(evidence: Evidence) -> str:
    """Of code, records, libraries and inputs, whoever vouched for them."""
    said = evidence.model_dump(mode="json", exclude={"migrated", "accepted"})
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
