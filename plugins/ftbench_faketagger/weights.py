"""Backbone weights out of a user's own file, tensors only."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from ftbench.contract.tensorfile import read_tensors
from ftbench.errors import BadInput


def load_weights(network: nn.Module, path: str) -> None:
    """Load what fits by name into ``network``; raise BadInput when nothing or too little does.

    A classifier's head has no place in a feature network, so left-over keys of the file are allowed;
    missing ones are not.
    """
    result = network.load_state_dict(_fitting(network, read_tensors(path)), strict=False)
    if result.missing_keys:
        raise BadInput(
            f"weights: {Path(path).name!r} lacks {len(result.missing_keys)} tensors of this backbone, "
            f"first {result.missing_keys[0]!r}; is it another model's file?"
        )


def _fitting(network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    # Feature networks of timm keep the model's own names, some flattened with underscores.
    wanted = network.state_dict()
    return {
        name: state[source]
        for name in wanted
        for source in (name, name.replace("_", ".", 1))
        if source in state and state[source].shape == wanted[name].shape
    }
