"""Models in folders of their own: packed from a trained cell, listed, checked and used by name."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmarks.models import pack
from ftbench.errors import BadInput
from ftbench.marking import catalogue, packed
from ftbench.marking.load import load_model
from ftbench.parts.catalogue import Plugins
from tests.marking.calls import BITS, Command, photo, register
from tests.marking.carriers import plugins_with

STRIP = ["--strip", *(str(Path("unseen") / f"{seed}.png") for seed in range(3))]
WORDS = ["--survives", "JPEG", "--fails", "Crops.", "--rights", "None was needed.", "--tag", "0"]


@pytest.fixture
def boxed(
    model: Path, ftbench_here: Command, plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A catalogue of one model, packed from the results of a training."""
    monkeypatch.setattr(pack, "discover", lambda: plugins_with(plugins))
    for seed in range(3):
        photo(tmp_path / "unseen" / f"{seed}.png", seed)
    package = tmp_path / "more_models"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    pack.main([str(model), "portrait-256", "--pictures", "unseen", "--out", str(package), *WORDS, *STRIP])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(catalogue, "OURS", "more_models")
    yield package / "portrait-256"
    sys.modules.pop("more_models", None)


def test_a_packed_model_reads_what_its_cell_reads(boxed: Path, model: Path, plugins: Plugins) -> None:
    first, second = load_model(str(model)), load_model("portrait-256")
    image = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(first.pair.read(image), second.pair.read(image), atol=2e-3, rtol=0)
    assert (second.bits, second.size, second.target_psnr) == (first.bits, first.size, first.target_psnr)
    # What the cell marked, the model traces, and the other way round.
    assert first.names & second.names
    assert load_file(boxed / "weights.safetensors")["encoder.patterns"].dtype == torch.float16
    card = (boxed / "card.md").read_text(encoding="utf-8")
    for said in ("None was needed.", "Crops.", "kept in half precision: 3 pictures", second.key[:12], "(strip.jpg)"):
        assert said in card


def test_a_card_shows_covers_marked_pictures_and_their_difference(boxed: Path) -> None:
    file = boxed / "strip.jpg"
    assert file.stat().st_size <= 300_000
    shown = np.asarray(Image.open(file)).astype(int)
    assert shown.shape == (3 * 36 - 4, 3 * 36 - 4, 3)
    cover, marked, difference = (shown[36 * row : 36 * row + 32, :32] for row in range(3))
    # Saved as JPEG, whose errors are eight times as large where two pictures are compared.
    assert np.abs((128 + 8 * (marked - cover)).clip(0, 255) - difference).mean() < 16
    assert (marked != cover).any()
    assert np.corrcoef((marked - cover).ravel(), difference.ravel())[0, 1] > 0.8


def test_a_card_has_the_tables_of_its_results(boxed: Path, model: Path, tmp_path: Path, ftbench_here: Command) -> None:
    tables = model / "tables"
    tables.mkdir()
    for name in ("overview", "attacks", "words"):
        (tables / f"{name}.md").write_text(f"what {name} says", encoding="utf-8")
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"measured {name}", encoding="utf-8")
    words = [*WORDS, "--table", "one", "--table", "two"]
    pack.main([str(model), "portrait-256", "--pictures", "unseen", "--out", str(boxed.parent), *words])
    card = (boxed / "card.md").read_text(encoding="utf-8")
    places = [card.index(said) for said in ("measured one", "measured two", "what overview", "what attacks")]
    assert places == sorted(places)
    assert "what words" not in card
    # Packed anew as a whole: without a strip there is none.
    assert not (boxed / "strip.jpg").exists()


def test_without_a_model_the_default_marks_and_reads(boxed: Path, ftbench_here: Command, tmp_path: Path) -> None:
    photo(tmp_path / "photo.jpg", quality=95)
    done = ftbench_here("embed", "photo.jpg")
    assert (done.code, done.err) == (0, "")
    given = register(tmp_path / "marked").loc[0, "payload"]
    read = json.loads(ftbench_here("extract", "marked/photo.png", "--among", "marked/payloads.csv", "--json").out)
    assert read[0]["payload"] == given
    assert read[0]["matches"] == BITS
    by_folder = ftbench_here("extract", "--model", boxed, "marked/photo.png", "--json")
    by_word = ftbench_here("extract", "portrait-256", "marked/photo.png", "--json")
    assert json.loads(by_folder.out)[0]["payload"] == json.loads(by_word.out)[0]["payload"] == given


def test_models_are_listed_with_what_they_are(boxed: Path, ftbench_here: Command) -> None:
    entry = catalogue.entry_of(boxed)
    said = ftbench_here("models")
    assert (said.code, said.err) == (0, "")
    for word in ("portrait-256", "32 px", entry.digest[:12], "MIT", "JPEG"):
        assert word in said.out


def test_an_empty_catalogue_says_what_to_do(
    ftbench_here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "OURS", "no_such_package")
    photo(tmp_path / "a.png")
    for command in ("embed", "extract"):
        said = ftbench_here(command, "a.png")
        assert said.code == 2
        assert "this installation holds no model 'portrait-256'" in said.err
        assert len(said.err.strip().splitlines()) == 1
    listed = ftbench_here("models")
    assert listed.code == 0
    assert "no model is installed" in listed.out


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("bytes", "has the digest"),
        ("gone", "cannot be read"),
        ("not ours", "cannot be understood"),
        ("no json", "cannot be read"),
        ("shape", "does not fit its model"),
        ("no weights", "is no file of weights"),
    ],
)
def test_a_model_that_is_not_ours_is_one_sentence(
    damage: str, says: str, boxed: Path, ftbench_here: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(boxed, folder)
    weights, entry = folder / "weights.safetensors", folder / "model.json"
    held = json.loads(entry.read_text(encoding="utf-8"))
    if damage == "bytes":
        weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    elif damage == "gone":
        weights.unlink()
    elif damage == "not ours":
        entry.write_text('{"model": "somebody\'s"}', encoding="utf-8")
    elif damage == "no json":
        entry.write_text("{", encoding="utf-8")
    else:
        if damage == "shape":
            save_file({name: tensor[:, :-1].clone() for name, tensor in load_file(weights).items()}, weights)
        else:
            weights.write_bytes(b"PK\3\4 a picture of something else")
        held["digest"] = hashlib.sha256(weights.read_bytes()).hexdigest()
        entry.write_text(json.dumps(held), encoding="utf-8")
    photo(tmp_path / "a.png")
    said = ftbench_here("extract", folder, "a.png")
    assert said.code == 2
    assert says in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_settings_are_for_results_alone(boxed: Path, ftbench_here: Command, tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    said = ftbench_here("extract", "a.png", "--setting", "30 dB")
    assert (said.code, "leave out --setting" in said.err) == (2, True)


def test_a_model_too_large_is_not_packed(boxed: Path, tmp_path: Path) -> None:
    settings = catalogue.entry_of(boxed).settings
    heavy = {"weight": torch.zeros(packed.LARGEST // 4 + 1)}
    with pytest.raises(BadInput, match="a model may have 4"):
        packed.save(tmp_path / "heavy", heavy, settings, "", key="k", version=1, licence="MIT", survives="", tag=0)
    assert not (tmp_path / "heavy").exists()


def test_every_installed_model_has_its_weights_and_its_card() -> None:
    for folder in catalogue.installed().values():
        entry = catalogue.entry_of(folder)
        data = (folder / catalogue.MODEL_WEIGHTS).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry.digest
        assert len(data) <= packed.LARGEST
        card = (folder / catalogue.CARD).read_text(encoding="utf-8")
        for heading in ("## Data and rights", "## Recipe", "## What it reads", "## What it does not survive"):
            assert heading in card
