"""The one builder: a chosen part, its parameters and its weights become an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from ftbench.pipeline.guard import Guard
from ftbench.pipeline.held import HeldAt
from ftbench.pipeline.known import Known
from ftbench.pipeline.stages import Held, HeldCode, Pair, SimulatorStage
from ftbench.plan.cells import Cell, TrainCell
from ftbench.plan.part import ResolvedPart
from ftbench.train.weights import load_weights

if TYPE_CHECKING:
    from ftbench.runner.bench import Bench


def guard_of(chosen: ResolvedPart) -> Guard:
    """What a resolved part is held by, and named by when it breaks a promise."""
    record, by = chosen.record, chosen.provided
    who = f"{record.kind} {record.name!r} of {by.distribution} {by.version}"
    draws = record.kind == "distortion" or not getattr(record, "deterministic", True)
    return Guard(who, chosen.at, getattr(record, "max_batch", None), draws)


def build(chosen: ResolvedPart, **arguments: Any) -> Any:
    """Call a chosen part's factory with its parameters and the build arguments of its kind.

    ``size`` is the benchmark's; a part that is handed resized images is built for its own.
    """
    if chosen.at is not None and "size" in arguments:
        arguments["size"] = chosen.at
    return guard_of(chosen).built(chosen.record.load(), **arguments, **dict(chosen.parameters))


def build_pair(encoder: ResolvedPart, decoder: ResolvedPart, size: int, code_bits: int) -> Pair:
    """An encoder and a decoder for images of ``size`` px and codes of ``code_bits`` bits, untrained."""
    networks = [build(chosen, size=size, bits=code_bits) for chosen in (encoder, decoder)]
    return Pair(networks[0], networks[1], guard=(guard_of(encoder), guard_of(decoder)), bits=code_bits)


def new_pair(cell: TrainCell, size: int) -> Pair:
    """The pair of a cell, untrained."""
    return build_pair(cell.encoder, cell.decoder, size, cell.code_bits)


def trained_pair(cell: TrainCell, bench: Bench) -> Pair:
    """The pair of a finished cell, on the device. Raises Damaged."""
    pair = bench.compute.place(new_pair(cell, bench.data.size))
    load_weights(bench.folder(cell), pair)
    assert isinstance(pair, Pair)
    return pair


def as_trained(cell: TrainCell, bench: Bench | None = None) -> Held | None:
    """What a cell's marked images are held at once it is trained; None: whatever its encoder paints.

    Without a ``bench``: on the processor.
    """
    if cell.loss.target_flip is None or cell.flip_part is None:
        return cell.loss.target_psnr
    measure = build(cell.flip_part)
    return HeldAt(cell.loss.target_flip, on_device(measure, bench) if bench else frozen(measure))


def held_code(cell: TrainCell, bench: Bench) -> HeldCode:
    """The channel code that a pair is trained with, fitted where it learns. Raises Damaged."""
    code = build(cell.codec, bits=cell.bits)
    if cell.codec.record.trainable:
        load_weights(bench.folder(cell.fit_of(cell.codec)), code)
    # Codes are short and work on the processor: their payloads are drawn there.
    return HeldCode(frozen(code), cell.bits, cell.code_bits, guard_of(cell.codec), cell.codec.record.randomised)


def simulator_stage(chosen: ResolvedPart, cell: Cell, bench: Bench) -> SimulatorStage:
    """A simulator as a cell meets it, fitted where it learns, with the pair that marks once more for it, if any."""
    network = build(chosen, size=bench.data.size)
    if chosen.record.trainable:
        load_weights(bench.folder(cell.fit_of(chosen)), network)
    by = chosen.marks_by
    other = None if by is None else trained_pair(cell.training_of(by), bench).eval()
    known = None if chosen.known is None else Known(*chosen.known)
    return SimulatorStage(chosen.record, on_device(network, bench), guard_of(chosen), other, known)


def on_device(part: Any, bench: Bench) -> Any:
    """A part that is only used: on the device and frozen, if it is a network at all."""
    return frozen(bench.compute.place(part) if isinstance(part, nn.Module) else part)


def frozen(part: Any) -> Any:
    """A network as it is used and not trained; other objects as they are."""
    return part.eval().requires_grad_(False) if isinstance(part, nn.Module) else part
