"""Robustness credentials: what a results folder says of one method, in one file that others can check."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ftbench.errors import BadInput
from ftbench.protocol import keys
from ftbench.protocol.attacks import Parts, parameters_of, split
from ftbench.protocol.board import OUTSIDE, PROVISIONAL, RANKED
from ftbench.protocol.entry import Entry
from ftbench.protocol.form import (
    FORM,
    Attack,
    Code,
    Credential,
    Data,
    Evidence,
    Interval,
    Method,
    Payload,
    Quality,
    Standing,
    TruePositives,
)
from ftbench.protocol.keys import DIGEST, SIGNATURE, DoesNotHold
from ftbench.protocol.reading import Rates, Read
from ftbench.protocol.rules import PROTOCOLS
from ftbench.protocol.score import score
from ftbench.report.scores import plain
from ftbench.report.seeds import SEED
from ftbench.report.table import Measured
from ftbench.statistics.detection import false_positive_rate, smallest_match
from ftbench.storage.files import write_bytes
from ftbench.storage.manifest import CellSaid, Folder
from ftbench.storage.results import MARKED, UNMARKED, MetricInfo

CREDENTIALS = "credentials"
"""The folder within a results folder."""
CLOSE = 1e-9
"""Relative: what a number may differ by where another release of a library adds in another order."""


def credentials(read: Read) -> Iterator[Credential]:
    """One a method, not signed, without a digest."""
    for entry in read.entries:
        yield _credential(entry, read.rates.get(entry.cells, {}), read.folder)


def issue(said: Credential, key: Path | None, folder: Path) -> Path:
    """Write a credential into ``folder``, with its digest, signed if there is a key; its path."""
    whole = said.model_dump(mode="json", exclude={DIGEST, SIGNATURE})
    whole[DIGEST] = keys.digest_of(whole)
    if key is not None:
        whole[SIGNATURE] = keys.signed(whole, key)
    name = re.sub(r"[^A-Za-z0-9=.-]+", "_", said.method.label).strip("_") + f"-{said.method.cells[0][:8]}.json"
    write_bytes(folder / name, (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode())
    return folder / name


def opened(file: Path) -> tuple[dict[str, Any], Credential]:
    """What a file says, and the same by its schema. Raises BadInput where it is none that this release knows."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(
            f"{file}: {error.strerror or error}; name a credential, as ftbench credential writes it"
        ) from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{file} is not JSON ({error}); it may be cut") from None
    form = said.get("form") if isinstance(said, dict) else None
    standing = said.get("protocol") if isinstance(said, dict) else None
    version = standing.get("version") if isinstance(standing, dict) else None
    if isinstance(form, int) and form != FORM:
        raise BadInput(f"{file} is a credential of form {form}, and this ftbench knows {FORM}; update ftbench")
    if isinstance(version, int) and version not in PROTOCOLS:
        raise BadInput(
            f"{file} is by version {version} of the protocol, which this ftbench does not know; update ftbench"
        )
    try:
        return said, Credential.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadInput(f"{file} is no credential: {where}: {first['msg'].lower()}") from None


def check(file: Path, key: Path | None) -> tuple[Credential, str]:
    """What a file says, and who signed it, in words.

    Raises DoesNotHold where it was changed or somebody else signed, and BadInput as ``opened`` does.
    """
    said, credential = opened(file)
    try:
        if keys.digest_of(said) != credential.digest:
            raise DoesNotHold("it was changed after it was issued: its digest is not that of what it says")
        return credential, keys.verify(said, key)
    except DoesNotHold as error:
        raise DoesNotHold(f"{file}: {error}") from None


def against(credential: Credential, read: Read) -> str:
    """Hold a credential against its results folder; what was checked, in words. Raises DoesNotHold."""
    folder, evidence = read.folder, credential.evidence
    if folder.manifest.digest != evidence.manifest:
        raise DoesNotHold(f"{folder.path} is not the folder that it was made from, or was written anew since")
    held = {name: digest for name, digest in folder.manifest.files.items() if name in evidence.files}
    if held != evidence.files:
        raise DoesNotHold(f"{folder.path} does not hold the files that it names")
    for fault in read.faults:
        if fault.why.partition(" ")[0] in evidence.files:
            raise DoesNotHold(f"{folder.path}: {fault.why}")
    again = next((one for one in credentials(read) if one.method.cells == credential.method.cells), None)
    if again is None:
        raise DoesNotHold(f"{folder.path} has no method of these cells")
    if not folder.has_rows and any(name.startswith("rows/") for name in evidence.files):
        return f"{folder.path} is the folder that it was made from, without the rows that its numbers are counted from"
    for name in ("protocol", "method", "payload", "data", "quality", "attacks"):
        mine, theirs = again.model_dump(mode="json")[name], credential.model_dump(mode="json")[name]
        if not _alike(mine, theirs):
            raise DoesNotHold(f"what it says of {name} is not what {folder.path} gives")
    return f"{folder.path} gives the same numbers"


def _credential(entry: Entry, rates: Rates, folder: Folder) -> Credential:
    cells = [cell for cell in folder.evaluations if cell.identity in entry.cells]
    rows = [row for row in (cell.row for cell in cells) if row]
    first, code = rows[0], folder.raw.get("code") or {}
    whole = score(entry).whole
    return Credential(
        issued=datetime.now(UTC).isoformat(timespec="seconds"),
        protocol=Standing(
            version=entry.league.version,
            state=OUTSIDE if entry.outside else PROVISIONAL if entry.lacks else RANKED,
            lacks=[*([entry.outside] if entry.outside else []), *entry.lacks],
            score=_interval(whole),
        ),
        method=Method(
            label=entry.method,
            settings={name: value for name, value in first.columns.items() if name != SEED},
            seeds=[row.columns.get(SEED, "") for row in rows],
            cells=[cell.identity for cell in cells],
        ),
        payload=Payload(bits=first.payload_bits, code_bits=first.code_bits, floor=2.0**-first.payload_bits),
        data=Data(
            name=entry.made.data, digest=entry.made.digest, size=entry.made.size, images=entry.images,
            draws=entry.draws, people_held_out=entry.people,
        ),
        quality=list(_qualities(entry, folder.metrics)),
        attacks=list(_attacks(entry, rates, first.payload_bits)),
        code=Code(ftbench=str(code.get("ftbench", "")), commit=str(code.get("commit", ""))),
        evidence=Evidence(manifest=folder.manifest.digest, files=_files(folder, cells)),
    )  # fmt: skip


def _files(folder: Folder, cells: list[CellSaid]) -> dict[str, str]:
    """The rows of a method; the tables where rows are not kept."""
    names = [name for cell in cells if cell.row for name in (cell.row.kept.rows, cell.row.kept.quality)]
    if not folder.has_rows:
        names = ["tables/detection.csv", "tables/quality.csv"]
    return {name: folder.manifest.files[name] for name in names}


def _qualities(entry: Entry, metrics: list[MetricInfo]) -> Iterator[Quality]:
    for metric in metrics:
        found = _interval(entry.quality.get(metric.name, Measured()))
        if found is not None:
            yield Quality(
                metric=metric.name, unit=metric.unit, higher_is_better=metric.higher_is_better, **found.model_dump()
            )


def _attacks(entry: Entry, rates: Rates, bits: int) -> Iterator[Attack]:
    """What the protocol asks for, kind by kind, then whatever else was run with one attack alone."""
    kinds = {hits.attack: wanted.kind for wanted, hits in entry.hits.items() if hits.attack and not hits.missing}
    others = [attack for attack in rates if attack not in kinds and plain(attack)]
    control = [attack for attack in rates if attack[0] == UNMARKED]
    for attack in [*kinds, *others, *control]:
        simulator, distortion = attack
        found = []
        for asked, entry_of in rates.get(attack, {}).items():
            interval, matches = _interval(entry_of), smallest_match(bits, asked)
            if interval is not None and matches is not None:
                exact = false_positive_rate(bits, matches)
                found.append(
                    TruePositives(false_positive_rate=exact, asked=asked, matches=matches, **interval.model_dump())
                )
        yield Attack(
            kind=kinds.get(attack, ""),
            simulator=simulator,
            simulator_parameters={} if simulator in (MARKED, UNMARKED) else _parameters(simulator, entry.made.parts),
            distortion=distortion,
            distortion_parameters=dict(split(distortion)[1]),
            found=found,
        )


def _parameters(simulator: str, parts: Parts) -> dict[str, Any]:
    """Of the one part that a label means; where several may be meant, what the label itself says."""
    alike = parameters_of(simulator, parts)
    return dict(alike[0]) if len(alike) == 1 else dict(split(simulator)[1])


def _interval(entry: Measured) -> Interval | None:
    found = entry.estimate
    if found is None or not math.isfinite(found.value):
        return None
    low, high = (float(end) if math.isfinite(end) else None for end in (found.low, found.high))
    return Interval(value=float(found.value), low=low, high=high, n=found.n)


def _alike(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        return mine.keys() == theirs.keys() and all(_alike(mine[key], theirs[key]) for key in mine)
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(_alike, mine, theirs))
    if isinstance(mine, float) and isinstance(theirs, (float, int)):
        return math.isclose(mine, theirs, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(mine == theirs)
