"""Rows as they are found: what is read from damaged images, several conditions in one call, and what is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ftbench.contract.protocols import ChannelCode
from ftbench.pipeline.stages import DistortionStage, Pair

AT_ONCE = {"cuda": 3 * 2**22}
"""Values of damaged images that are read in one call; on a processor a batch is enough to fill it."""


@dataclass(frozen=True)
class GridDistortion:
    """A distortion of the evaluation, with what its rows say of it."""

    label: str
    category: str
    strength: float | None
    damage: DistortionStage
    plain: bool
    """The one without any distortion: where the unmarked control is read."""


class Columns:
    """Columns that grow batch by batch: text, and numbers that may lie on a device still."""

    def __init__(self) -> None:
        self.parts: dict[str, list[list[Any] | Tensor]] = {}

    def add(self, about: Mapping[str, list[Any]], **values: Any) -> None:
        """``about`` has an entry a row; so has a tensor among ``values``, and any other value stands for all rows."""
        count = len(about["image"])
        for name, value in {**about, **values}.items():
            whole = value if isinstance(value, (list, Tensor)) else [value] * count
            self.parts.setdefault(name, []).append(whole)

    def fetch(self) -> None:
        """Bring what a device holds: once a batch, since each look waits for all that was asked of it."""
        for parts in self.parts.values():
            parts[:] = [part.cpu() if isinstance(part, Tensor) else part for part in parts]

    def taken(self, name: str) -> np.ndarray:
        """A column of several values a row, out of the frame; ``fetch`` comes before."""
        found: np.ndarray = _joined(self.parts.pop(name))
        return found

    def frame(self) -> pd.DataFrame:
        """All rows; ``fetch`` comes before."""
        return pd.DataFrame({name: _joined(parts) for name, parts in self.parts.items()})


@dataclass
class Readings:
    """Reads what some images carry, after this and that, into ``rows``.

    ``code`` (b,n) and ``payloads`` (b,k) are what each of them carries. The order of the rows is that of the images
    that were added, however many are read at a time.
    """

    pair: Pair
    codec: ChannelCode
    rows: Columns
    about: Mapping[str, list[Any]]
    code: Tensor
    payloads: Tensor
    waiting: list[tuple[str, GridDistortion, Tensor]] = field(default_factory=list)

    def add(self, view: str, condition: GridDistortion, damaged: Tensor) -> None:
        """Damaged images (b,3,h,w), to be read with others that wait, or now."""
        self.waiting.append((view, condition, damaged))
        if (len(self.waiting) + 1) * damaged.numel() > AT_ONCE.get(damaged.device.type, 0):
            self.finish()

    def finish(self) -> None:
        """Read what still waits."""
        if not self.waiting:
            return
        count = len(self.waiting)
        images = [image for *_, image in self.waiting]
        logits = self.pair.read(torch.cat(images) if count > 1 else images[0])
        code_errors = ((logits > 0) != (self.code > 0).repeat(count, 1)).sum(dim=1)
        payload_errors = (self.codec.decode(logits.cpu()) != self.payloads.repeat(count, 1)).sum(dim=1)
        of_each = (values.chunk(count) for values in (code_errors, payload_errors, logits))
        for (view, condition, _), of_code, of_payload, read in zip(self.waiting, *of_each, strict=True):
            self.rows.add(
                self.about,
                simulator=view,
                distortion=condition.label,
                category=condition.category,
                strength=np.nan if condition.strength is None else condition.strength,
                code_errors=of_code,
                payload_errors=of_payload,
                logits=read,
            )
        self.waiting.clear()


def _joined(parts: Sequence[list[Any] | Tensor]) -> Any:
    if isinstance(parts[0], Tensor):
        return np.concatenate([part.numpy() for part in parts if isinstance(part, Tensor)])
    return [entry for part in parts if isinstance(part, list) for entry in part]
