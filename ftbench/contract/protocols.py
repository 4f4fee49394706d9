"""What the objects behind the records must do.

Shapes are written ``b`` images, ``k`` payload bits, ``n`` code bits, ``h``×``w`` pixels. Images are float tensors
(b, 3, h, w), RGB, in [0, 1]; bits are float tensors of {0, 1}; logits are real, positive for 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor


Split = Literal["train", "val", "test"]


# What the factories' objects must do. Networks are torch.nn.Module; the rest may be any callable object.


class EncoderNetwork(Protocol):
    """``(cover (b,3,h,w) in [0,1], code (b,n) of {0,1}) -> marked image (b,3,h,w)``."""

    def __call__(self, cover: Tensor, code: Tensor, /) -> Tensor: ...


class DecoderNetwork(Protocol):
    """``image (b,3,h,w) -> logits (b,n)``."""

    def __call__(self, image: Tensor, /) -> Tensor: ...


class SimulatorNetwork(Protocol):
    """``(image (b,3,h,w), the inputs named in ``needs``) -> fake (b,3,h,w)``."""

    def __call__(self, image: Tensor, inputs: Mapping[str, Tensor], /) -> Tensor: ...


class FittableSimulator(SimulatorNetwork, Protocol):
    """A simulator that the harness fits on the train split."""

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Scalar loss on a batch; every random draw comes from ``generator``, which lives on the CPU."""
        ...


class StudyingSimulator(SimulatorNetwork, Protocol):
    """An attack that learns from pictures before and after marking: its record needs ``known``."""

    def study(self, *, marked: Tensor, covers: Tensor, generator: torch.Generator) -> None:
        """Take what there is to know from marked images and their covers, both (m,3,h,w) in [0, 1].

        Called once, before the tests; until then the attack leaves images alone. Every draw comes from ``generator``,
        which lives on the CPU, or from torch's global one, which is seeded.
        """
        ...


class DistortionFunction(Protocol):
    """``(image (b,3,h,w), generator on the CPU) -> image of the same shape, in [0,1]``."""

    def __call__(self, image: Tensor, generator: torch.Generator, /) -> Tensor: ...


class ChannelCode(Protocol):
    """Message generator and message decoder."""

    def encode(self, payload: Tensor) -> Tensor:
        """Payload (b, k) of {0,1} -> code (b, n) of {0,1}."""
        ...

    def decode(self, logits: Tensor) -> Tensor:
        """Read logits (b, n) -> payload (b, k) of {0,1}."""
        ...


class RandomisedCode(ChannelCode, Protocol):
    """A code that writes a payload in many ways."""

    def encode(self, payload: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Payload (b, k) of {0,1} -> code (b, n) of {0,1}; every draw comes from ``generator`` (CPU).

        None: from a source that nobody can foresee.
        """
        ...


class FittableCode(ChannelCode, Protocol):
    """A code that is learned: a torch.nn.Module, used in ``eval()`` once it is fitted."""

    def fit_loss(self, batch_size: int, generator: torch.Generator) -> Tensor:
        """Scalar loss of ``batch_size`` payloads over a noisy channel; every draw comes from ``generator`` (CPU)."""
        ...


class QualityMeasure(Protocol):
    """``(reference, image), both 8-bit values as float (b,3,h,w) in [0,1] -> (b,)``."""

    def __call__(self, reference: Tensor, image: Tensor, /) -> Tensor: ...


@dataclass(frozen=True)
class Item:
    """One image of a data set."""

    key: str
    """Digest of the image's content: payloads and splits hang on it, never on a file name."""
    name: str
    """What a reader knows it by, relative to the data set."""
    identity: str
    """Who is shown."""
    split: Split


class ImageSource(Protocol):
    """A data set, opened."""

    name: str
    items: Sequence[Item]
    set_aside: Sequence[tuple[str, str]]
    """(name, reason) of each image that could not be used."""
    notes: Sequence[str]
    """Sentences that belong in the manifest, such as how it was split."""

    def load(self, item: Item, size: int) -> np.ndarray:
        """Upright RGB, uint8 (size, size, 3)."""
        ...
