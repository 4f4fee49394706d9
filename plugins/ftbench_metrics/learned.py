"""LPIPS: how far apart a network's features of two images are, weighed by what people said of pictures."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ftbench_metrics.window import require_same_shape

Backbone = Literal["alex", "vgg", "squeeze"]
AT_ONCE = 2**20
"""Pixels of images that go through the network at a time."""


class Lpips(nn.Module):
    """LPIPS 0.1 of the ``lpips`` package, whose calibration comes with it; ``weights`` are those of the backbone."""

    def __init__(self, weights: str, net: Backbone = "alex") -> None:
        super().__init__()
        package: Any = importlib.import_module("lpips")

        with warnings.catch_warnings():
            # It calls torchvision by names of old, and says on standard output what it does unless told not to.
            warnings.simplefilter("ignore")
            self.network = package.LPIPS(net=net, pnet_rand=True, verbose=False)
        _fill(self.network.net, _read(Path(weights)), weights)
        self.eval().requires_grad_(False)

    def forward(self, reference: Tensor, image: Tensor) -> Tensor:
        """(b,), 0 for identical images.

        Raises ValueError when the shapes differ.
        """
        require_same_shape(reference, image)
        some = max(1, AT_ONCE // (image.shape[-2] * image.shape[-1]))
        pairs = zip(reference.split(some), image.split(some), strict=True)
        found = [self.network(first.float(), second.float(), normalize=True).flatten() for first, second in pairs]
        return torch.cat(found)


def _read(file: Path) -> Mapping[str, Any]:
    """The tensors of a file of torchvision's names; a ``.pth`` is read without running anything that it says."""
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        held: Any = torch.load(os.fspath(file), map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{file.name} cannot be read as weights ({reason}); name torchvision's file") from error
    if not isinstance(held, Mapping):
        raise ValueError(f"{file.name} holds a {type(held).__name__} and no tensors by name; name torchvision's file")
    return held


def _fill(backbone: nn.Module, held: Mapping[str, Any], name: str) -> None:
    # The package cuts the features into slices, and keeps the numbers that they have in torchvision.
    wanted = {own: f"features.{own.split('.', 1)[1]}" for own in backbone.state_dict()}
    for own, theirs in wanted.items():
        shape = tuple(backbone.state_dict()[own].shape)
        given = held.get(theirs)
        if not isinstance(given, Tensor) or tuple(given.shape) != shape:
            what = "nothing" if given is None else f"{tuple(getattr(given, 'shape', ()))}"
            raise ValueError(
                f"{Path(name).name} has {what} where {theirs} of shape {shape} was due; name the file of that "
                "network's ImageNet weights, or another net"
            )
    backbone.load_state_dict({own: held[theirs] for own, theirs in wanted.items()})
