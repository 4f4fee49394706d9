"""Every random number of a run hangs on names, never on what was drawn before it.

So a resumed training draws what an uninterrupted one would, and two methods are tested with the same payloads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

PURPOSES: Mapping[str, str] = {
    "pair weights": "initialisation of a pair",
    "weights": "initialisation of what is fitted",
    "train": "a training step: which covers, their augmentation, codes, distortions and their noise",
    "fit": "a step of a fit: which covers, their augmentation, what the simulator's own loss draws",
    "code": "a step of a code's fit: payloads and flips",
    "again": "codes of a second mark",
    "donor": "pictures of somebody else",
    "simulator": "which simulators a step meets; in tests what a simulator draws",
    "layers": "layers that draw, such as dropout",
    "fit-val": "a look at val of a fit",
    "code-val": "a look at val of a code's fit",
    "donor-val": "pictures of somebody else in a look at val",
    "simulator-val": "what a simulator draws in a look at val",
    "payload": "payloads of tests, with each image's content",
    "nonce": "what a randomised code draws in tests and looks at val",
    "averaged": "pictures that an attacker averages over",
    "known": "pictures before and after marking that an attacker studies, their payloads, and what is drawn for it",
    "distortion": "noise of a distortion in tests",
    "metric": "what a metric draws",
    "process": "Python's and numpy's own numbers, which parts may draw from",
}
"""What is drawn for, by the name that stands among those of its seed, in ``ftbench`` itself."""


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
