"""docs/exported.md: its commands do what it says, and its tables name every parameter."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from exported_nets import Editor, seeded
from onnx import helper

import ftbench
from benchmarks.recipes.graph import save, value
from ftbench.parts.catalogue import Plugins

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exported.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def said_of(record: Any, entry: dict[str, Any], home: Path, **build: int) -> str | None:
    given = {key: str(home / item) if key in ("model", "source") else item for key, item in entry.items()}
    given.pop("name")
    return str(record.object_to(record.parameters.model_validate(given), **build) or "")


def test_the_network_exported_as_told_is_used_as_told(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        exec(code, {"load_network": lambda: seeded(Editor)})
    assert [file.name for file in tmp_path.iterdir()] == ["swap.onnx"]
    record = plugins.find("simulator", "exported").record
    benchmark = yaml.safe_load(blocks("yaml")[0])
    for entry in (benchmark["matrix"]["simulator"], benchmark["evaluate"]["simulators"][1]):
        assert said_of(record, entry, tmp_path, size=64) == ""


def test_the_other_entries_fit_networks_of_their_kind(plugins: Plugins, tmp_path: Path) -> None:
    swap, pair = (yaml.safe_load(block) for block in blocks("yaml")[1:])
    np.save(tmp_path / "face.npy", np.ones((1, 512), np.float32))
    pixels = (1, 3, 128, 128)
    nodes = [helper.make_node("Neg", ["target"], ["y"]), helper.make_node("Identity", ["source"], ["z"])]
    save(tmp_path / "swap.onnx", nodes, [value("target", pixels), value("source", (1, 512))], [value("y", pixels)])
    assert said_of(plugins.find("simulator", "exported").record, swap, tmp_path, size=64) == ""

    images = ("b", 3, "h", "w")
    nodes = [helper.make_node("Neg", ["x"], ["y"]), helper.make_node("Identity", ["code"], ["z"])]
    save(tmp_path / "encoder.onnx", nodes, [value("x", images), value("code", ("b", 8))], [value("y", images)])
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["m"]), helper.make_node("Flatten", ["m"], ["y"])]
    save(tmp_path / "decoder.onnx", nodes, [value("x", images)], [value("y", ("b", 3))])
    for kind, bits in (("encoder", 8), ("decoder", 3)):
        record = plugins.find(kind, "exported").record  # type: ignore[arg-type]
        assert said_of(record, pair["matrix"][kind], tmp_path, size=64, bits=bits) == ""


@pytest.mark.parametrize("kind", ["simulator", "encoder", "decoder"])
def test_the_tables_name_every_parameter_with_its_default(plugins: Plugins, kind: Any) -> None:
    declared: type[ftbench.Parameters] = plugins.find(kind, "exported").record.parameters
    tables = re.findall(r"\| of (all three|the \w+) \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT)
    rows: dict[str, str] = {}
    for of, body in tables:
        if of in ("all three", f"the {kind}"):
            for line in body.splitlines():
                names, default = line.split("|")[1:3]
                rows |= dict.fromkeys(re.findall(r"`(\w+)`", names), default.strip().strip("`"))
    assert set(rows) == set(declared.model_fields)
    for name, default in rows.items():
        field = declared.model_fields[name]
        if default in ("", "as the input's"):
            assert field.is_required() or not field.get_default(call_default_factory=True), name
        else:
            assert str(field.default) == default, name
