"""The weights that a finished cell keeps, and those that a training begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ftbench.errors import CellFailed, FailsAgain

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ftbench.plan.cells import Start
    from ftbench.storage.store import CellFolder

WEIGHTS = "weights.safetensors"


def load_weights(folder: CellFolder, network: nn.Module) -> None:
    """Fill ``network`` with the kept weights of a finished cell; raises Damaged when they are not what was kept."""
    from safetensors.torch import load

    folder.load(WEIGHTS, lambda content: network.load_state_dict(load(content)))


def begin_with(start: Start, network: nn.Module) -> None:
    """Fill ``network`` with the weights of a file. Raises CellFailed where they are gone, others, or do not fit."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        content = start.file.read_bytes()
        if hashlib.sha256(content).hexdigest() != start.digest:
            raise CellFailed(f"the weights {start.file} changed since they were planned with; run the command again")
        held = full(load(content))
    except OSError as error:
        raise CellFailed(f"the weights {start.file} cannot be read: {error.strerror or error}") from error
    except (SafetensorError, ValueError) as error:
        raise FailsAgain(f"{start.file} is no file of weights ({error})") from error
    if fault := fault_of(network, held):
        raise FailsAgain(f"{start.file} does not fit this pair: {fault}; name weights of the same parts and sizes")
    network.load_state_dict(held)


def full(held: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights in 32 bits, of those that were kept in 16."""
    return {name: one.float() if one.is_floating_point() else one for name, one in held.items()}


def fault_of(network: nn.Module, held: Mapping[str, Tensor]) -> str | None:
    """The first thing for which tensors are not the weights of a network, all of them and no others."""
    return next(_faults(network.state_dict(), held), None)


def _faults(wanted: Mapping[str, Tensor], held: Mapping[str, Tensor]) -> Iterator[str]:
    for name, tensor in wanted.items():
        if name not in held:
            yield f"{name} is missing"
        elif tensor.shape != held[name].shape:
            yield f"{name} has shape {tuple(held[name].shape)} and {tuple(tensor.shape)} is needed"
        elif not bool(held[name].isfinite().all()):
            yield f"{name} holds values that are no numbers"
    for name in held.keys() - wanted.keys():
        yield f"{name} is no weight of it"
