"""Small parts of each kind but simulators, some sound and many that break one promise; and parameters."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import ftbench
from ftbench.contract.protocols import Item


class Nothing(ftbench.Parameters):
    pass


class Strength(ftbench.Parameters):
    strength: float = 0.5


class TakesAll(ftbench.Parameters):
    model_config = {**ftbench.Parameters.model_config, "extra": "ignore"}  # noqa: RUF012


class Unwritable(ftbench.Parameters):
    corner: tuple[int, int] = (0, 0)


class NotJson(ftbench.Parameters):
    strength: float = float("nan")


# Encoders and decoders.


class Adds(nn.Module):
    """Sound."""

    def __init__(self, *, size: int, bits: int) -> None:
        super().__init__()
        self.carriers = nn.Parameter(0.01 * torch.randn(bits, 3, size, size))

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        return cover + torch.einsum("bn,nchw->bchw", 2 * code - 1, self.carriers)


class Ignores(Adds):
    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        return cover * 0.99


class Correlates(nn.Module):
    """Sound."""

    def __init__(self, *, size: int, bits: int) -> None:
        super().__init__()
        self.read = nn.Linear(3 * size * size, bits)

    def forward(self, image: Tensor) -> Tensor:
        return self.read(image.flatten(1))


class OneLess(Correlates):
    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image)[:, 1:]


class DeadUntrained(Correlates):
    """Sound: with the statistics of an unfitted layer all is below the last threshold, in training it is not."""

    def __init__(self, *, size: int, bits: int) -> None:
        super().__init__(size=size, bits=bits)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, image: Tensor) -> Tensor:
        return super().forward((self.norm(image) if self.training else self.norm(image) - 2).relu())


class LeftMemory(Correlates):
    """Asks for one memory layout, which the harness does not give."""

    def forward(self, image: Tensor) -> Tensor:
        return self.read(image.to(memory_format=torch.channels_last).view(len(image), -1))


def plain_function(*, size: int, bits: int) -> Any:
    return lambda image: image.mean((2, 3)).repeat(1, bits)[:, :bits]


def object_to_bits(*, size: int, bits: int) -> str | None:
    return None if bits == 16 else f"it takes 16 bits, not {bits}"


# Distortions.


class Noise:
    """Sound."""

    def __init__(self, *, strength: float = 0.05) -> None:
        self.strength = strength

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        return (image + self.strength * torch.randn(image.shape, generator=generator).to(image)).clamp(0, 1)


class Careless(Noise):
    """Sound, and takes what its parameters hold without a look."""

    def __init__(self, *, corner: Any = None, strength: Any = None) -> None:
        super().__init__()


class OwnNoise(Noise):
    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        own = torch.Generator()
        own.seed()
        return super().__call__(image, own)


class GlobalNoise(Noise):
    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        return (image + 0.05 * torch.randn(image.shape).to(image)).clamp(0, 1)


class SquareOnly(Noise):
    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        return image.transpose(2, 3).rot90(1, (2, 3)) if image.shape[2] == image.shape[3] else image.transpose(2, 3)


# Codes.


class Parity:
    """Sound: the payload and its complement."""

    def __init__(self, *, bits: int) -> None:
        self.bits = bits

    def encode(self, payload: Tensor) -> Tensor:
        return torch.cat([payload, 1 - payload], 1)

    def decode(self, logits: Tensor) -> Tensor:
        return (logits[:, : self.bits] > logits[:, self.bits :]).float()


class Signed(Parity):
    def encode(self, payload: Tensor) -> Tensor:
        return 2 * super().encode(payload) - 1


class Wrong(Parity):
    def decode(self, logits: Tensor) -> Tensor:
        return 1 - super().decode(logits)


class Longer(Parity):
    def encode(self, payload: Tensor) -> Tensor:
        return torch.cat([super().encode(payload), payload[:, :1]], 1)


def twice(bits: int, parameters: Any) -> int:
    return 2 * bits


def no_length(bits: int, parameters: Any) -> Any:
    return float(2 * bits)


# Data sets.


class Stripes:
    """Sound."""

    name = "stripes"
    set_aside: tuple[tuple[str, str], ...] = ()
    notes = ("Drawn.",)

    def __init__(self) -> None:
        splits: Any = itertools.cycle(["train", "val", "test"])
        self.items = tuple(Item(f"key{i}", f"stripe {i}", "nobody", next(splits)) for i in range(9))

    def load(self, item: Item, size: int) -> np.ndarray:
        return np.full((size, size, 3), 20 * int(item.key[3:]), np.uint8)


class OneKey(Stripes):
    def __init__(self) -> None:
        self.items = tuple(Item("key1", f"stripe {i}", "nobody", "train") for i in range(9))


class OddSplit(Stripes):
    def __init__(self) -> None:
        self.items = (Item("key1", "stripe", "nobody", "dev"),)  # type: ignore[arg-type]


class Floats(Stripes):
    def load(self, item: Item, size: int) -> np.ndarray:
        return np.full((size, size, 3), 0.5, np.float32)


class Flickers(Stripes):
    def load(self, item: Item, size: int) -> np.ndarray:
        return np.full((size, size, 3), next(COUNTER) % 256, np.uint8)


class Shuffled(Stripes):
    def __init__(self) -> None:
        super().__init__()
        start = next(COUNTER) % 9
        self.items = self.items[start:] + self.items[:start]


# Metrics.


class Error:
    """Sound: mean absolute error, so lower is better."""

    def __call__(self, reference: Tensor, image: Tensor) -> Tensor:
        return (reference - image).abs().mean((1, 2, 3))


class OneNumber(Error):
    def __call__(self, reference: Tensor, image: Tensor) -> Tensor:
        return super().__call__(reference, image).mean()


COUNTER = itertools.count()
