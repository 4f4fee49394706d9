"""The command line in this process, a model to call it with, and a cell to rebuild."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import ftbench.cli
from ftbench.marking import catalogue, packed
from ftbench.marking.locate import describe
from ftbench.marking.trained import Trained, load
from ftbench.parts.catalogue import Plugins
from ftbench.plan.part import ResolvedPart
from ftbench.storage.store import CellFolder
from tests.marking import thin_pair
from tests.marking.calls import BITS, Command, Said
from tests.marking.carriers import chosen, plugins_with, write_cell, write_manifest


@pytest.fixture
def ftbench_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], plugins: Plugins, tmp_path: Path
) -> Command:
    """The command line in this process, in a folder of its own, with the carrier among the parts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ftbench.parts.discovery.discover", lambda: plugins_with(plugins))

    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["ftbench", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            ftbench.cli.run()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def wide_cell(plugins: Plugins, tmp_path: Path) -> CellFolder:
    """A pair for 32 bits."""
    more = plugins_with(plugins)
    parts = {
        "encoder": chosen(more, "encoder", "spread"),
        "decoder": chosen(more, "decoder", "spread"),
        "codec": chosen(more, "codec", "none"),
    }
    return write_cell(tmp_path / "wide" / ".store", parts, bits=32, label="wide", target_psnr=24.0)


@pytest.fixture
def wide(wide_cell: CellFolder, plugins: Plugins) -> Trained:
    """The last 16 of its bits are a check."""
    return replace(load(wide_cell, plugins_with(plugins)), tag=16)


@pytest.fixture
def shipped(
    wide: Trained, wide_cell: CellFolder, plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A catalogue whose default is that pair."""
    package = tmp_path / "shipped_models"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    settings, said = describe(wide_cell).settings, {"licence": "MIT", "survives": "crops"}
    weights = packed.halved(wide.pair)
    packed.save(package / catalogue.DEFAULT, weights, settings, "# A card", key=wide.key, version=1, tag=16, **said)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(catalogue, "OURS", package.name)
    monkeypatch.setattr("ftbench.parts.discovery.discover", lambda: plugins_with(plugins))
    yield package / catalogue.DEFAULT
    sys.modules.pop(package.name, None)


@pytest.fixture
def model(plugins: Plugins, tmp_path: Path) -> Path:
    """Results of one training, by a pair that needs none."""
    more = plugins_with(plugins)
    parts = {
        "encoder": chosen(more, "encoder", "carrier"),
        "decoder": chosen(more, "decoder", "carrier"),
        "codec": chosen(more, "codec", "none"),
    }
    cell = write_cell(tmp_path / "results" / ".store", parts, bits=BITS, label="30 dB", target_psnr=26.0)
    write_manifest(tmp_path / "results" / "paper" / "faces-small", [cell])
    return tmp_path / "results" / "paper" / "faces-small"


@pytest.fixture(scope="module")
def parts(plugins: Plugins) -> dict[str, ResolvedPart]:
    """The paper's networks, as thin as they go."""
    thin = {"backbone_options": {"channels": [8, 8, 8, 8]}, "up_width": 0.02, "stem_channels": 8}
    return {
        "encoder": chosen(plugins, "encoder", "unet-resnet18", **thin),
        "decoder": chosen(plugins, "decoder", "conv7", width=0.03),
        "codec": chosen(plugins, "codec", "repetition", times=2),
    }


@pytest.fixture(scope="module")
def made(parts: dict[str, ResolvedPart], tmp_path_factory: pytest.TempPathFactory) -> CellFolder:
    torch.manual_seed(1)
    store = tmp_path_factory.mktemp("made") / ".store"
    return write_cell(store, parts, bits=thin_pair.BITS, code_bits=2 * thin_pair.BITS, target_psnr=31.0)


@pytest.fixture
def cell(made: CellFolder, tmp_path: Path) -> CellFolder:
    """A copy to damage."""
    shutil.copytree(made.path, tmp_path / made.path.name)
    return CellFolder(tmp_path / made.path.name)
