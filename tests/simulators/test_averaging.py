"""Taking off what many marked images have in common: it must find a mark that hangs on no cover, and only that."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor, nn

from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.known import mean_residual
from ftbench.pipeline.stages import Pair, SimulatorStage
from ftbench.testing import check
from ftbench_simulators.averaging import Averaging

CODE = (torch.arange(6 * 8).reshape(6, 8) % 3 == 0).float()
PEOPLE = torch.zeros(6, dtype=torch.int64)


class Same(nn.Module):
    """The same columns are lifted by 10 levels in every cover."""

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        return cover + 10 / 255 * (2 * code - 1).repeat_interleave(2, dim=1)[:, None, None, :]


class Own(Same):
    """As the mean of the cover has it, they are lifted or lowered."""

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        way = 2 * ((cover.mean(dim=(1, 2, 3)) * 2550).floor() % 2) - 1
        return cover + way[:, None, None, None] * (super().forward(cover, code) - cover)


class Blind(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image.mean(dim=(1, 2)).unflatten(1, (8, 2)).mean(dim=2)


def covers(count: int, seed: int) -> Tensor:
    drawn = torch.randint(40, 216, (count, 3, 16, 16), generator=torch.Generator().manual_seed(seed))
    return drawn / 255


def attacked(encoder: nn.Module, plugins: Plugins, strength: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Six covers, their marked images, and what the attack leaves."""
    pair, clean = Pair(encoder, Blind()), covers(6, 0)
    marked = pair.mark(clean, CODE)
    inputs = Inputs(identity=PEOPLE, averaged=mean_residual(pair.marking(CODE), covers(32, 1), len(CODE)))
    attack = SimulatorStage(plugins.find("simulator", "averaging").record, Averaging(size=16, strength=strength))
    return clean, marked, attack(marked, inputs)


def test_the_part_keeps_its_promises(plugins: Plugins) -> None:
    check(plugins.find("simulator", "averaging").record, size=32)


def test_a_mark_that_is_the_same_everywhere_is_taken_off(plugins: Plugins) -> None:
    clean, marked, left = attacked(Same(), plugins)
    assert peak_signal_noise_ratio(clean.numpy(), marked.numpy(), data_range=1) < 29
    assert torch.allclose(left, clean, atol=1e-6)


def test_a_mark_that_hangs_on_its_cover_stays(plugins: Plugins) -> None:
    clean, marked, left = attacked(Own(), plugins)
    kept = ((left - clean) * (marked - clean)).mean() / (marked - clean).square().mean()
    # Of 32 signs tossed fairly, their mean is within a half with more than 99 % probability.
    assert 0.5 < float(kept) < 1.5


def test_strength_is_how_often_the_mean_is_taken_off(plugins: Plugins) -> None:
    clean, marked, left = attacked(Same(), plugins, strength=2.0)
    assert torch.allclose(left - clean, clean - marked, atol=1e-6)
    assert torch.equal(attacked(Same(), plugins, strength=0.0)[2], marked)


def test_a_strength_out_of_range_is_refused(plugins: Plugins) -> None:
    with pytest.raises(ValidationError, match="strength"):
        plugins.find("simulator", "averaging").record.parameters(strength=-1)
