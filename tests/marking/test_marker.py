"""Marking and reading from Python, and the notebook that shows it."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps

import ftbench
from ftbench.errors import BadInput
from ftbench.marking.inference import Marked
from tests.marking.calls import photo
from tests.marking.carriers import photograph
from tests.test_wheel import CHECKOUT


def deep() -> Image.Image:
    """Colour of 16 bits, as a file has it."""
    rows = b"".join(b"\0" + bytes(50 * 6) for _ in range(50))
    header = struct.pack(">IIBBBBB", 50, 50, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    data = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return Image.open(io.BytesIO(b"\x89PNG\r\n\x1a\n" + data))


def closed() -> Image.Image:
    image = Image.new("RGB", (50, 50))
    image.close()
    return image


def cut_short() -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(photograph(80, 80)).save(file, "JPEG")
    return Image.open(io.BytesIO(file.getvalue()[:900]))


def animated() -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(photograph(50, 50)).save(
        file, "WEBP", save_all=True, append_images=[Image.fromarray(photograph(50, 50, seed=1))]
    )
    return Image.open(file)


NOTEBOOK = CHECKOUT / "examples" / "mark-and-trace.ipynb"


def test_importing_the_package_leaves_torch_alone() -> None:
    code = "import sys, ftbench; assert 'marker' in ftbench.__all__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.usefixtures("shipped")
def test_arrays_and_pictures_come_back_as_what_they_were() -> None:
    marker = ftbench.marker()
    array = photograph(100, 140)
    before = array.copy()
    marked = marker.embed(array, "int:77")
    np.testing.assert_array_equal(array, before)
    assert marked.image.dtype == np.uint8
    assert marked.image.shape == array.shape
    assert marked.psnr == pytest.approx(24, abs=0.1)
    clear = Image.fromarray(np.dstack([array, np.full(array.shape[:2], 90, np.uint8)]))
    again = marker.embed(clear, "int:77")
    assert (again.image.mode, again.payload) == ("RGBA", marked.payload)
    np.testing.assert_array_equal(np.asarray(again.image)[..., :3], marked.image)
    np.testing.assert_array_equal(np.asarray(again.image)[..., 3], 90)
    for image in (marked.image, again.image, ImageOps.mirror(again.image)):
        read = marker.extract(image, seconds=60)
        assert (read.marked, read.payload) == (True, marked.payload)
        assert int(read.payload[: marker.bits], 2) == 77
    assert read.place["mirrored"] is True
    assert marker.extract(array, seconds=0).marked is False


@pytest.mark.usefixtures("shipped")
def test_an_expected_payload_has_a_p_value() -> None:
    marker = ftbench.marker(tag=0)
    marked = marker.embed(photograph(80, 80))
    other = marker.embed(photograph(80, 80))
    read = marker.extract(marked.image, expect=[f"0b{other.payload}", f"0b{marked.payload}"])
    assert (read.matches, read.closest, read.marked) == (32, marked.payload, None)
    # Two payloads were compared, and without a search nothing more.
    assert read.p_value == pytest.approx(2 / 2**32)


@pytest.mark.usefixtures("shipped")
def test_a_photograph_that_lies_on_its_side_comes_back_upright(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = photo(tmp_path / "phone.jpg", shape=(100, 140), exif=tags, icc_profile=profile, quality=95)
    shown = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    marker = ftbench.marker()
    marked = marker.embed(Image.open(file))
    assert marked.image.size == (100, 140)
    assert np.abs(np.asarray(marked.image).astype(int) - shown).mean() < 20
    assert marked.image.info["icc_profile"] == profile
    marked.image.save(tmp_path / "saved.png")
    # The command line sees what Python sees, and the other way round.
    assert marker.extract(Image.open(tmp_path / "saved.png"), seconds=0).payload == marked.payload
    marker.embed_folder(tmp_path, tmp_path / "out", quiet=True)
    turned = Image.open(tmp_path / "out" / "phone.png")
    assert turned.getexif()[ExifTags.Base.Orientation] == 6
    assert marker.extract(turned, seconds=0).marked is True


@pytest.mark.usefixtures("shipped")
def test_another_key_sees_no_mark() -> None:
    mine, other = ftbench.marker(key=b"a key of my own"), ftbench.marker()
    marked = mine.embed(photograph(90, 90)).image
    assert mine.extract(marked, seconds=0).marked is True
    assert other.extract(marked, seconds=0).marked is False


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((50, 50), np.uint8), r"an array \(h, w, 3\) of uint8, and this is uint8 \(50, 50\)"),
        (np.zeros((50, 50, 3)), "this is float64"),
        ("photo.png", "this is str"),
        (np.zeros((50, 50, 3), np.uint8), "one flat colour"),
        (photograph(20, 20), "are too few"),
        (Image.fromarray(photograph(50, 50)).convert("CMYK"), "colours are CMYK; convert it to RGB"),
        (Image.fromarray(photograph(50, 50)[..., 0].astype(np.uint16)), "more than 8 bits a channel"),
        (Image.new("F", (50, 50)), "32-bit samples"),
        (cut_short(), "damaged or cut short"),
        (deep(), "more than 8 bits a channel"),
        (closed(), "it was closed; give it while it is open"),
        (animated(), "it has 2 frames or pages"),
    ],
)
def test_what_is_no_picture_is_one_sentence(image: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        ftbench.marker().embed(image)


@pytest.mark.usefixtures("shipped")
def test_a_key_too_short_and_a_bound_too_low_are_refused() -> None:
    with pytest.raises(BadInput, match="has 5 bytes and needs 8"):
        ftbench.marker(key=b"short")
    with pytest.raises(BadInput, match="cannot be kept by a check of 16 bits"):
        ftbench.marker().extract(photograph(50, 50), false_positives=1e-6)


@pytest.mark.usefixtures("shipped")
def test_a_folder_is_marked_and_traced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(3):
        photo(tmp_path / "in" / "deep" / f"{seed}.png", seed)
    (tmp_path / "in" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    marker = ftbench.marker()
    done = marker.embed_folder(tmp_path / "in", tmp_path / "out", note="for Ann")
    assert [isinstance(one, Marked) for one in done.values()] == [False, True, True, True]
    assert "embed" in capsys.readouterr().err
    traced = marker.extract_folder(tmp_path / "out", tmp_path / "out" / "payloads.csv", seconds=0, quiet=True)
    assert len(traced) == 3
    for path, found in traced.items():
        assert not isinstance(found, BadInput)
        assert (found["mark"], found["given_to"]) == ("marked", path.relative_to(tmp_path / "out").as_posix())
        assert found["note"] == "for Ann"
    assert capsys.readouterr().err == ""


def test_the_notebook_runs_and_traces_the_picture(capsys: pytest.CaptureFixture[str]) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)
    (found,) = names["traced"].values()
    assert found["mark"] == "marked"
    assert found["given_to"] == "marked/2.png"
    assert found["note"] == "sent to Ann"
    assert "marked: True" in capsys.readouterr().out
