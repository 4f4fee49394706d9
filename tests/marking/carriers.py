"""A pair that needs no training, and cells of a store made by hand: for the tests of marking."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

import ftbench
from ftbench.parts.catalogue import Plugins, Provided
from ftbench.pipeline.stages import Pair
from ftbench.plan.part import ResolvedPart
from ftbench.runner.build import build
from ftbench.storage.store import CellFolder, Store

SIZE = 32


class Carrier(nn.Module):
    """n cosines of middling frequency, unit vectors of the picture's mean over colours."""

    def __init__(self, *, size: int, bits: int) -> None:
        super().__init__()
        place = (torch.arange(size) + 0.5) * math.pi / size
        waves = [(u, total - u) for total in range(5, 12) for u in range(1, total)][:bits]
        flat = [torch.outer((u * place).cos(), (v * place).cos()).flatten() for u, v in waves]
        self.patterns: Tensor
        self.register_buffer("patterns", torch.stack([wave / wave.norm() for wave in flat]))

    def heard(self, image: Tensor) -> Tensor:
        """(b, n): how much of each cosine an image holds."""
        return image.mean(1).flatten(1) @ self.patterns.T


class CarrierEncoder(Carrier):
    """Sets each cosine's share of the picture to +1 or −1, whatever it was."""

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        wanted = 2 * code - 1 - self.heard(cover)
        change = (wanted @ self.patterns).view(-1, 1, *cover.shape[-2:])
        return (cover + change).clamp(0, 1)


class CarrierDecoder(Carrier):
    def forward(self, image: Tensor) -> Tensor:
        return self.heard(image)


class Spread(nn.Module):
    """n random patterns without coarse shapes, orthonormal: a part of each tells its sign, whatever the picture is."""

    def __init__(self, *, size: int, bits: int) -> None:
        super().__init__()
        noise = torch.randn(1, bits, 16, 16, generator=torch.Generator().manual_seed(5))
        fine = nn.functional.interpolate(noise, (size, size), mode="bicubic")
        fine = (fine - nn.functional.avg_pool2d(fine, 7, 1, 3, count_include_pad=False)).flatten(2)[0]
        self.patterns: Tensor
        self.register_buffer("patterns", torch.linalg.qr(fine.T)[0].T.contiguous())


class SpreadEncoder(Spread):
    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        change = ((2 * code - 1) @ self.patterns).view(-1, 1, *cover.shape[-2:])
        return (cover + change).clamp(0, 1)


class SpreadDecoder(Spread):
    """Sure of what it reads where all patterns are there, as a trained network is; and nowhere else."""

    def forward(self, image: Tensor) -> Tensor:
        grey = image.mean(1, keepdim=True)
        fine = (grey - nn.functional.avg_pool2d(grey, 7, 1, 3, count_include_pad=False)).flatten(1)
        return 60 * nn.functional.normalize(fine.clamp(-0.15, 0.15)) @ self.patterns.T


class Flipper(nn.Module):
    """A learned code of sorts: it inverts the bits that its weights are negative for."""

    def __init__(self, *, bits: int) -> None:
        super().__init__()
        self.sign = nn.Parameter(torch.ones(bits))

    def encode(self, payload: Tensor) -> Tensor:
        return ((2 * payload - 1) * self.sign.sign() > 0).float()

    def decode(self, logits: Tensor) -> Tensor:
        return (logits * self.sign.sign() > 0).float()


class FileParameters(ftbench.Parameters):
    weights: ftbench.InputPath = ""


def plugins_with(real: Plugins) -> Plugins:
    """The installed parts, and those of this file."""
    here = __name__
    records: list[Any] = [
        ftbench.Encoder(name="carrier", factory=f"{here}:CarrierEncoder", summary="cosines"),
        ftbench.Decoder(name="carrier", factory=f"{here}:CarrierDecoder", summary="cosines"),
        ftbench.Encoder(name="spread", factory=f"{here}:SpreadEncoder", summary="soft patterns"),
        ftbench.Decoder(name="spread", factory=f"{here}:SpreadDecoder", summary="soft patterns"),
        ftbench.Codec(
            name="flipper", factory=f"{here}:Flipper", summary="inverts", length=lambda k, _: k, trainable=True
        ),
    ]
    mine = [Provided(record, "carriers", "carriers", "1.0", "") for record in records]
    return Plugins(real.manager, (*real.parts, *mine), ())


def chosen(plugins: Plugins, kind: Any, name: str, **parameters: Any) -> ResolvedPart:
    provided = plugins.find(kind, name)
    return ResolvedPart(provided, provided.record.parameters.model_validate(parameters))


def write_cell(
    store: Path,
    parts: dict[str, ResolvedPart],
    *,
    bits: int,
    code_bits: int | None = None,
    label: str = "λ=1 α=0.1",
    identity: str = "a1" * 32,
    target_psnr: float | None = None,
    inputs: tuple[str, ...] = (),
    status: str = "done",
) -> CellFolder:
    """A trained cell as a run leaves it, with the weights that its parts are born with."""
    folder = Store(store).cell("train", identity)
    folder.path.mkdir(parents=True)
    code_bits = code_bits or bits
    settings = {
        **{kind: part.key for kind, part in parts.items()},
        "size": SIZE,
        "bits": bits,
        "code_bits": code_bits,
        "loss": {"message": 1.0, "image": None, "target_psnr": target_psnr},
        "seed": 0,
    }
    folder.begin({"kind": "train", "label": label, "identity": identity, "inputs": list(inputs), "settings": settings})
    sides = {"size": SIZE, "bits": code_bits}
    pair = Pair(build(parts["encoder"], **sides), build(parts["decoder"], **sides))
    save_file(pair.state_dict(), folder.file("weights.safetensors"))
    folder.finish({"status": status, "label": label})
    return folder


def write_manifest(folder: Path, cells: list[CellFolder]) -> None:
    """A results folder that lists trained cells."""
    folder.mkdir(parents=True, exist_ok=True)
    held = [json.loads(cell.file("cell.json").read_text(encoding="utf-8")) for cell in cells]
    listed = [{"kind": "train", "label": one["label"], "identity": one["identity"], "inputs": []} for one in held]
    fitted = {"kind": "fit", "label": "fit faceswap", "identity": "f" * 64, "inputs": []}
    manifest = {"format": 1, "benchmark": "tiny", "scale": "small", "cells": [fitted, *listed]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def photograph(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Something like a photograph: soft colours with edges and a little grain, (h, w, 3) uint8."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    image = np.zeros((height, width, 3))
    for channel in range(3):
        a, b, c = draw.uniform(0.5, 3, 3)
        image[..., channel] = 128 + 50 * np.sin(a * 6 * x / width + c) + 30 * np.cos(b * 6 * y / height)
    image[(x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(height, width) / 4) ** 2] += 30
    noisy = image + draw.normal(0, 3, image.shape)
    return noisy.clip(0, 255).astype(np.uint8)
