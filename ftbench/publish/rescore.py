"""The tables of a results folder by another code, payload length or threshold: from its readings, without a network."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ftbench.errors import BadInput
from ftbench.publish.anew import Said
from ftbench.report import report_tables
from ftbench.report.detection import RATES
from ftbench.report.tables import write_table
from ftbench.storage.manifest import CellSaid, Folder, result_of, vouched
from ftbench.storage.readings import Bits, Readings, unpacked
from ftbench.storage.results import CellResult

if TYPE_CHECKING:
    from ftbench.parts.catalogue import Plugins
    from ftbench.pipeline.stages import HeldCode
    from ftbench.plan.part import ResolvedPart

RESCORED = "rescored"
"""The folder beside ``tables`` of a results folder."""
AT_ONCE = 2**15
"""Readings that are decoded together."""
NONE = "none"
# What a damaged file makes pandas raise.
_UNREADABLE = (BadInput, OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, IndexError)


@dataclass(frozen=True)
class Wanted:
    """How readings are to be scored."""

    codec: str = ""
    """``soft-bch``, or with parameters: ``repetition times=5``; empty: each cell's own."""
    bits: int | None = None
    """Of the payload; None: as many as were read, or as the code can hold."""
    rates: tuple[float, ...] = RATES
    """Of false positives."""


def rescored(folder: Folder, wanted: Wanted) -> tuple[Path, list[str]]:
    """Write the tables under ``FOLDER/rescored/tables``; their folder, and what should be known, sentence by sentence.

    Raises BadInput where no cell has readings, or none of them can be scored so. What one cell lacks is said, and the
    others stand.
    """
    codes = Codes(folder.raw, wanted)
    results: list[CellResult] = []
    left_out: list[str] = []
    same = 0
    for cell in folder.evaluations:
        try:
            before, readings = _read(folder, cell)
            after = codes.scored(before, readings)
        except _UNREADABLE as error:
            left_out.append(f"{cell.label}: {(str(error).splitlines() or [type(error).__name__])[0]}")
            continue
        results.append(after)
        same += int((before.rows["payload_errors"] == after.rows["payload_errors"]).sum())
    if not results:
        raise BadInput(f"{folder.path}: nothing can be scored anew: {'; '.join(left_out) or 'no cell is finished'}")
    told = [f"Scored again from readings{codes.words}"]
    if codes.own:
        total = sum(len(result.rows) for result in results)
        told.append(f"{same:,} of {total:,} payloads came out as before")
    told += [f"Left out: {'; '.join(left_out)}"] if left_out else []
    caption = Said(" ".join([folder.manifest.caption, *(f"{sentence}." for sentence in told)]))
    tables = folder.path / RESCORED / "tables"
    made = report_tables(results, folder.metrics, methods_across=folder.methods_across, rates=wanted.rates)
    written = [path for printed, rows in made for path in write_table(tables, printed, caption, rows=rows)]
    for old in sorted(tables.glob("*")):
        if old not in written:
            old.unlink()
    return tables, told


def _read(folder: Folder, cell: CellSaid) -> tuple[CellResult, Readings]:
    """An evaluation and its readings, row by row. Raises BadInput, and whatever a damaged file raises."""
    if cell.row is None or not (name := cell.row.kept.readings):
        raise BadInput("it was evaluated before readings were kept; ftbench run with --rerun code evaluates it again")
    before = result_of(cell, cell.row, partial(vouched, folder))
    return before, unpacked(vouched(folder, name)).along(before.rows)


class Codes:
    """Scores readings by the codes that are asked for; each is built once."""

    def __init__(self, manifest: Mapping[str, Any], wanted: Wanted) -> None:
        self.manifest, self.wanted = manifest, wanted
        self._built: dict[tuple[str, int], HeldCode] = {}
        self._plugins: Plugins | None = None

    @property
    def own(self) -> bool:
        """Whether each cell is scored by its own code."""
        return not self.wanted.codec and self.wanted.bits is None

    @property
    def words(self) -> str:
        """What is scored by, after "from readings"."""
        if self.own:
            return ", each by its own code"
        bits = "" if self.wanted.bits is None else f" and payloads of {self.wanted.bits} bits"
        return f" with {'no code' if self.wanted.codec in ('', NONE) else f'the code {self.wanted.codec}'}{bits}"

    def scored(self, before: CellResult, readings: Readings) -> CellResult:
        """An evaluation as it would have come out. Raises BadInput where it cannot be told."""
        label = str(before.settings.get("codec", NONE))
        if self.own:
            chosen = self._own(label)
            if chosen.record.trainable:
                raise BadInput(f"its code, {label}, is a network; rescore with another code where it has none")
            errors = self._errors(chosen, before.bits, readings, readings.payload, readings.logits)
            return replace(before, rows=before.rows.assign(payload_errors=errors))
        if label != NONE:
            raise BadInput(f"it was marked with {label}; another code can be put on readings without one alone")
        chosen = self._resolved(*_parsed(self.wanted.codec or NONE))
        if chosen.record.trainable:
            raise BadInput(f"{chosen.label} is a network and would have to be fitted; name a code without one")
        bits, length = _fitting(chosen, before.code_bits, self.wanted.bits)
        payload, code = readings.payload[:, :bits], readings.code[:, :length]
        held = self._held(chosen, bits)
        # What was marked is uniform. So it is a word of the code under a mask that was drawn uniformly, too, and taken
        # off again: as somebody would read it who masks the code's words.
        logits = np.where(
            self._encoded(held, payload) == code, readings.logits[:, :length], -readings.logits[:, :length]
        )
        errors = self._errors(chosen, bits, readings, payload, logits)
        wrong = ((readings.logits[:, :length] > 0) != (code > 0)).sum(axis=1)
        name = chosen.label if chosen.record.name != NONE else NONE
        return replace(
            before,
            label=" ".join(filter(None, [before.label, "" if name == NONE else name, f"{bits} bits"])),
            settings={**before.settings, "codec": name},
            bits=bits,
            code_bits=length,
            rows=before.rows.assign(code_errors=wrong, payload_errors=errors),
        )

    def _errors(
        self, chosen: ResolvedPart, bits: int, readings: Readings, payload: Bits, logits: NDArray[np.float16]
    ) -> NDArray[np.int64]:
        """(readings,): payload bits that are read wrongly."""
        import torch

        held = self._held(chosen, bits)
        wrong = np.zeros(len(logits), dtype=np.int64)
        for start in range(0, len(logits), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            read = held.decode(torch.from_numpy(logits[some].astype(np.float32))).numpy()
            wrong[some] = (read.astype(np.uint8) != payload[some]).sum(axis=1)
        return wrong

    def _encoded(self, held: HeldCode, payload: Bits) -> Bits:
        import torch

        parts = [
            held.encode(torch.from_numpy(payload[start : start + AT_ONCE].astype(np.float32))).numpy()
            for start in range(0, len(payload), AT_ONCE)
        ]
        return np.concatenate(parts).astype(np.uint8)

    def _held(self, chosen: ResolvedPart, bits: int) -> HeldCode:
        key = chosen.key_text, bits
        if key not in self._built:
            from ftbench.pipeline.stages import HeldCode
            from ftbench.runner.build import build, frozen, guard_of

            length = chosen.record.length(bits, chosen.parameters)
            self._built[key] = HeldCode(frozen(build(chosen, bits=bits)), bits, length, guard_of(chosen))
        return self._built[key]

    def _own(self, label: str) -> ResolvedPart:
        """The code of a cell, with the parameters that the manifest has of it."""
        name, given = _parsed(label)
        listed = self.manifest.get("parts")
        for part in listed if isinstance(listed, list) else ():
            if isinstance(part, dict) and part.get("kind") == "codec" and part.get("name") == name.partition("@")[0]:
                parameters = part.get("parameters")
                if isinstance(parameters, dict) and all(parameters.get(key) == value for key, value in given.items()):
                    return self._resolved(name, parameters)
        return self._resolved(name, given)

    def _resolved(self, name: str, given: Mapping[str, Any]) -> ResolvedPart:
        from ftbench.parts.discovery import discover
        from ftbench.plan.part import ResolvedPart

        self._plugins = self._plugins or discover()
        provided = self._plugins.find("codec", name)
        try:
            return ResolvedPart(provided, provided.record.parameters.model_validate(given), given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise BadInput(f"codec {name}: {where}: {first['msg'].lower()}") from None


def _parsed(text: str) -> tuple[str, dict[str, Any]]:
    """``repetition times=5`` -> its name and parameters, whole numbers and others as such."""
    name, *words = text.split()
    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise BadInput(f"the code {text!r}: {word!r} is no parameter; write it as 'repetition times=5'")
        given[key] = next(
            (number for number in (_number(int, value), _number(float, value)) if number is not None), value
        )
    return name, given


def _number(kind: Callable[[str], float], text: str) -> float | None:
    try:
        return kind(text)
    except ValueError:
        return None


def _fitting(chosen: ResolvedPart, room: int, bits: int | None) -> tuple[int, int]:
    """How many payload bits a code carries in ``room`` code bits, and how many of these it takes. Raises BadInput."""
    for count in range(room, 0, -1) if bits is None else [bits]:
        try:
            length = int(chosen.record.length(count, chosen.parameters))
        except ValueError as error:
            if bits is not None:
                raise BadInput(f"{chosen.label}: {error}") from None
            continue
        if length <= room:
            return count, length
    asked = "not one bit" if bits is None else f"not {bits} bits"
    raise BadInput(f"{chosen.label} carries {asked} in the {room} that were marked; ask for fewer, or another code")
