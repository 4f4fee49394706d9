"""The blocks against the same arithmetic written out, and where a painted image starts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ftbench_networks.blocks import PaintBesideCover, SqueezedResidual, held


@pytest.mark.parametrize(("before", "after", "stride"), [(16, 16, 1), (8, 16, 2), (16, 8, 1)])
def test_a_squeezed_residual_is_three_convolutions_rescaled_beside_a_shortcut(
    before: int, after: int, stride: int
) -> None:
    torch.manual_seed(0)
    block = SqueezedResidual(before, after, stride=stride).double().eval()
    state = block.state_dict()
    for name, value in state.items():
        if name.endswith("running_mean"):
            value.normal_()
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
    x = torch.randn(2, before, 12, 12, dtype=torch.float64)

    def normalised(y: Tensor, at: str) -> Tensor:
        tensors = (state[f"{at}.{name}"] for name in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(y, *tensors)

    y = functional.relu(normalised(functional.conv2d(x, state["left.0.weight"], stride=stride), "left.1"))
    y = functional.relu(normalised(functional.conv2d(y, state["left.3.weight"], padding=1), "left.4"))
    y = normalised(functional.conv2d(y, state["left.6.weight"]), "left.7")
    squeezed = torch.einsum("bc,rc->br", y.mean(dim=(2, 3)), state["rescale.fc1.weight"][:, :, 0, 0]).relu()
    gate = torch.einsum("br,cr->bc", squeezed, state["rescale.fc2.weight"][:, :, 0, 0]).sigmoid()
    beside = x
    if before != after:
        beside = normalised(functional.conv2d(x, state["shortcut.0.weight"], stride=stride), "shortcut.1")
    assert torch.allclose(block(x), functional.relu(y * gate[:, :, None, None] + beside), atol=1e-10)


def test_painting_starts_from_the_cover() -> None:
    paint = PaintBesideCover(5)
    cover = torch.rand(2, 3, 8, 8)
    features = torch.randn(2, 5, 8, 8)
    assert torch.allclose(paint(torch.zeros_like(features), 2 * cover - 1), cover, atol=1e-6)
    assert not torch.allclose(paint(features, 2 * cover - 1), cover, atol=1e-2)


def test_a_pixel_painted_out_of_range_is_held_and_can_come_back() -> None:
    painted = torch.tensor([-3.0, 0.0, 5.0], requires_grad=True)
    image = held(painted)
    assert image.tolist() == [0.0, 0.5, 1.0]
    image.sum().backward()
    assert painted.grad is not None
    assert painted.grad.tolist() == [0.5, 0.5, 0.5]
