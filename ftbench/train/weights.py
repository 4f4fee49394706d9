"""The weights that a finished cell keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from ftbench.storage.store import CellFolder

WEIGHTS = "weights.safetensors"


def load_weights(folder: CellFolder, network: nn.Module) -> None:
    """Fill ``network`` with the kept weights of a finished cell; raises Damaged when they are not what was kept."""
    from safetensors.torch import load

    folder.load(WEIGHTS, lambda content: network.load_state_dict(load(content)))
