"""A checkpoint gives back what it was given, to the bit, and notices a bit that is another."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ftbench.storage import checkpoint
from ftbench.storage.store import UNFINISHED, CellFolder, Damaged

SHARED = torch.arange(6.0)
TENSORS: dict[str, dict[str, Tensor]] = {
    "network": {
        "a.weight": torch.tensor([0.1, -0.0, math.inf, math.nan], dtype=torch.float64),
        "a.count": torch.tensor(2**62 + 1),
        "half": torch.randn(3, 2, dtype=torch.float32).to(torch.bfloat16),
        "flags": torch.tensor([True, False]),
        "none": torch.empty(0, 3),
        "first/half": SHARED[:3],
        "all of it": SHARED,
        "last": torch.randn(2, 4, 3, 3).to(memory_format=torch.channels_last),
        "turned": torch.arange(6).reshape(2, 3).T,
    },
    "best": {"a.weight": torch.tensor(1.5)},
    "averaged": {},
}
NUMBERS: dict[str, Any] = {
    "step": 3,
    "best_score": math.inf,
    "curve": [{"step": 1.0, "loss": 0.1 + 0.2, "val": math.nan}, {"step": 2.0, "loss": 5e-324, "val": -0.0}],
    "task": {"read": None, "said": '"sha256":"' + checkpoint.BLANK + '"'},
}


def same(one: Tensor, other: Tensor) -> bool:
    bits = [each.contiguous().reshape(-1).view(torch.uint8) for each in (one, other)]
    return (one.dtype, one.shape) == (other.dtype, other.shape) and torch.equal(*bits)


def test_what_is_written_comes_back_to_the_bit() -> None:
    groups, numbers = checkpoint.unpacked(checkpoint.packed(TENSORS, NUMBERS))
    assert {name: set(group) for name, group in groups.items()} == {
        name: set(group) for name, group in TENSORS.items() if group
    }
    assert all(same(groups[group][name], value) for group in groups for name, value in TENSORS[group].items())
    assert repr(numbers) == repr(NUMBERS)


def test_each_flipped_bit_and_each_cut_is_noticed(tmp_path: Path) -> None:
    folder = CellFolder(tmp_path)
    content = checkpoint.packed({"network": {"w": torch.ones(2)}}, {"step": 1})
    assert not checkpoint.read(folder, lambda *_: None)
    for bit in range(len(content) * 8):
        hurt = bytearray(content)
        hurt[bit // 8] ^= 1 << bit % 8
        with pytest.raises((ValueError, KeyError)):
            checkpoint.unpacked(bytes(hurt))
    for length in (0, 7, 8, 40, len(content) - 1):
        folder.file(UNFINISHED).write_bytes(content[:length])
        with pytest.raises(Damaged, match="is damaged"):
            checkpoint.read(folder, lambda *_: None)
    folder.file(UNFINISHED).write_bytes(content + b" ")
    with pytest.raises(Damaged, match="its digest does not fit"):
        checkpoint.read(folder, lambda *_: None)


@pytest.mark.parametrize("before", [0, 3])
def test_an_optimiser_goes_on_as_if_nothing_had_happened(before: int) -> None:
    """Channels last too, where state in the plain order would be mixed up without a word."""

    def made() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(1)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)).to(memory_format=torch.channels_last)
        return network, torch.optim.AdamW(network.parameters(), lr=0.1, betas=(0.8, 0.99), fused=True)

    def steps(network: nn.Module, adam: torch.optim.Optimizer, numbers: range) -> None:
        for number in numbers:
            torch.manual_seed(number)
            adam.zero_grad()
            network(torch.rand(2, 3, 9, 9)).square().mean().backward()
            adam.step()

    whole, first = made(), made()
    steps(*whole, range(6))
    steps(*first, range(before))
    tensors, groups = checkpoint.optimiser_state(first[1])
    held, numbers = checkpoint.unpacked(
        checkpoint.packed({"network": first[0].state_dict(), "optimiser": tensors}, {"groups": groups})
    )
    second = made()
    second[0].load_state_dict(held["network"])
    checkpoint.restore_optimiser(second[1], held.get("optimiser", {}), numbers["groups"])
    steps(*second, range(before, 6))
    assert all(map(same, whole[0].state_dict().values(), second[0].state_dict().values()))
