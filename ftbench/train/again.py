"""Marking images again while the encoder is in training, which leaves its running statistics those of covers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ftbench.pipeline.stages import Held, Pair


class CoverStatistics:
    """What an encoder's normalisations saw of a step's covers: mean and variance of each channel.

    In evaluation an image that is marked again meets the statistics of covers, which a training gathers, and which lag
    behind the weights until then. Normalisations that are not in training, and those that saw no cover, stay as they
    are.
    """

    def __init__(self, encoder: nn.Module) -> None:
        self._norms = _in_training(encoder)
        self._seen: dict[int, list[tuple[int, Tensor, Tensor]]] = {}

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Meanwhile the encoder marks covers."""
        hooks = [norm.register_forward_pre_hook(self._see, with_kwargs=True) for norm in self._norms]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _see(self, norm: Any, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        [values] = (*given, *named.values())
        with torch.no_grad():
            var, mean = torch.var_mean(values.float(), dim=(0, *range(2, values.ndim)))
        self._seen.setdefault(id(norm), []).append((len(values), mean, var))

    @contextmanager
    def used(self) -> Iterator[None]:
        """Meanwhile they normalise what the encoder is given, and running statistics stay as they are."""
        kept = [(norm, norm.running_mean, norm.running_var) for norm in self._norms if id(norm) in self._seen]
        try:
            for norm, _, _ in kept:
                norm.running_mean, norm.running_var = _joined(self._seen[id(norm)])
                norm.training = False
            yield
        finally:
            for norm, mean, var in kept:
                norm.running_mean, norm.running_var, norm.training = mean, var, True


@contextmanager
def by_itself(encoder: nn.Module) -> Iterator[None]:
    """Meanwhile what the encoder is given is normalised by its own statistics, and running ones stay as they are."""
    norms = _in_training(encoder)
    try:
        for norm in norms:
            norm.track_running_stats = False
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


def marks_again(
    network: Pair, normalised: Callable[[], AbstractContextManager[None]], code: Tensor, held: Held | None
) -> Callable[[Tensor], Tensor]:
    """Marks images with a code (b,n), ``normalised`` as the step says."""

    def remark(image: Tensor) -> Tensor:
        with normalised():
            return network.mark(image, code, held, exact=False)

    return remark


def _in_training(encoder: nn.Module) -> list[Any]:
    return [one for one in encoder.modules() if one.training and getattr(one, "track_running_stats", False)]


def _joined(seen: list[tuple[int, Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Means over the calls, as running statistics are: an encoder with ``max_batch`` is called several times."""
    if len(seen) == 1:
        return seen[0][1:]
    total = sum(count for count, _, _ in seen)
    means = torch.stack([mean * (count / total) for count, mean, _ in seen])
    variances = torch.stack([var * (count / total) for count, _, var in seen])
    return means.sum(0), variances.sum(0)
