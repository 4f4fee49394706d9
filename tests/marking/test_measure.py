"""The table of a model's card: what is read after damage, beside other methods, and false positives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from benchmarks.models import damages, deepfakes, measure, methods
from ftbench.marking import presence
from ftbench.parts.catalogue import Plugins
from ftbench.runner.build import build
from ftbench.storage.store import CellFolder, Store
from tests.marking.calls import photo
from tests.marking.carriers import chosen, photograph


def rows_of(text: str) -> dict[str, list[str]]:
    """First cell -> the others, of a Markdown table."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in lines}


@pytest.mark.usefixtures("shipped")
def test_the_table_of_a_card_is_made_by_one_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(2):
        photo(tmp_path / "unseen" / f"{seed}.png", seed, (256, 260))
    few = {name: damages.DAMAGES[name] for name in ("nothing", "mirrored")}
    monkeypatch.setattr(measure, "DAMAGES", few)
    measure.main(["portrait-256", str(tmp_path / "unseen"), "--seconds", "30", "--called", "ours"])
    said = capsys.readouterr()
    rows = rows_of(said.out)
    assert rows[""] == [
        *("ours", "rivaGan", "dwtDctSvd", "named by its check", "named among 2"),
        "s of a processor: mean, most",
    ]
    assert "measure: 12/12" in said.err
    assert rows["nothing"][0].startswith("100.0 [")
    # The library finds its own marks where nothing happened, and none in a mirror, where ours is searched for.
    assert float(rows["nothing"][2].split()[0]) > 95
    assert float(rows["mirrored"][2].split()[0]) < 85
    for name in few:
        assert all(named.startswith("2 of 2 ") for named in rows[name][3:5])
    assert float(rows["PSNR, dB"][0].split()[0]) == pytest.approx(24, abs=0.1)
    for quality in rows["PSNR, dB"][1:3]:
        assert float(quality.split()[0]) >= 40
    assert "Deepfakes were left out" in said.out


def test_without_the_library_the_model_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [method.name for method in methods.rivals()] == ["rivaGan", "dwtDctSvd"]
    monkeypatch.setattr(methods, "NEEDED", "no_such_library")
    assert methods.rivals() == []


def test_a_residual_is_held_at_its_psnr() -> None:
    cover = photograph(64, 80)
    marked = np.clip(cover.astype(int) + np.random.default_rng(0).integers(-12, 13, cover.shape), 0, 255)
    held = methods.held(planes(cover), planes(marked.astype(np.uint8)), 40.0).permute(1, 2, 0).numpy()
    assert 40.0 <= peak_signal_noise_ratio(cover, held) < 40.5


def planes(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)


def test_every_damage_works_on_a_picture() -> None:
    image = Image.fromarray(photograph(90, 120))
    for damage in damages.DAMAGES.values():
        assert damage(image, np.random.default_rng(0)).size != (0, 0)
    half = damages.cut(image, np.random.default_rng(0), 0.5)
    assert half.width * half.height == pytest.approx(90 * 120 / 2, rel=0.02)


@pytest.mark.usefixtures("shipped")
def test_false_positives_are_counted_and_the_count_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(2):
        photo(tmp_path / "unmarked" / f"{seed}.png", seed)
    kept = tmp_path / "kept.jsonl"

    def counted(count: int, *options: str) -> str:
        # A check of eight bits and a loose bound, so that accidents happen in a test's time.
        asked = ["--unmarked-count", str(count), "--tag", "8", "--false-positives", "0.1", "--seconds", "30"]
        where = str(tmp_path / "unmarked")
        measure.main(["portrait-256", where, "--only-unmarked", "--unmarked", where, *asked, *options])
        return capsys.readouterr().out

    whole = counted(5)
    counted(2, "--kept", str(kept))
    first = kept.read_text(encoding="utf-8").splitlines()
    resumed = counted(5, "--kept", str(kept))
    lines = kept.read_text(encoding="utf-8").splitlines()
    assert lines[:3] == first
    assert len(lines) == 6
    # But for how long it took.
    assert resumed.split("were tried")[0] == whole.split("were tried")[0]
    held = [json.loads(line) for line in lines[1:]]
    read, right = sum(one["read"] for one in held), sum(one["right"] for one in held)
    assert read > sum(one["tried"] for one in held)
    assert 0 < right < 5 * read / 2**8
    assert f"Of all {read:,} payloads that were read anywhere in them {right} carry a right check" in resumed
    with pytest.raises(SystemExit, match="belongs to another count"):
        counted(5, "--kept", str(kept), "--seconds", "20")


def test_a_check_is_right_by_accident_as_often_as_it_must_be() -> None:
    draw = np.random.default_rng(0)
    words = ["".join(map(str, bits)) for bits in draw.integers(0, 2, (20_000, 32))]
    right = sum(presence.is_whole(word, 8, presence.PUBLIC) for word in words)
    assert right == pytest.approx(20_000 / 256, abs=5 * (20_000 / 256) ** 0.5)


def fit_cell(store: Path, plugins: Plugins, size: int = 32) -> CellFolder:
    """A finished fit of ``regenerate`` with the weights that it is born with."""
    part = chosen(plugins, "simulator", "regenerate", width=0.25)
    folder = Store(store).cell("fit", "b2" * 32)
    folder.path.mkdir(parents=True)
    settings = {"simulator": part.key, "size": size}
    folder.begin({"kind": "fit", "label": "fit", "identity": "b2" * 32, "inputs": [], "settings": settings})
    torch.manual_seed(3)
    save_file(build(part, size=size).state_dict(), folder.file("weights.safetensors"))
    folder.finish({"status": "done", "label": "fit"})
    return folder


def test_a_deepfake_is_that_of_its_fit_at_its_size(plugins: Plugins, tmp_path: Path) -> None:
    fit_cell(tmp_path / "store", plugins)
    covers = [Image.fromarray(photograph(90, 120, seed=seed)) for seed in range(2)]
    (name, damage), *rest = deepfakes.damages(tmp_path / "store", plugins, covers).items()
    assert (name, rest) == ("regenerate, fitted at 32 px", [])
    fake = damage(covers[0], np.random.default_rng(1))
    assert fake.size == (32, 32)
    assert np.array_equal(fake, damage(covers[0], np.random.default_rng(1)))
    assert not np.array_equal(fake, covers[0].resize((32, 32)))


def test_a_store_without_fits_is_one_sentence(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "unseen" / "a.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="empty holds no finished fit of swap-any"):
        measure.main(["portrait-256", "unseen", "--alone", "--deepfakes", "empty"])
