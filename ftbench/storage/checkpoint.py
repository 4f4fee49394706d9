"""What a training goes on from: tensors and plain JSON in one safetensors file, and a digest of it all.

Nothing is unpickled. safetensors checks no checksums, and a training would go on from a flipped bit without a word: the
digest stands in the header, and is that of the file with zeros in its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import torch
from safetensors.torch import load as tensors_of
from safetensors.torch import save as tensor_bytes
from torch import Tensor

from ftbench.storage.store import UNFINISHED, CellFolder

Groups = dict[str, dict[str, Tensor]]
"""Tensors by name in named groups, such as ``network``; a group's name has no slash, and an empty one is not kept."""
Numbers = dict[str, Any]
"""Whatever JSON can say; infinity and NaN as Python writes them."""
NUMBERS, DIGEST = "numbers", "sha256"
BLANK = "0" * 64


def write(folder: CellFolder, groups: Mapping[str, Mapping[str, Tensor]], numbers: Numbers) -> None:
    """Put a cell's checkpoint in place, whole. Raises CannotWrite, and Lost where it is another run's meanwhile."""
    folder.write(UNFINISHED, packed(groups, numbers))


def read(folder: CellFolder, take: Callable[[Groups, Numbers], object]) -> bool:
    """Hand ``take`` what ``write`` was given, tensors on the CPU; False where there is no checkpoint.

    Raises Damaged where it is not as it was written, or where ``take`` cannot use it.
    """
    if not folder.file(UNFINISHED).exists():
        return False
    folder.load(UNFINISHED, lambda content: take(*unpacked(content)))
    return True


def packed(groups: Mapping[str, Mapping[str, Tensor]], numbers: Numbers) -> bytes:
    """The content of a checkpoint."""
    # Copied, so that tensors that share memory are written as two.
    held = {
        f"{group}/{name}": tensor.detach().to("cpu", copy=True).contiguous()
        for group, tensors in groups.items()
        for name, tensor in tensors.items()
    }
    content = tensor_bytes(held, {NUMBERS: json.dumps(numbers), DIGEST: BLANK})
    return content.replace(_field(BLANK), _field(hashlib.sha256(content).hexdigest()), 1)


def unpacked(content: bytes) -> tuple[Groups, Numbers]:
    """What ``packed`` was given; raises ValueError or KeyError where the content is another."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    said = header["__metadata__"]
    blank = content.replace(_field(said[DIGEST]), _field(BLANK), 1)
    if hashlib.sha256(blank).hexdigest() != said[DIGEST]:
        raise ValueError("its digest does not fit")
    groups: Groups = {}
    for path, tensor in tensors_of(content).items():
        group, _, name = path.partition("/")
        groups.setdefault(group, {})[name] = tensor
    return groups, json.loads(said[NUMBERS])


def optimiser_state(optimiser: torch.optim.Optimizer) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """An optimiser's tensors, called ``<parameter>.<name>``, and the numbers of its parameter groups."""
    whole = optimiser.state_dict()
    tensors = {f"{number}.{name}": value for number, held in whole["state"].items() for name, value in held.items()}
    return tensors, whole["param_groups"]


def restore_optimiser(
    optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], groups: list[dict[str, Any]]
) -> None:
    """Take back what ``optimiser_state`` gave; raises ValueError or KeyError where it is another optimiser's."""
    state: dict[int, dict[str, Tensor]] = {}
    for path, value in tensors.items():
        number, _, name = path.partition(".")
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    # Fused kernels run through parameter and state side by side, so both must lie in memory in the same order.
    for parameter, held in optimiser.state.items():
        for name, value in held.items():
            if value.shape == parameter.shape and value.stride() != parameter.stride():
                held[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _field(digest: str) -> bytes:
    """The digest as it stands in a header, where a string within the numbers would have its quotes escaped."""
    return f'"{DIGEST}":"{digest}"'.encode()
