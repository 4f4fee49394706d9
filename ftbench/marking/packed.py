"""A model's folder written and loaded: weights in safetensors, in half precision or full, held to their digest."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from ftbench.errors import BadInput, CannotWrite
from ftbench.marking.catalogue import CARD, ENTRY, MODEL_WEIGHTS, Entry, entry_of
from ftbench.marking.locate import TrainSettings
from ftbench.marking.trained import Trained, rebuilt
from ftbench.parts.catalogue import Plugins
from ftbench.train.weights import fault_of, full

LARGEST = 4 * 2**20
"""Bytes of a file of weights that may be packed."""
ANEW = "take the model anew from where it came"


def load(folder: Path, plugins: Plugins) -> Trained:
    """The model of a folder. Raises BadInput where a file is missing, damaged or not ours, and as ``rebuilt`` does."""
    entry = entry_of(folder)
    file = folder / MODEL_WEIGHTS
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}; {ANEW}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != entry.digest:
        raise BadInput(f"{file} has the digest {found[:12]} and not {entry.digest[:12]}, so it is not used; {ANEW}")
    parts, pair, codec = rebuilt(entry.settings, plugins)
    if parts["codec"].record.trainable:
        raise BadInput(f"{folder} names a code that was fitted, {parts['codec'].record.name!r}, which no model holds")
    try:
        held = full(load_tensors(data))
    except (SafetensorError, ValueError) as error:
        raise BadInput(f"{file} is no file of weights ({error}); {ANEW}") from error
    fault = fault_of(pair, held)
    if fault:
        raise BadInput(f"{file} does not fit its model: {fault}; {ANEW}")
    pair.load_state_dict(held)
    return Trained(
        names=frozenset({entry.key}),
        key=entry.key,
        label=entry.label,
        size=entry.settings.size,
        bits=entry.bits,
        target_psnr=entry.settings.loss.get("target_psnr"),
        pair=pair,
        codec=codec,
        tag=entry.tag,
    )


def halved(network: nn.Module) -> dict[str, Tensor]:
    """A network's weights, those of 32 bits in 16."""
    return {
        name: tensor.half() if tensor.dtype == torch.float32 else tensor
        for name, tensor in network.state_dict().items()
    }


def save(
    folder: Path,
    weights: Mapping[str, Tensor],
    settings: TrainSettings,
    card: str,
    *,
    key: str,
    version: int,
    licence: str,
    survives: str,
    tag: int,
    more: Mapping[str, bytes] | None = None,
) -> Entry:
    """Write a model's three files into a folder, whose name is the model's; what was there is replaced as one.

    ``more``: other files, such as pictures that the card shows.

    Raises BadInput for weights of more than 4 MiB and a pair that was trained for no PSNR to mark at, CannotWrite.
    """
    if settings.loss.get("target_flip"):
        raise BadInput("this pair was trained at a FLIP, and a model marks at a PSNR; train one with target_psnr")
    data = save_tensors({name: tensor.contiguous() for name, tensor in weights.items()})
    if len(data) > LARGEST:
        raise BadInput(f"the weights take {len(data) / 2**20:.1f} MiB, and a model may have {LARGEST // 2**20}")
    entry = Entry(
        form=1,
        name=folder.name,
        version=version,
        digest=hashlib.sha256(data).hexdigest(),
        licence=licence,
        survives=survives,
        key=key,
        tag=tag,
        settings=settings,
    )
    made = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        (made / MODEL_WEIGHTS).write_bytes(data)
        for name, content in (more or {}).items():
            (made / name).write_bytes(content)
        (made / CARD).write_text(card, encoding="utf-8", newline="\n")
        text = json.dumps(entry.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
        (made / ENTRY).write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    except OSError as error:
        raise CannotWrite(f"cannot write {folder}: {error.strerror or error}") from error
    return entry
