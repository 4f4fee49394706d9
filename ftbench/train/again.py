"""Marking images again while the encoder is in training: normalised as the covers of the step were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ftbench.pipeline.stages import Held, Pair


class CoverStatistics:
    """What an encoder's normalisations saw of a step's covers: mean and variance of each channel.

    In evaluation an image that is marked again meets the statistics of covers, which a training gathers. So it does in
    training: by its own batch it would be normalised otherwise than it ever will be (docs/decisions.md), and the
    gathered ones lag behind the weights.
    """

    def __init__(self, encoder: nn.Module) -> None:
        self._norms: list[Any] = [one for one in encoder.modules() if getattr(one, "track_running_stats", False)]
        self._seen: dict[int, tuple[Tensor, Tensor]] = {}

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Meanwhile the encoder marks covers."""
        hooks = [norm.register_forward_pre_hook(self._see) for norm in self._norms]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _see(self, norm: Any, given: tuple[Tensor]) -> None:
        with torch.no_grad():
            var, mean = torch.var_mean(given[0].float(), dim=(0, *range(2, given[0].ndim)))
        self._seen[id(norm)] = (mean, var)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Meanwhile they normalise what the encoder is given, and running statistics stay as they are."""
        kept = [(norm, norm.running_mean, norm.running_var, norm.training) for norm in self._norms]
        try:
            for norm in self._norms:
                norm.running_mean, norm.running_var = self._seen[id(norm)]
                norm.training = False
            yield
        finally:
            for norm, mean, var, training in kept:
                norm.running_mean, norm.running_var, norm.training = mean, var, training


def marks_again(
    network: Pair, statistics: CoverStatistics, code: Tensor, held: Held | None
) -> Callable[[Tensor], Tensor]:
    """Marks images with a code (b,n) by the statistics that a step's covers had."""

    def remark(image: Tensor) -> Tensor:
        with statistics.used():
            return network.mark(image, code, held, exact=False)

    return remark
