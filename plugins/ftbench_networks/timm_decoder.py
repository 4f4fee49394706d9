"""Any timm classifier as a reader: its classes are the bits of the code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn

from ftbench.errors import BadInput, nearest
from ftbench_networks.weights import load_body

TIMM_LOADS = {"cache_dir", "checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay"}
"""Options by which timm would load files past the weights parameter and its digest."""
OURS = {"num_classes", "in_chans", "features_only"}
"""Options that follow from what a decoder is."""


class TimmDecoder(nn.Module):
    """``image (b,3,s,s) in [0,1] -> logits (b,n)``, normalised as the classifier was made for.

    Args:
        size: side of the image in pixels.
        bits: n, length of the code.
        backbone: a timm classifier. One that is built for a fixed image size is built for ``size``.
        backbone_options: handed to timm, e.g. ``channels`` for a thinner ResNet.
        weights: a file of its weights, whose head is left out; empty: random initialisation.

    Raises:
        BadInput: timm has no such classifier, or the file does not fit.
    """

    def __init__(
        self, *, size: int, bits: int, backbone: str, backbone_options: Mapping[str, Any], weights: str
    ) -> None:
        super().__init__()
        refused = _refused(backbone, backbone_options)
        if refused:
            raise BadInput(refused)
        self.classifier = _build(size, bits, backbone, backbone_options)
        config = cast(Any, self.classifier).pretrained_cfg
        if weights:
            head = config["classifier"]
            load_body(self.classifier, weights, (head,) if isinstance(head, str) else tuple(head))
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(config["mean"]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config["std"]).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Read the logits of the code."""
        return cast(Tensor, self.classifier((image - self.mean) / self.std)).float()


def object_to_timm(*, size: int, bits: int, backbone: str, backbone_options: Mapping[str, Any], **_: Any) -> str | None:
    """Why timm cannot build this classifier for this size, or None."""
    refused = _refused(backbone, backbone_options)
    if refused:
        return refused
    try:
        network, logits = _tried(size, bits, backbone, backbone_options)
    # What timm's hundreds of models raise for options and sizes that they do not take is of every type.
    except Exception as error:
        return f"timm cannot read images of {size} px with {backbone!r} and these options: {_first_line(error)}"
    if tuple(logits.shape) != (1, bits):
        return f"timm's {backbone!r} gives outputs of shape {tuple(logits.shape)} for one image, not {bits} logits"
    stride = max((stage["reduction"] for stage in getattr(network, "feature_info", [])), default=1)
    if size < stride:
        return f"backbone {backbone!r} halves the image down to 1/{stride} and needs {stride} px or more, not {size}"
    return None


def _refused(backbone: str, options: Mapping[str, Any]) -> str | None:
    unsafe = sorted(set(options) & TIMM_LOADS)
    if unsafe:
        return f"backbone_options must not hold {', '.join(unsafe)}; give a file of weights as weights: FILE"
    ours = sorted(set(options) & OURS)
    if ours:
        return f"backbone_options must not hold {', '.join(ours)}, which follow from images and code"
    # Other names than listed ones would be looked up on a server.
    names = timm.list_models()
    if backbone in names:
        return None
    near = ", ".join(nearest(backbone, names)) or "see timm.list_models()"
    return f"timm has no backbone {backbone!r}; nearest: {near}"


def _build(size: int, bits: int, backbone: str, options: Mapping[str, Any]) -> nn.Module:
    # timm takes tuples where YAML gives lists.
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    config = timm.get_pretrained_cfg(backbone)
    if config is not None and config.fixed_input_size:
        given.setdefault("img_size", size)
    network: nn.Module = timm.create_model(backbone, pretrained=False, num_classes=bits, in_chans=3, **given)
    return network


def _tried(size: int, bits: int, backbone: str, options: Mapping[str, Any]) -> tuple[nn.Module, Tensor]:
    """The classifier and what it gives for one image, without memory where the model can be built so."""
    for device in ("meta", "cpu"):
        try:
            # Planning must not move anybody's random numbers.
            with torch.random.fork_rng(devices=[]), torch.device(device), torch.no_grad():
                network = _build(size, bits, backbone, options).eval()
                return network, cast(Tensor, network(torch.zeros(1, 3, size, size)))
        except Exception:
            if device == "cpu":
                raise
    raise AssertionError("unreachable")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
