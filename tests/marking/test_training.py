"""``ftbench train-marker``: photographs in, a model's folder out that embed and extract take."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file
from skimage.metrics import peak_signal_noise_ratio
from skimage.util import img_as_ubyte

from ftbench.benchfile import bundled, document
from ftbench.console import Console
from ftbench.errors import BadInput
from ftbench.marking import catalogue, training
from ftbench.marking.pictures import read_file
from ftbench.storage.seal import digest_of
from tests.marking.calls import Command, photo, register

SMALL = ("--size", "32", "--bits", "8", "--psnr", "30")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed in range(training.FEWEST):
        photo(tmp_path / "photos" / f"{seed}.png", seed, (40, 48))
    return tmp_path / "photos"


def test_photographs_become_a_model_that_marks(photos: Path, ftbench_here: Command, tmp_path: Path) -> None:
    done = ftbench_here("train-marker", "photos", *SMALL, "--steps", "12")
    assert done.code == 0
    assert "12 steps by my-marker-training/benchmark.yaml" in done.out
    # Of twelve steps nothing is learned, and nobody is to find that out by marking with it.
    assert "this training stalled" in done.out
    entry = catalogue.entry_of(tmp_path / "my-marker")
    assert (entry.name, entry.bits, entry.tag, entry.settings.size) == ("my-marker", 8, 0, 32)
    card = (tmp_path / "my-marker" / "card.md").read_text(encoding="utf-8")
    assert "**Bits read after each attack, %.**" in card
    cover = photo(tmp_path / "new.png", 99)
    marked = ftbench_here("embed", "--model", "my-marker", "new.png")
    assert marked.code == 0
    copy = tmp_path / "marked" / "new.png"
    psnr = peak_signal_noise_ratio(img_as_ubyte(read_file(cover).pixels), img_as_ubyte(read_file(copy).pixels))
    assert psnr == pytest.approx(30, abs=0.05)
    read = json.loads(ftbench_here("extract", "--model", "my-marker", "marked/new.png", "--json").out)[0]
    assert len(read["payload"]) == len(register(tmp_path / "marked").loc[0, "payload"]) == 10
    # What is trained is kept: the same again packs it anew, and other settings are no continuation.
    shutil.rmtree(tmp_path / "my-marker")
    again = ftbench_here("train-marker", "photos", *SMALL, "--steps", "12")
    assert (again.code, "12/12" in again.out + again.err) == (0, False)
    assert catalogue.entry_of(tmp_path / "my-marker").digest == entry.digest
    shutil.rmtree(tmp_path / "my-marker")
    other = ftbench_here("train-marker", "photos", *SMALL, "--steps", "13")
    assert other.code == 2
    assert "was begun with other photographs or settings" in other.err


def test_the_benchmark_file_is_ours_with_a_users_settings(photos: Path, tmp_path: Path) -> None:
    wish = training.Wish(photos, tmp_path / "mine", bits=24, psnr=36.5, size=64)
    made = training.benchmark(wish, 500)
    ours = document.read(bundled.find("portrait-256")).data
    assert made["train"]["distortions"] == ours["train"]["distortions"]
    assert made["message"] == {"bits": 24}
    assert made["matrix"]["loss"] == {**ours["matrix"]["loss"], "target_psnr": 36.5}
    assert [part["side"] for part in made["matrix"]["pairs"][0].values()] == [32, 32]
    assert (made["train"]["steps"], made["train"]["validate_every"]) == (500, 125)
    assert (wish.tag, training.Wish(photos, tmp_path / "mine").tag) == (12, 16)


def test_steps_are_those_that_fit_into_a_time(photos: Path, tmp_path: Path) -> None:
    wish = training.Wish(photos, tmp_path / "mine", bits=8, psnr=30, size=32, seconds=86_400)
    steps = training._steps_in(wish, Console(quiet=True))
    # Of such small networks a day has room for many, and a step takes some time.
    assert 86_400 * 0.2 < steps < 86_400 * 1000
    assert not (tmp_path / "mine-training" / "trial").exists()
    with pytest.raises(BadInput, match="of fewer than 100 nothing is learned"):
        training._steps_in(replace(wish, seconds=0.2), Console(quiet=True))
    # Settled once: a later call goes on with the same, however fast the machine is by then.
    training._write(wish.beside / "benchmark.yaml", "train: {steps: 1234}\n")
    assert training._begun(wish.beside / "benchmark.yaml") == 1234


def test_a_model_is_trained_further(photos: Path, ftbench_here: Command, tmp_path: Path) -> None:
    assert ftbench_here("train-marker", "photos", *SMALL, "--steps", "12").code == 0
    asked = ("train-marker", "photos", "--from", "my-marker", "--out", "further", "--steps", "1")
    said = ftbench_here(*asked, "--size", "32")
    assert (said.code, "it has 8 bits at 32 px, which go on as they are; give --bits 8" in said.err) == (2, True)
    assert ftbench_here(*asked, *SMALL).code == 0
    begun, ended = (load_file(tmp_path / name / catalogue.MODEL_WEIGHTS) for name in ("my-marker", "further"))
    assert begun.keys() == ended.keys()
    # One step of a thousandth moves no weight by more: of other first weights, drawn anew, nearly all are further away.
    apart = [float((one.float() - ended[name].float()).abs().max()) for name, one in begun.items() if "weight" in name]
    assert 0 < max(apart) < 0.003
    made = document.read(tmp_path / "further-training" / "benchmark.yaml").data
    assert made["train"]["curriculum"] == {"start_psnr": 30.0, "ramp": 0.0}
    [table] = (tmp_path / "further-training").rglob("attacks.md")
    digest = digest_of(tmp_path / "my-marker" / catalogue.MODEL_WEIGHTS)
    assert f"Trainings begin with the weights of a file, SHA-256 {digest[:12]}." in table.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("nowhere",), "there is no folder nowhere"),
        (("empty",), "there is no picture in empty"),
        (("few",), "few holds 3 photographs, and 40 are needed"),
        (("photos",), "of 40 photographs in photos 0 have 128 pixels or more on the shorter side"),
        (("photos", "--out", "photos"), "photos is there already"),
        (("photos", "--out", "My_Marker"), "of small letters, digits and single hyphens"),
        (("photos", "--size", "60"), "a multiple of 8"),
        (("photos", "--steps", "5", "--for", "5m"), "exclude each other"),
        (("photos", "--for", "soon"), "is not a length of time"),
        (("photos", "--from", "nobodys-model"), "there is no nobodys-model"),
    ],
)
def test_what_cannot_be_trained_on_is_one_sentence(
    options: tuple[str, ...], says: str, photos: Path, ftbench_here: Command, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for seed in range(3):
        photo(tmp_path / "few" / f"{seed}.png", seed)
    said = ftbench_here("train-marker", *options)
    assert (said.code, says in said.err) == (2, True)
    assert len(said.err.strip().splitlines()) == 1
    assert not list(tmp_path.glob("*-training"))
