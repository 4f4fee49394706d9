"""Tensors out of a user's own file, for parts that start from weights; nothing is ever unpickled."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ftbench.errors import BadInput


def read_tensors(path: str, key: str = "weights") -> dict[str, Tensor]:
    """The tensors by name in a ``.safetensors`` file, or in one that torch saved (``.pth``), on the CPU.

    Raises BadInput, beginning with the parameter ``key`` that named the file, when it is not there or holds anything
    but tensors.
    """
    file = Path(path)
    if not file.is_file():
        raise BadInput(f"{key}: there is no file {file.name!r}; give a .safetensors or .pth file")
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(file)
        state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BadInput(f"{key}: {file.name!r} cannot be read as a file of tensors: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BadInput(f"{key}: {file.name!r} holds more than tensors by name; save a state_dict alone")
    return state
