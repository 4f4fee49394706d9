"""Files of weights: tensors come back as they were, and nothing else is let in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ftbench.contract.tensorfile import read_tensors
from ftbench.errors import BadInput

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.tensor([7])}


class Planted:
    """Unpickling it leaves a file behind."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return (Path.touch, (self.place,))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_tensors_come_back(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(TENSORS, file)
    else:
        save_file(TENSORS, file)
    found = read_tensors(str(file))
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in TENSORS.items())


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    file, trace = tmp_path / "weights.pth", tmp_path / "ran"
    torch.save({"a": Planted(trace)}, file)
    with pytest.raises(BadInput, match=r"weights: 'weights\.pth' cannot be read as a file of tensors"):
        read_tensors(str(file))
    assert not trace.exists()


def test_a_whole_checkpoint_is_no_file_of_tensors(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pth"
    torch.save({"model": TENSORS, "epoch": 3}, file)
    with pytest.raises(BadInput, match="save a state_dict alone"):
        read_tensors(str(file))


@pytest.mark.parametrize("name", ["none.pth", "cut.pth", "cut.safetensors"])
def test_a_missing_or_cut_file_is_one_sentence(tmp_path: Path, name: str) -> None:
    if name != "none.pth":
        (tmp_path / name).write_bytes(b"\x80\x02cut")
    with pytest.raises(BadInput, match=f"^body: .*{name}"):
        read_tensors(str(tmp_path / name), key="body")
