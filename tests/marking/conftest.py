"""The command line in this process, and a model to call it with."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import ftbench.cli
from ftbench.marking.trained import Trained, load
from ftbench.parts.catalogue import Plugins
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
def wide(plugins: Plugins, tmp_path: Path) -> Trained:
    """A pair for 32 bits, the last 16 of them a check."""
    more = plugins_with(plugins)
    parts = {
        "encoder": chosen(more, "encoder", "carrier"),
        "decoder": chosen(more, "decoder", "carrier"),
        "codec": chosen(more, "codec", "none"),
    }
    cell = write_cell(tmp_path / "wide" / ".store", parts, bits=32, label="wide", target_psnr=27.0)
    return replace(load(cell, more), tag=16)


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
