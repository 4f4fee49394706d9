"""Why torch's own formats are refused: such a file runs while it is opened. Should torch change, these tests say so."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class Remembering(nn.Module):
    """A network that, as TorchScript, writes a file whenever it is restored."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self.offset, self.target = torch.ones(1), target

    @torch.jit.export
    def __getstate__(self) -> tuple[Tensor, bool, str]:
        return self.offset, self.training, self.target

    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool, str]) -> None:
        self.offset, self.training, self.target = state
        torch.save(self.offset, self.target)

    def forward(self, image: Tensor) -> Tensor:
        return image + self.offset


class Planted:
    """Unpickled, it leaves a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def test_torch_jit_load_runs_code_of_the_file(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        # Deprecated, and still what many published models are.
        warnings.simplefilter("ignore")
        torch.jit.script(Remembering(str(tmp_path / "ran"))).save(str(tmp_path / "net.pt"))
        assert not (tmp_path / "ran").exists()
        torch.jit.load(tmp_path / "net.pt")
    assert (tmp_path / "ran").exists()


def test_torch_export_load_unpickles_what_the_file_tells_it_to(tmp_path: Path) -> None:
    file = tmp_path / "net.pt2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),)), file)
    with zipfile.ZipFile(file) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    config = next(name for name in held if name.endswith("weights_config.json"))
    told = json.loads(held[config])
    weight = next(iter(told["config"].values()))
    weight["use_pickle"] = True
    held[config] = json.dumps(told).encode()
    place = next(name for name in held if name.endswith(weight["path_name"]))
    planted = io.BytesIO()
    torch.save(Planted(tmp_path / "ran"), planted)
    held[place] = planted.getvalue()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # What was planted is no weight, which is noticed once it has run.
        with contextlib.suppress(Exception):
            torch.export.load(file)
    assert (tmp_path / "ran").exists()
