"""``examine`` and ``check``: from a record to what is wrong with its part. Imports torch only when called."""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftbench.contract.records import Component, Kind
from ftbench.testing.finding import ContractBroken, Finding, Report

if TYPE_CHECKING:
    from ftbench.testing.exam import Exam

SIZE, BITS = 64, 8
_EXAMINERS: dict[Kind, str] = {
    "encoder": "images",
    "decoder": "images",
    "simulator": "images",
    "distortion": "measures",
    "metric": "measures",
    "codec": "codes",
    "dataset": "covers",
}


def survey(record: Component, size: int = SIZE, bits: int = BITS, **parameters: Any) -> Report:
    """Examine one part, built with these parameters (defaults otherwise): findings and notes.

    The caller's random state, dtype, threads and folder stay as they are.

    Args:
        record: an ``ftbench.Encoder``, ``ftbench.Simulator`` …
        size: side of the images in pixels; another is taken, and noted, when the part objects.
        bits: of the payload or code.
        parameters: the part's own.

    Raises:
        CannotExamine: a parameter without default is missing, or the part objects to every size.
        BadInput: a parameter does not fit.
    """
    import torch

    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]), torch.enable_grad():
        notes: list[str] = []
        if record.kind == "dataset":
            from ftbench.testing.covers import make_folder, wants_a_folder

            wanted = wants_a_folder(record, parameters)
            if wanted:
                make_folder(Path(folder) / "faces")
                parameters[wanted] = str(Path(folder) / "faces")
                notes.append(f"{wanted}: examined on pictures made for it")
        exam = _examined(record, size, bits, parameters)
        return Report(f"{record.kind} {record.name}", tuple(exam.findings), (*notes, *exam.notes))


def examine(record: Component, size: int = SIZE, bits: int = BITS, **parameters: Any) -> list[Finding]:
    """The broken promises of one part; see ``survey``."""
    return list(survey(record, size, bits, **parameters).findings)


def check(record: Component, size: int = SIZE, bits: int = BITS, **parameters: Any) -> None:
    """Raise ContractBroken, with one line a promise, when a part breaks any; see ``survey``."""
    report = survey(record, size, bits, **parameters)
    if report.findings:
        raise ContractBroken(report)


def check_encoder(record: Component, size: int = SIZE, bits: int = BITS, **parameters: Any) -> None:
    """``check`` for a record that must be an ``ftbench.Encoder``."""
    _check_kind("encoder", record, size, bits, parameters)


def check_decoder(record: Component, size: int = SIZE, bits: int = BITS, **parameters: Any) -> None:
    """``check`` for a record that must be an ``ftbench.Decoder``."""
    _check_kind("decoder", record, size, bits, parameters)


def check_simulator(record: Component, size: int = SIZE, bits: int = BITS, **parameters: Any) -> None:
    """``check`` for a record that must be an ``ftbench.Simulator``."""
    _check_kind("simulator", record, size, bits, parameters)


def check_distortion(record: Component, size: int = SIZE, bits: int = BITS, **parameters: Any) -> None:
    """``check`` for a record that must be an ``ftbench.Distortion``."""
    _check_kind("distortion", record, size, bits, parameters)


def check_codec(record: Component, size: int = SIZE, bits: int = BITS, **parameters: Any) -> None:
    """``check`` for a record that must be an ``ftbench.Codec``."""
    _check_kind("codec", record, size, bits, parameters)


def check_dataset(record: Component, size: int = SIZE, bits: int = BITS, **parameters: Any) -> None:
    """``check`` for a record that must be an ``ftbench.Dataset``."""
    _check_kind("dataset", record, size, bits, parameters)


def check_metric(record: Component, size: int = SIZE, bits: int = BITS, **parameters: Any) -> None:
    """``check`` for a record that must be an ``ftbench.Metric``."""
    _check_kind("metric", record, size, bits, parameters)


def _check_kind(kind: Kind, record: Component, size: int, bits: int, parameters: dict[str, Any]) -> None:
    if getattr(record, "kind", None) != kind:
        raise TypeError(f"check_{kind} was given {record!r}, which is no {kind}'s record")
    check(record, size, bits, **parameters)


def _examined(record: Component, size: int, bits: int, parameters: dict[str, Any]) -> Exam:
    from ftbench.testing.exam import begin, examine_surface

    exam = begin(record, size, bits, parameters)
    if examine_surface(exam):
        module = importlib.import_module(f"ftbench.testing.{_EXAMINERS[record.kind]}")
        getattr(module, f"examine_{record.kind}")(exam)
    return exam
