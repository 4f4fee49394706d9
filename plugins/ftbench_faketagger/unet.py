"""The image encoder: a U-Net on a timm backbone that writes the code at each of its five scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench.errors import nearest
from ftbench_faketagger.weights import load_weights

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
UP_CHANNELS = (512, 256, 256, 128)
"""The re-implementation's up path, from the coarsest scale to the finest."""

TIMM_LOADS = {"cache_dir", "checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay"}
"""Options by which timm would load files past the weights parameter and its digest."""
RESIDUAL_GAIN = 0.5
"""Factor on torch's default weights where the residual leaves."""


class UNet(nn.Module):
    """``(cover (b,3,s,s) in [0,1], code (b,n) of {0,1}) -> marked image (b,3,s,s) in [0,1]``.

    The backbone's feature maps are its skips. At every scale the code, as constant planes of ±1, is joined
    to the skip and folded back to the skip's width by a 1×1 convolution. The up path doubles the size
    bilinearly, joins the skip and convolves; a last stage at full size joins a branch of the cover itself.

    Args:
        size: side of the image in pixels, a multiple of the backbone's stride.
        bits: n, length of the code.
        backbone: any timm model that gives feature maps.
        backbone_options: handed to timm as they are, e.g. ``channels`` for a thinner ResNet.
        weights: a file of backbone weights; empty: random initialisation.
        up_width: factor on the channels of the up path.
        stem_channels: channels of the full-size branch.
        residual: the largest change of a pixel, in [0, 1]; 0 lets the network paint the whole image.
        code_maps: planes that a linear layer makes of the code at each scale, beside its constant ones, and at full
            size, where there are none otherwise: they tell one place of the image from another at once, and put
            detail into the mark that enlarged planes cannot.
    """

    def __init__(
        self,
        *,
        size: int,
        bits: int,
        backbone: str,
        backbone_options: Mapping[str, Any],
        weights: str,
        up_width: float,
        stem_channels: int,
        residual: float,
        code_maps: int = 0,
    ) -> None:
        super().__init__()
        self.size, self.residual = size, residual
        planes = bits + code_maps
        self.backbone = _feature_network(backbone, backbone_options)
        if weights:
            load_weights(self.backbone, weights)
        info = cast(Any, self.backbone).feature_info
        skips: Sequence[int] = info.channels()
        sides = [*(size // reduction for reduction in info.reduction()), size] if code_maps else []
        self.maps = nn.ModuleList(
            nn.Sequential(nn.Linear(bits, code_maps * side**2), nn.Unflatten(1, (code_maps, side, side)))
            for side in sides
        )
        self.write = nn.ModuleList(
            nn.Sequential(nn.Conv2d(skip + planes, skip, 1), nn.ReLU(inplace=True)) for skip in skips
        )
        self.up = nn.ModuleList()
        below = skips[-1]
        for index, skip in enumerate(reversed(skips[:-1])):
            wide = max(8, round(UP_CHANNELS[min(index, len(UP_CHANNELS) - 1)] * up_width))
            self.up.append(nn.Sequential(nn.Conv2d(below + skip, wide, 3, padding=1), nn.ReLU(inplace=True)))
            below = wide
        self.full = nn.Sequential(
            nn.Conv2d(3, stem_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(stem_channels, stem_channels, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        joined = below + stem_channels + code_maps
        self.last = nn.Sequential(nn.Conv2d(joined, stem_channels, 3, padding=1), nn.ReLU(inplace=True))
        self.to_rgb = nn.Conv2d(stem_channels, 3, 1)
        with torch.no_grad():
            self.to_rgb.weight *= RESIDUAL_GAIN
            cast(Tensor, self.to_rgb.bias).zero_()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        """Write ``code`` into ``cover``."""
        centred = (cover - self.mean) / self.std
        signs = (2 * code - 1).to(cover.dtype)
        skips = [
            write(torch.cat([skip, *self._planes(signs, scale, skip)], dim=1))
            for scale, (write, skip) in enumerate(zip(self.write, self.backbone(centred), strict=True))
        ]
        x = skips[-1]
        for up, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = up(torch.cat([_enlarge(x, skip), skip], dim=1))
        full = self.full(centred)
        own = [self.maps[-1](signs)] if self.maps else []
        painted = self.to_rgb(self.last(torch.cat([_enlarge(x, full), full, *own], dim=1))).float()
        if self.residual:
            return (cover + self.residual * torch.tanh(painted)).clamp(0, 1)
        return torch.sigmoid(painted)

    def _planes(self, signs: Tensor, scale: int, skip: Tensor) -> list[Tensor]:
        constant = signs[:, :, None, None].expand(-1, -1, *skip.shape[-2:])
        return [constant, self.maps[scale](signs)] if self.maps else [constant]


def object_to_unet(*, size: int, backbone: str, backbone_options: Mapping[str, Any], **_: Any) -> str | None:
    """Why this backbone cannot take this size, or None."""
    unsafe = sorted(set(backbone_options) & TIMM_LOADS)
    if unsafe:
        return f"backbone_options must not hold {', '.join(unsafe)}; give a file of weights as weights: FILE"
    names = timm.list_models()
    if backbone not in names:
        near = ", ".join(nearest(backbone, names)) or "see timm.list_models()"
        return f"timm has no backbone {backbone!r}; nearest: {near}"
    try:
        with torch.device("meta"):
            info = cast(Any, _feature_network(backbone, backbone_options)).feature_info
    except (RuntimeError, TypeError, ValueError, AssertionError, AttributeError) as error:
        return f"timm cannot build backbone {backbone!r} for feature maps: {error}"
    stride = max(info.reduction())
    if size % stride:
        return (
            f"backbone {backbone!r} halves the image down to 1/{stride}, so the size must be a multiple of "
            f"{stride}, not {size}"
        )
    return None


def _feature_network(backbone: str, options: Mapping[str, Any]) -> nn.Module:
    # timm takes tuples where YAML gives lists.
    tuples: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    network: nn.Module = timm.create_model(backbone, features_only=True, pretrained=False, **tuples)
    return network


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
