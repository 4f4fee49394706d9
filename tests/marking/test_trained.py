"""Trained cells rebuilt from their folders, with what is to be said about them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ftbench.errors import BadInput
from ftbench.marking.trained import Trained, load
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.stages import Pair
from ftbench.plan.part import ResolvedPart
from ftbench.runner.build import build
from ftbench.storage.store import CellFolder, Store
from ftbench.vouching.evidence import factories_of, part_code
from tests.marking.carriers import SIZE, chosen, plugins_with, write_cell
from tests.marking.thin_pair import BITS, edit


def test_a_cell_comes_back_as_it_was(made: CellFolder, parts: dict[str, ResolvedPart], plugins: Plugins) -> None:
    trained = load(made, plugins)
    assert (trained.label, trained.size, trained.bits, trained.target_psnr) == ("λ=1 α=0.1", SIZE, BITS, 31.0)
    assert trained.key == "a1" * 32
    assert trained.warnings == ()
    sides = {"size": SIZE, "bits": 2 * BITS}
    # Built once more by hand, with the weights that are on disk.
    pair = Pair(build(parts["encoder"], **sides), build(parts["decoder"], **sides))
    pair.load_state_dict(load_file(made.file("weights.safetensors")))
    pair.eval()
    cover = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(trained.pair.mark(cover, trained.code("0110")), pair.mark(cover, trained.code("0110")))
        assert torch.equal(trained.pair.read(cover), pair.read(cover))
    assert not any(module.training for module in trained.pair.modules())
    assert not any(parameter.requires_grad for parameter in trained.pair.parameters())


def test_payloads_go_through_the_code(made: CellFolder, plugins: Plugins) -> None:
    trained = load(made, plugins)
    assert trained.code("0110").tolist() == [[0, 1, 1, 0, 0, 1, 1, 0]]
    # The stronger of two readings decides a repeated bit.
    assert trained.payload(torch.tensor([[3.0, -2, -1, -1, -1, 4, 0.5, -1]])) == "1100"


def test_a_pair_without_a_target_has_none(parts: dict[str, ResolvedPart], plugins: Plugins, tmp_path: Path) -> None:
    assert load(write_cell(tmp_path, parts, bits=BITS, code_bits=2 * BITS), plugins).target_psnr is None


def test_a_pair_of_a_flip_is_marked_with_at_the_psnr_that_it_had_there(cell: CellFolder, plugins: Plugins) -> None:
    edit(cell, lambda held: held["settings"]["loss"].update(target_psnr=None, target_flip=0.06))
    summary = json.loads(cell.file("done.json").read_text(encoding="utf-8"))
    cell.finish({"status": "done", "label": summary["label"], "at_best": {"val_psnr": 33.44}})
    trained = load(cell, plugins)
    assert trained.target_psnr == 33.44
    [warning] = trained.warnings
    assert "trained at FLIP 0.06" in warning
    assert "33.4 dB" in warning


def test_parts_that_changed_since_are_told(cell: CellFolder, plugins: Plugins) -> None:
    factories = factories_of(plugins.parts)
    code = {
        **part_code(plugins.find("encoder", "unet-resnet18"), factories),
        **part_code(plugins.find("decoder", "conv7"), factories),
    }
    edit(cell, lambda held: held.update(evidence={"code": code}))
    assert load(cell, plugins).warnings == ()
    code["ftbench_faketagger/conv7.py"] = "0" * 12
    edit(cell, lambda held: held.update(evidence={"code": {**code, "ftbench/train/loop.py": "1" * 12}}))
    (sentence,) = load(cell, plugins).warnings
    assert sentence.startswith("since the model was trained, ftbench_faketagger/conv7.py changed; check")


def test_a_cell_of_an_earlier_store_is_rebuilt_and_known_by_both_its_names(cell: CellFolder, plugins: Plugins) -> None:
    def older(held: dict[str, Any]) -> None:
        for kind in ("encoder", "decoder", "codec"):
            held["settings"][kind] |= {"distribution": "ftbench", "version": "0.1.0", "source": "0" * 64}

    edit(cell, older)
    assert load(cell, plugins).warnings == ()
    edit(cell, lambda held: held.update(evidence={"migrated": {"identity": "b2" * 32}}))
    assert load(cell, plugins).names == {"a1" * 32, "b2" * 32}


def test_a_stalled_training_is_told(parts: dict[str, ResolvedPart], plugins: Plugins, tmp_path: Path) -> None:
    folder = write_cell(tmp_path, parts, bits=BITS, code_bits=2 * BITS, status="stalled")
    assert load(folder, plugins).warnings == (
        "this training stalled: its payloads are hardly read better than by guessing; train it for longer",
    )


def test_a_file_of_starting_weights_is_not_looked_for(cell: CellFolder, plugins: Plugins) -> None:
    # Its digest stands where its path stood, and what came of it is in the cell.
    edit(cell, lambda held: held["settings"]["encoder"]["parameters"].update(weights="5f" * 32))
    assert isinstance(load(cell, plugins), Trained)


@pytest.fixture
def with_learned_code(plugins: Plugins, tmp_path: Path) -> tuple[CellFolder, Plugins]:
    """A pair trained with a code that has weights, which invert the first and last bit, in a cell of its own."""
    more = plugins_with(plugins)
    parts = {
        "encoder": chosen(more, "encoder", "carrier"),
        "decoder": chosen(more, "decoder", "carrier"),
        "codec": chosen(more, "codec", "flipper"),
    }
    store = Store(tmp_path)
    for kind, identity in (("simulator", "b" * 64), ("codec", "c" * 64)):
        fitted = store.cell("fit", identity)
        fitted.path.mkdir(parents=True)
        settings = {kind: {**parts["codec"].key}}
        fitted.begin({"kind": "fit", "label": "fit", "identity": identity, "settings": settings})
        sign = torch.tensor([-1.0, 1, 1, -1]) if kind == "codec" else torch.ones(4)
        save_file({"sign": sign}, fitted.file("weights.safetensors"))
        fitted.finish({"status": "done"})
    inputs = ("b" * 64, "d" * 64, "c" * 64)
    return write_cell(tmp_path, parts, bits=BITS, inputs=inputs), more


def test_a_learned_code_brings_its_weights(with_learned_code: tuple[CellFolder, Plugins]) -> None:
    trained = load(*with_learned_code)
    assert trained.code("0110").tolist() == [[1, 1, 1, 1]]
    assert trained.payload(trained.code("1010") - 0.5) == "1010"


def test_a_learned_code_without_its_weights_is_refused(with_learned_code: tuple[CellFolder, Plugins]) -> None:
    folder, more = with_learned_code
    fitted = Store(folder.path.parent).cell("fit", "c" * 64)
    fitted.file("weights.safetensors").write_bytes(b"short")
    with pytest.raises(BadInput, match="is damaged"):
        load(folder, more)
    shutil.rmtree(fitted.path)
    with pytest.raises(BadInput, match="the fitted code 'flipper', whose weights are not in"):
        load(folder, more)
