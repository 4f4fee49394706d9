"""Weights of a timm classifier out of a user's own file, tensors only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ftbench.errors import BadInput


def load_body(network: nn.Module, path: str, head: Sequence[str]) -> None:
    """Load everything but the layers named in ``head``, which keep their random weights.

    Raises BadInput when the file cannot be read, or lacks a tensor of the body or holds it in another shape.
    Pickled objects are never unpickled.
    """
    file = Path(path)
    if not file.is_file():
        raise BadInput(f"weights: there is no file {file.name!r}; give a .safetensors or .pth file")
    try:
        state = _read(file)
    except Exception as error:
        raise BadInput(f"weights: {file.name!r} cannot be read as a file of tensors: {error}") from error
    body = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.startswith(tuple(f"{layer}." for layer in head))
    }
    lost = [name for name, tensor in body.items() if name not in state or state[name].shape != tensor.shape]
    if lost:
        raise BadInput(
            f"weights: {file.name!r} lacks {len(lost)} of the backbone's {len(body)} tensors or has them in another "
            f"shape, first {lost[0]!r}; is it another model's file, or one for another image size?"
        )
    network.load_state_dict({name: state[name] for name in body}, strict=False)


def _read(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return state
