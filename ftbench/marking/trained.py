"""A trained pair and its code, rebuilt from a cell's folder; nothing is ever unpickled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import ValidationError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from ftbench.contract.protocols import ChannelCode
from ftbench.contract.records import Kind
from ftbench.errors import BadInput
from ftbench.marking.locate import PartRecord, TrainCell, TrainSettings, describe, first_of
from ftbench.parts.catalogue import Plugins
from ftbench.parts.evidence import SHOWN
from ftbench.parts.fingerprint import differences
from ftbench.pipeline.stages import Pair
from ftbench.plan.part import ResolvedPart, input_paths
from ftbench.runner.build import build, guard_of
from ftbench.storage.cellfile import CELL
from ftbench.storage.store import CellFolder, Damaged, Store
from ftbench.train.weights import WEIGHTS, fault_of
from ftbench.vouching.evidence import factories_of, part_code

AGAIN = "run its benchmark again, which makes the cell anew"
KINDS: tuple[Kind, ...] = ("encoder", "decoder", "codec")


@dataclass(frozen=True)
class Trained:
    """An encoder, a decoder and their channel code, ready to use on the CPU."""

    names: frozenset[str]
    """Key of its cell, and what the cell was called in an earlier store."""
    key: str
    label: str
    size: int
    """Side of the square that the networks see, pixels."""
    bits: int
    """Of a payload."""
    target_psnr: float | None
    """The PSNR that it was trained for, dB, or had on average where it was trained for a FLIP; None: none."""
    pair: Pair
    codec: ChannelCode
    warnings: tuple[str, ...] = ()
    tag: int = 0
    """Of the payload's bits, the last so many are a check of the others; 0: none."""

    @torch.no_grad()
    def code(self, payload: str) -> Tensor:
        """Payload ``0110`` -> code (1, n)."""
        return self.codec.encode(torch.tensor([[float(bit) for bit in payload]]))

    @torch.no_grad()
    def payload(self, logits: Tensor) -> str:
        """Logits (1, n) -> payload ``0110``."""
        return self.payloads(logits)[0]

    @torch.no_grad()
    def payloads(self, logits: Tensor) -> list[str]:
        """Logits (b, n) -> a payload ``0110`` for each row."""
        return ["".join("1" if bit > 0.5 else "0" for bit in row) for row in self.codec.decode(logits).tolist()]


def load(folder: CellFolder, plugins: Plugins) -> Trained:
    """Rebuild the trained pair of a cell's folder.

    Raises BadInput when the cell is unfinished, when its parts are not installed or no longer take their
    parameters, and when its weights are damaged or of another shape.
    """
    cell = describe(folder)
    summary = folder.summary
    if summary is None:
        wrong = "".join(f"; {name} is damaged ({reason})" for name, reason in folder.faults({}).items())
        raise BadInput(
            f"{folder.path} is no finished training{wrong}; run its benchmark again, which goes on where it stopped"
        )
    try:
        folder.read(CELL)
    except Damaged as error:
        raise BadInput(f"{error.file} is damaged ({error.reason}); {AGAIN}") from error
    settings = cell.settings
    parts, pair, codec = rebuilt(settings, plugins)
    _fill(pair, folder)
    if parts["codec"].record.trainable:
        _fill(codec, _fitted_codec(cell, folder))
    return Trained(
        names=cell.names,
        key=cell.identity,
        label=cell.label,
        size=settings.size,
        bits=settings.bits,
        target_psnr=_psnr(settings.loss, summary),
        pair=pair,
        codec=codec,
        warnings=tuple(_warnings(parts, cell, summary, plugins)),
    )


def _psnr(loss: Mapping[str, Any], summary: Mapping[str, Any]) -> float | None:
    # A picture of any size is held at a PSNR: to find its strength by FLIP would take minutes.
    held: float | None = loss.get("target_psnr")
    return summary["at_best"]["val_psnr"] if loss.get("target_flip") else held


def rebuilt(settings: TrainSettings, plugins: Plugins) -> tuple[dict[Kind, ResolvedPart], Pair, Any]:
    """The parts that settings name, and what they build, which waits for its weights: the pair and its code.

    Raises BadInput where a part is not installed or no longer takes its parameters.
    """
    parts = {kind: _part(kind, getattr(settings, kind), plugins) for kind in KINDS}
    sides = {"size": settings.size, "bits": settings.code_bits}
    encoder, decoder = parts["encoder"], parts["decoder"]
    guard = (guard_of(encoder), guard_of(decoder))
    pair = Pair(_built(encoder, **sides), _built(decoder, **sides), guard=guard, bits=settings.code_bits)
    codec = _built(parts["codec"], bits=settings.bits)
    for network in (pair, codec):
        if isinstance(network, nn.Module):
            network.eval().requires_grad_(False)
    return parts, pair, codec


def _part(kind: Kind, known: PartRecord, plugins: Plugins) -> ResolvedPart:
    try:
        provided = plugins.find(kind, f"{known.name}@{known.distribution}")
    except BadInput as error:
        made = f"{kind} {known.name!r} of {known.distribution}"
        raise BadInput(f"the model needs {made}: {error}") from error
    expected = provided.record.parameters
    # Of a file of starting weights the cell knows the digest; what came out of it is in the cell's own weights.
    files = dict.fromkeys(set(input_paths(expected)) & known.parameters.keys(), "")
    try:
        parameters = expected.model_validate_json(json.dumps({**known.parameters, **files}))
    except ValidationError as error:
        missed = files.keys() & {fault["loc"][0] for fault in error.errors() if fault["loc"]}
        if missed:
            raise BadInput(
                f"{kind} {known.name!r} is made from a file, its parameter {min(missed)}, of which a cell keeps the "
                "digest alone; such a pair can be evaluated, and neither embed nor extract can rebuild it"
            ) from error
        raise BadInput(
            f"{kind} {known.name!r} was trained as of another {known.distribution}, and the installed "
            f"{provided.version} refuses its parameters ({first_of(error)}); install the one that made the cell"
        ) from error
    return ResolvedPart(provided, parameters, at=known.at)


def _built(chosen: ResolvedPart, **arguments: int) -> Any:
    try:
        return build(chosen, **arguments)
    except Exception as error:
        what = f"{chosen.record.kind} {chosen.record.name!r}"
        raise BadInput(f"{what} cannot be built here: {type(error).__name__}: {error}") from error


def _fill(network: nn.Module, folder: CellFolder) -> None:
    """Fill a network with the weights of a cell, all of them and no others."""
    file = folder.file(WEIGHTS)
    try:
        held = folder.load(WEIGHTS, load_tensors)
    except Damaged as error:
        raise BadInput(f"{file} is damaged ({error.reason}), and nothing of it was used; {AGAIN}") from error
    fault = fault_of(network, held)
    if fault:
        raise BadInput(f"{file} does not fit its model: {fault}; delete {folder.path} and run its benchmark again")
    network.load_state_dict(held)


def _fitted_codec(cell: TrainCell, folder: CellFolder) -> CellFolder:
    """The fit cell beside this one whose code this pair was trained with."""
    store = Store(folder.path.parent)
    wanted = cell.settings.codec
    for identity in cell.inputs:
        fitted = store.cell("fit", identity)
        try:
            settings = json.loads(fitted.file(CELL).read_text(encoding="utf-8"))["settings"]
            if PartRecord.model_validate(settings["codec"]) == wanted:
                return fitted
        # A simulator's cell, or one that is gone.
        except (OSError, ValueError, KeyError, TypeError):
            continue
    raise BadInput(
        f"{folder.path.name} was trained with the fitted code {wanted.name!r}, whose weights are not in {store.root}; "
        "copy its fit-… folder there or run the benchmark again"
    )


def _warnings(
    parts: Mapping[Kind, ResolvedPart], cell: TrainCell, summary: Mapping[str, Any], plugins: Plugins
) -> Iterator[str]:
    known, factories = cell.evidence.code, factories_of(plugins.parts)
    now: dict[str, str] = {}
    for chosen in parts.values():
        now |= part_code(chosen.provided, factories)
    # Of a cell of an earlier store nobody knows the code.
    both = known.keys() & now.keys()
    changed = differences({name: known[name] for name in both}, {name: now[name] for name in both})
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        said = ", ".join(changed[:SHOWN])
        yield f"since the model was trained, {said}{more}; check that it still reads what it marks"
    if flip := cell.settings.loss.get("target_flip"):
        reached = f"{_psnr(cell.settings.loss, summary):.1f} dB"
        yield f"the model was trained at FLIP {flip:g}; without --psnr pictures are marked at {reached}, its mean there"
    if summary.get("status") == "stalled":
        yield "this training stalled: its payloads are hardly read better than by guessing; train it for longer"
