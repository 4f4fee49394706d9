"""Weights of a timm classifier out of a user's own file, tensors only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from ftbench.contract.tensorfile import read_tensors
from ftbench.errors import BadInput


def load_body(network: nn.Module, path: str, head: Sequence[str]) -> None:
    """Load everything but the layers named in ``head``, which keep their random weights.

    Raises BadInput when the file cannot be read, or lacks a tensor of the body or holds it in another shape.
    """
    state = read_tensors(path)
    body = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.startswith(tuple(f"{layer}." for layer in head))
    }
    lost = [name for name, tensor in body.items() if name not in state or state[name].shape != tensor.shape]
    if lost:
        raise BadInput(
            f"weights: {Path(path).name!r} lacks {len(lost)} of the backbone's {len(body)} tensors or has them in "
            f"another shape, first {lost[0]!r}; is it another model's file, or one for another image size?"
        )
    network.load_state_dict({name: state[name] for name in body}, strict=False)
