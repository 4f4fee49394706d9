"""Every random number of a run hangs on names, never on what was drawn before it.

So a resumed training draws what an uninterrupted one would, and two methods are tested with the same payloads.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(*names: object) -> int:
    """A seed in [0, 2**63) out of names, such as ``derive(seed, "train", step)``."""
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*names: object) -> torch.Generator:
    """A generator on the CPU, seeded by names."""
    import torch

    return torch.Generator().manual_seed(derive(*names))


def payload(key: str, seed: int, draw: int, bits: int) -> np.ndarray:
    """The payload of one image and draw: ``bits`` values of {0, 1}, uint8, uniform and independent.

    Drawn from the image's content, so that it stays when other images come, go or are renamed; and one an
    image, because only then is a count of matching bits binomial for any decoder (exact false-positive rates).
    """
    stream = hashlib.shake_128(f"payload\x1f{seed}\x1f{draw}\x1f{key}".encode()).digest((bits + 7) // 8)
    return np.unpackbits(np.frombuffer(stream, dtype=np.uint8))[:bits]
