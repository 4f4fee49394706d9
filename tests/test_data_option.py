"""``--data``, and what ``plan`` says of the data."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ftbench.cli import bench
from ftbench.console import Console
from ftbench.data.overview import SET_ASIDE_NAMED, overview
from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from ftbench.runner import opening as session
from ftbench.runner.opening import Opened, Request, open_benchmark

Opening = Callable[..., Opened]


def faces(root: Path, *people: str) -> Path:
    for seed, who in enumerate(people):
        (root / who).mkdir(parents=True)
        draw = np.random.default_rng(seed)
        for number in range(25):
            pixels = draw.integers(0, 256, (5, 5, 3), dtype=np.uint8)
            # Bitmaps: a packed file's bytes, and so its split, would depend on the packer's release.
            Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC).save(root / who / f"{number}.bmp")
    return root


@pytest.fixture
def opening(tiny: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opening:
    """Open the benchmark with ``--data``, where a guest distribution brings data sets of the built-in ones' names."""
    guests = [replace(part, distribution="guest") for part in plugins.of("dataset")]
    crowded = replace(plugins, parts=[*plugins.parts, *guests])
    monkeypatch.setattr(session, "discover", lambda **_: crowded)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def opened(data: str) -> Opened:
        return open_benchmark(Request(str(tiny), data=data), Console(quiet=True), settle_on_disk=False)

    return opened


@pytest.mark.parametrize("data", ["", " "])
def test_no_name_is_not_the_present_folder(opening: Opening, tmp_path: Path, data: str) -> None:
    faces(tmp_path, "a", "b")
    with pytest.raises(BadInput, match=r"--data .* is empty; name the folder"):
        opening(data)


@pytest.mark.parametrize("data", ["~/found", "found", "./found/../found"])
def test_a_folder_is_the_built_in_data_set_whoever_brings_another(opening: Opening, tmp_path: Path, data: str) -> None:
    faces(tmp_path / "found", "a", "b")
    found = opening(data).bench.data
    assert found.name == "found"
    assert found.people == ("a", "b")


def test_a_data_set_is_named_with_its_distribution(opening: Opening) -> None:
    assert opening("procedural-faces@guest").bench.data.name == "procedural-faces"
    with pytest.raises(BadInput, match="provided more than once"):
        opening("procedural-faces")


@pytest.mark.parametrize("data", ["nowhere", "loop", "loop/faces", "a" * 5000, "~nobody-of-this-name/faces"])
def test_a_folder_that_is_none_is_one_sentence(opening: Opening, tmp_path: Path, data: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(BadInput) as caught:
        opening(data)
    assert len(str(caught.value).splitlines()) == 1


def test_people_are_found_however_their_letters_are_composed(opening: Opening, tmp_path: Path, tiny: Path) -> None:
    faces(tmp_path / "found", unicodedata.normalize("NFD", "Zoë"), "b", "c")
    people = f"people: [{unicodedata.normalize('NFD', 'Zoë')}, b]"
    text = tiny.read_text(encoding="utf-8")
    section = "{name: procedural-faces, identities: 2, images_per_identity: 40, size: 32}"
    assert section in text
    text = text.replace(section, f"{{name: folder@ftbench, path: {tmp_path / 'found'}, size: 32, {people}}}")
    tiny.write_text(text, encoding="utf-8")
    found = open_benchmark(Request(str(tiny)), Console(quiet=True), settle_on_disk=False).bench.data
    assert found.people == (unicodedata.normalize("NFC", "Zoë"), "b")
    assert " (of 3): " in overview(found)[0]


def test_plan_shows_people_images_and_what_was_set_aside(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = faces(tmp_path / "found", "[red]a[bold]", "b")
    for number in range(SET_ASIDE_NAMED + 3):
        (root / "b" / f"x{number:02}.heic").write_bytes(b"x")
    bench.plan(str(tiny), data=str(root), out=tmp_path / "out")
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    head = next(line for line in lines if line.startswith("Data found"))
    assert " 50 images of 2 people: " in head
    count = {split: int(number) for number, split in (part.split() for part in head.rsplit(": ", 1)[1].split(", "))}
    assert sum(count.values()) == 50
    assert [line.split(": ")[0] for line in lines if line.endswith(" test")][1:] == ["[red]a[bold]", "b"]
    assert f"Set aside: {SET_ASIDE_NAMED + 3}" in lines
    assert "b/x00.heic: HEIC is not read: save it as JPEG or PNG" in lines
    assert "and 3 more; the manifest of a run names them all" in lines
    assert any("Split by a hash of the image's content" in line for line in lines)


def test_plan_says_that_drawn_people_are_in_every_split(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench.plan(str(tiny), out=tiny.parent / "out")
    assert "every person is in every split" in capsys.readouterr().out
