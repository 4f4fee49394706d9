"""Files of weights: tensors come back as they were, and nothing else is let in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ftbench.contract.tensorfile import CONVERT, read_tensors
from ftbench.errors import BadInput

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.tensor([7])}


class Planted:
    """Unpickling it leaves a file behind."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return (Path.touch, (self.place,))


def test_tensors_come_back(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    save_file(TENSORS, file)
    found = read_tensors(str(file))
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize("length", [0x280, 0x4B50])
def test_a_header_whose_length_looks_like_a_pickle_or_an_archive_is_none(tmp_path: Path, length: int) -> None:
    file = tmp_path / "weights.safetensors"
    save_file(TENSORS, file, {"note": ""})
    bare = int.from_bytes(file.read_bytes()[:8], "little")
    save_file(TENSORS, file, {"note": "x" * (length - bare)})
    assert int.from_bytes(file.read_bytes()[:8], "little") == length
    assert read_tensors(str(file)).keys() == TENSORS.keys()


@pytest.mark.parametrize("name", ["weights.pth", "disguised.safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_torch_s_own_files_are_refused_unopened(tmp_path: Path, name: str, zipped: bool) -> None:
    file, trace = tmp_path / name, tmp_path / "ran"
    torch.save({"a": Planted(trace)}, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(BadInput, match=rf"^weights: '{name}' is torch's own kind of file"):
        read_tensors(str(file))
    assert not trace.exists()


def test_the_sentence_s_remedy_works(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(TENSORS, file)
    with pytest.raises(BadInput, match="torch's own") as told:
        read_tensors(str(file))
    code = str(told.value).split('"')[1]
    assert code == CONVERT
    subprocess.run(
        [sys.executable, "-c", code.replace("OLD", "weights.pth").replace("NEW", "new")], cwd=tmp_path, check=True
    )
    assert read_tensors(str(tmp_path / "new.safetensors")).keys() == TENSORS.keys()


@pytest.mark.parametrize("name", ["none.pth", "cut.pth", "cut.safetensors"])
def test_a_missing_or_cut_file_is_one_sentence(tmp_path: Path, name: str) -> None:
    if name != "none.pth":
        (tmp_path / name).write_bytes(b"cut")
    with pytest.raises(BadInput, match=f"^body: .*{name}"):
        read_tensors(str(tmp_path / name), key="body")
