"""embed and extract as they are called: many files, one bad, nothing lost, payloads that come back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps
from skimage.metrics import peak_signal_noise_ratio

import ftbench.cli
from ftbench.marking import inference, payloads
from ftbench.storage.store import CellFolder
from tests.command_line import call
from tests.marking.calls import Command, photo, register

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

QUICK = """\
name: quick-pair
dataset: {name: procedural-faces, identities: 2, images_per_identity: 40, size: 32}
message: {bits: 4}
matrix:
  encoder: {name: unet-resnet18, backbone_options: {channels: [8, 8, 8, 8]}, up_width: 0.03, stem_channels: 8}
  decoder: {name: conv7, width: 0.06}
  simulator: none
  loss: {target_psnr: 18}
train:
  steps: 250
  batch_size: 16
  ema: 0.9
  optimiser: {learning_rate: 0.004}
  curriculum: {start_psnr: 14, ramp: 0.3}
evaluate: {simulators: none, draws: 1}
compute: {device: cpu, precision: float32, threads: 1}
"""


def test_a_photo_saved_as_jpeg_90_gives_its_payload_back(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    source = photo(tmp_path / "mine.jpg", quality=95)
    said = ftbench_here("embed", model, source, "--payload", "0xa7")
    assert said.code == 0, said.err
    assert "mine.jpg -> marked/mine.png: 26.00 dB, payload 0b10100111, 8 of 8 bits read back" in said.out
    assert "1 of 1 pictures marked with '30 dB'; payloads in marked/payloads.csv" in said.out
    Image.open("marked/mine.png").save("again.jpg", quality=90)
    read = ftbench_here("extract", model, "again.jpg", "mine.jpg", "--expect", "10100111", "--drawn", "--json")
    marked, cover = json.loads(read.out)
    assert (marked["file"], marked["payload"], marked["matches"], marked["of"]) == ("again.jpg", "0b10100111", 8, 8)
    assert marked["p_value"] == pytest.approx(2**-8)
    assert cover["matches"] < 8
    # A share of the 256 payloads that may have been drawn.
    assert (cover["p_value"] * 256) % 1 == 0
    assert 2**-8 < cover["p_value"] <= 1


def test_the_file_says_what_the_register_says(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    sources = [
        photo(tmp_path / f"{seed}.png", seed, shape) for seed, shape in enumerate([(32, 32), (200, 70), (64, 300)])
    ]
    said = ftbench_here("embed", model, *sources, "--psnr", 31.5, "--out", "out", "--draw")
    assert said.code == 0, said.err
    rows = register(tmp_path / "out")
    assert rows["file"].tolist() == ["0.png", "1.png", "2.png"]
    assert set(rows["model"]) == {"a1" * 32}
    assert set(rows["setting"]) == {"30 dB"}
    for source, row in zip(sources, rows.to_dict("records"), strict=True):
        file = tmp_path / "out" / row["file"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == row["sha256"]
        cover, marked = np.asarray(Image.open(source)), np.asarray(Image.open(file))
        measured = peak_signal_noise_ratio(cover, marked, data_range=255)
        assert measured == pytest.approx(31.5, abs=0.02)
        assert float(row["psnr"]) == pytest.approx(measured, abs=0.005)
        assert f"{row['psnr']} dB, payload {row['payload']}" in said.out
    read = json.loads(ftbench_here("extract", model, *sorted((tmp_path / "out").glob("*.png")), "--json").out)
    assert (
        sum(payloads.matches(one["payload"][2:], row[2:]) for one, row in zip(read, rows["payload"], strict=True)) > 18
    )


def test_payloads_are_drawn_anew_for_each_picture(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    sources = [photo(tmp_path / f"{seed}.png", shape=(40, 40)) for seed in range(12)]
    assert ftbench_here("embed", model, *sources).code == 0
    # Twelve equal ones of 256 would be one chance in 10^26.
    assert len(set(register(tmp_path / "marked")["payload"])) > 1


def test_one_bad_picture_stops_no_other(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    good = [photo(tmp_path / "first.png"), photo(tmp_path / "last.png", seed=1)]
    bad = {
        "broken.jpg": "damaged or cut short",
        "tiny.png": "30×100 pixels are too few: this model needs 32",
        "flat.png": "one flat colour",
        "missing.png": "cannot be opened: no such file",
        "text.png": "not a JPEG, PNG",
    }
    photo(tmp_path / "broken.jpg").write_bytes((tmp_path / "broken.jpg").read_bytes()[:400])
    photo(tmp_path / "tiny.png", shape=(100, 30))
    Image.new("RGB", (50, 50), (9, 90, 200)).save(tmp_path / "flat.png")
    (tmp_path / "text.png").write_text("hello")
    files = [good[0], *(tmp_path / name for name in bad), good[1]]
    said = ftbench_here("embed", model, *files)
    assert said.code == 1
    assert "2 of 7 pictures marked" in said.out
    for name, why in bad.items():
        (line,) = [line for line in said.err.splitlines() if line.startswith(f"{tmp_path / name}: ")]
        assert why in line
    assert sorted(file.name for file in Path("marked").glob("*.*")) == [
        *([".payloads.csv.lock"] if Path("marked/.payloads.csv.lock").exists() else []),
        *("first.png", "last.png", "payloads.csv"),
    ]
    assert register(tmp_path / "marked")["file"].tolist() == ["first.png", "last.png"]
    read = ftbench_here("extract", model, *files, "--json")
    assert read.code == 1
    rows = {Path(row["file"]).name: row for row in json.loads(read.out)}
    assert "payload" in rows["first.png"]
    # A flat picture and a small one cannot be marked, and read like any other.
    read_all_the_same = {"flat.png", "tiny.png"}
    assert all("payload" in rows[name] for name in read_all_the_same)
    for name in bad.keys() - read_all_the_same:
        assert "payload" not in rows[name]
        assert rows[name]["error"]


def test_nothing_is_overwritten_unasked(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    source = photo(tmp_path / "a.png")
    assert ftbench_here("embed", model, source, "--payload", "11110000").code == 0
    before = (tmp_path / "marked" / "a.png").read_bytes()
    said = ftbench_here("embed", model, source, "--payload", "00001111")
    assert said.code == 1
    assert "marked/a.png is there already; give --overwrite" in said.err
    assert (tmp_path / "marked" / "a.png").read_bytes() == before
    assert register(tmp_path / "marked")["payload"].tolist() == ["0b11110000"]
    assert ftbench_here("embed", model, source, "--payload", "00001111", "--overwrite").code == 0
    # The older copy may have been sent around: its payload stays.
    assert register(tmp_path / "marked")["payload"].tolist() == ["0b11110000", "0b00001111"]
    assert "0b00001111" in ftbench_here("extract", model, "marked/a.png").out


def test_a_picture_is_never_replaced_by_its_mark(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    source = photo(tmp_path / "a.png")
    before = source.read_bytes()
    said = ftbench_here("embed", model, source, "--out", ".", "--overwrite")
    assert said.code == 1
    assert "would replace a picture to be marked" in said.err
    assert source.read_bytes() == before
    # Nor another of the same call, under whatever name it is reached.
    other = photo(tmp_path / "there" / "a.jpg", seed=1)
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    said = ftbench_here("embed", model, other, tmp_path / "link" / "a.png", "--out", tmp_path, "--overwrite")
    assert said.code == 1
    assert source.read_bytes() == before


def test_the_formats(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    files = [
        photo(tmp_path / "a.jpg"),
        photo(tmp_path / "b.webp", lossless=True),
        photo(tmp_path / "c.TIF", format="TIFF"),
        photo(tmp_path / "d.png"),
        photo(tmp_path / "e.bmp"),
    ]
    assert ftbench_here("embed", model, *files, "--format", "same", "--out", "same").code == 0
    held = {
        file.name: Image.open(file).format for file in Path("same").iterdir() if file.suffix not in (".csv", ".lock")
    }
    assert held == {"a.jpg": "JPEG", "b.webp": "WEBP", "c.TIF": "TIFF", "d.png": "PNG", "e.bmp": "BMP"}
    said = ftbench_here(
        "embed", model, *files, "--format", "jpeg", "--quality", 60, "--out", "jpeg", "--payload", "0x5a"
    )
    assert said.code == 0, said.err
    assert {file.suffix for file in Path("jpeg").iterdir() if not file.name.startswith(".")} == {".jpg", ".csv"}
    assert said.out.count("dB as saved, payload 0b01011010") == 5
    # What is registered is the quality of the file, not of the mark before it was compressed.
    row = register(tmp_path / "jpeg").iloc[3]
    measured = peak_signal_noise_ratio(
        np.asarray(Image.open(tmp_path / "d.png")), np.asarray(Image.open("jpeg/d.jpg")), data_range=255
    )
    assert float(row["psnr"]) == pytest.approx(measured, abs=0.005)
    assert measured < 25.9


def test_a_turned_photo_keeps_its_tag_profile_and_payload(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6
    tags[ExifTags.Base.Artist] = "me"
    source = photo(tmp_path / "turned.jpg", shape=(80, 140), exif=tags, icc_profile=SRGB, dpi=(300, 300), quality=98)
    assert ftbench_here("embed", model, source, "--payload", "01100101").code == 0
    with Image.open("marked/turned.png") as marked:
        assert marked.size == (140, 80)
        assert (marked.getexif()[ExifTags.Base.Orientation], marked.getexif()[ExifTags.Base.Artist]) == (6, "me")
        assert marked.info["icc_profile"] == SRGB
        assert marked.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        # As a chat program would send it: turned for good, without its tags.
        upright = ImageOps.exif_transpose(marked)
        assert upright is not None
        Image.fromarray(np.asarray(upright)).save("sent.jpg", quality=90)
        Image.fromarray(np.asarray(marked)).save("tag-lost.png")
    read = json.loads(ftbench_here("extract", model, "marked/turned.png", "sent.jpg", "tag-lost.png", "--json").out)
    assert [one["payload"] for one in read[:2]] == ["0b01100101"] * 2
    assert read[2]["payload"] != "0b01100101"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["embed", "MODEL", "a.png", "--payload", "101"], "payload '101' has 3 bits and the model carries 8"),
        (["embed", "MODEL", "a.png", "--payload", "0x1ff"], "has 3 hexadecimal digits and 8 bits take 2"),
        (["embed", "MODEL", "a.png", "--payload", "me"], "neither bits nor hexadecimal"),
        (["embed", "MODEL", "a.png", "--payload", "10101010", "--draw"], "--draw and --payload exclude each other"),
        (["embed", "MODEL", "a.png", "--quality", "80"], "--quality is for JPEG files"),
        (["embed", "MODEL", "a.png", "--setting", "40 dB"], "no setting begins with '40 dB'; there are: '30 dB'"),
        (["embed", "MODEL", "a.png", "--store", "."], "weights of '30 dB' are not in"),
        (["embed", "nowhere", "a.png"], "there is no nowhere"),
        (["embed", "MODEL", "a.png", "--out", "taken"], "taken/payloads.csv is not a register of payloads"),
        (
            ["embed", "MODEL", "a.png", "--out", "a.png"],
            "a.png/payloads.csv cannot be read as a register of payloads: Not a dir",
        ),
        (["extract", "MODEL", "a.png", "--expect", "1"], "payload '1' has 1 bits and the model carries 8"),
        (["extract", "MODEL", "a.png", "--expect", "0x00", "--among", "x.csv"], "--expect and --among exclude"),
        (["extract", "MODEL", "a.png", "--among", "x.csv"], "there is no x.csv"),
    ],
)
def test_bad_calls_are_one_sentence(
    arguments: list[str], says: str, ftbench_here: Command, model: Path, tmp_path: Path
) -> None:
    photo(tmp_path / "a.png")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "payloads.csv").write_text("salaries\n")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    said = ftbench_here(*(model if argument == "MODEL" else argument for argument in arguments))
    assert said.code == 2
    assert says in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_payload_is_kept_before_its_picture(
    ftbench_here: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(path: Path, write: Any) -> None:
        raise ftbench.cli.BadInput("never called") if path.suffix == ".csv" else KeyboardInterrupt

    monkeypatch.setattr(inference, "write_atomically", disk_full)
    photo(tmp_path / "a.png")
    assert ftbench_here("embed", model, "a.png", "--payload", "11001010").code == 130
    assert not Path("marked/a.png").exists()
    assert register(tmp_path / "marked")["payload"].tolist() == ["0b11001010"]


def test_a_full_disk_ends_it_with_one_sentence(
    ftbench_here: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def full(self: Path, data: bytes) -> int:
        written.append(self)
        raise OSError(28, "No space left on device")

    files = [photo(tmp_path / "a.png"), photo(tmp_path / "b.png")]
    monkeypatch.setattr(Path, "write_bytes", full)
    said = ftbench_here("embed", model, *files)
    assert said.code == 2
    assert "cannot write marked/a.png: No space left on device; free some space" in said.err
    assert len(written) == 1
    assert not list(Path("marked").glob("*.png"))


def test_warnings_leave_json_alone(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    (cell,) = (tmp_path / "results" / ".store").iterdir()
    folder = CellFolder(cell)
    held = json.loads(folder.file("cell.json").read_text(encoding="utf-8"))
    folder.restamp({**held, "evidence": {"code": {"tests/marking/carriers.py": "0" * 12}}})
    said = ftbench_here("extract", cell, photo(tmp_path / "a.png"), "--json")
    assert said.code == 0
    assert len(json.loads(said.out)) == 1
    assert "since the model was trained, tests/marking/carriers.py changed" in said.err
    assert len(said.err.splitlines()) == 1


def test_a_pair_that_a_benchmark_trained_marks_photos(
    tmp_path: Path, ftbench_command: list[str], ftbench_here: Command
) -> None:
    (tmp_path / "quick.yaml").write_text(QUICK, encoding="utf-8")
    run = call(ftbench_command, "run", "quick.yaml", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    (results,) = (tmp_path / "results" / "quick-pair").iterdir()
    from ftbench_datasets.procedural.source import ProceduralFaces

    # People that it was not trained on, in another shape and eight times the size.
    source = ProceduralFaces(identities=4, images_per_identity=2, seed=77)
    for number, item in enumerate(source.items):
        Image.fromarray(source.load(item, 256)).crop((0, 16, 256, 240)).save(tmp_path / f"{number}.png")
    names = [f"{number}.png" for number in range(len(source.items))]
    marked = ftbench_here("embed", results, *names)
    assert (marked.code, marked.err) == (0, "")
    for name in names:
        with Image.open(tmp_path / "marked" / name) as picture:
            psnr = peak_signal_noise_ratio(np.asarray(Image.open(tmp_path / name)), np.asarray(picture), data_range=255)
            # The target that it was trained for, unasked.
            assert psnr == pytest.approx(18, abs=0.02)
            picture.save(tmp_path / f"{name}.jpg", quality=90)
    sent = [f"{name}.jpg" for name in names]
    read = ftbench_here("extract", results, *sent, "--json")
    assert read.code == 0, read.err
    given = register(tmp_path / "marked").set_index("file")["payload"]
    wrong = sum(found["payload"] != given[name] for found, name in zip(json.loads(read.out), names, strict=True))
    # Payloads are drawn anew each time, so the number differs. A pair that cannot read would give fifteen of sixteen
    # pictures back wrong.
    assert wrong <= 2
