"""Distortions one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ftbench.pipeline.stages import straight_through
from ftbench_distortions.records import SINGLE


class Chain:
    """Applies every step to what the one before it left, with no rounding between but a step's own.

    ``steps``: mappings of ``name`` and parameters of this family's other distortions. Where the image wants a
    gradient, it passes straight through a step that has none and through every other step as it is.
    """

    def __init__(self, *, steps: Sequence[Mapping[str, Any]]) -> None:
        records = {record.name: record for record in SINGLE}
        self.steps = []
        for step in steps:
            record = records[step["name"]]
            given = {key: value for key, value in step.items() if key != "name"}
            self.steps.append((record, record.load()(**dict(record.parameters(**given)))))

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """(b, 3, h, w) in [0, 1] -> the same shape and range; the steps draw from ``generator`` in turn."""
        for record, function in self.steps:
            changed = function(image, generator)
            image = changed if record.differentiable or not image.requires_grad else straight_through(image, changed)
        return image
