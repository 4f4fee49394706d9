"""Picture files: pixels as viewers show them, and all that belongs to them kept."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps, IptcImagePlugin, PngImagePlugin

from ftbench.errors import BadInput
from ftbench.marking import pictures
from tests.marking.carriers import photograph

Bytes = bytes
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><note>\xc3\xa4</note></x:xmpmeta>'
MAKER_NOTE = b"Secret\0\x01\x02" * 5


def exif(orientation: int = 1) -> Bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    tags[ExifTags.Base.Artist] = "A. Photographer"
    tags[ExifTags.Base.Copyright] = "all rights"
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = MAKER_NOTE
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:01:02 03:04:05"
    tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return tags.tobytes()


def saved(image: Image.Image, kind: str, **options: Any) -> Bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: Bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def rgb(height: int = 24, width: int = 40) -> Image.Image:
    return Image.fromarray(photograph(height, width))


def changed(picture: pictures.Picture) -> NDArray[np.uint8]:
    """Other pixels of the same shape."""
    return 255 - picture.pixels


def rewritten(data: Bytes, kind: Any) -> Image.Image:
    picture = pictures.read(data)
    return opened(pictures.write(picture, changed(picture), kind, 95))


def as_tags(image: Image.Image) -> dict[str, Any]:
    found = image.getexif()
    return {
        "orientation": found.get(ExifTags.Base.Orientation, 1),
        "artist": found.get(ExifTags.Base.Artist),
        "note": found.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.MakerNote),
        "date": found.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal),
        "gps": found.get_ifd(ExifTags.IFD.GPSInfo).get(ExifTags.GPS.GPSLatitudeRef),
    }


SOURCES: dict[str, dict[str, Any]] = {
    "PNG": {"exif": exif(), "icc_profile": SRGB, "dpi": (300, 300)},
    "JPEG": {"exif": exif(), "icc_profile": SRGB, "dpi": (300, 300), "quality": 97},
    "WEBP": {"exif": exif(), "icc_profile": SRGB, "lossless": True},
    "TIFF": {"exif": exif(), "icc_profile": SRGB, "dpi": (300, 300)},
}


@pytest.mark.parametrize("target", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("source", SOURCES)
def test_exif_profile_and_resolution_travel(source: str, target: str) -> None:
    data = saved(rgb(), source, **SOURCES[source])
    image = rewritten(data, target)
    assert image.format == target
    assert as_tags(image) == as_tags(opened(data))
    assert as_tags(image)["note"] == MAKER_NOTE
    assert image.info["icc_profile"] == SRGB
    if source != "WEBP" and target != "WEBP":
        assert [float(number) for number in image.info["dpi"]] == pytest.approx([300, 300], abs=0.5)


@pytest.mark.parametrize("source", ["PNG", "JPEG", "WEBP"])
def test_exif_is_not_written_anew(source: str) -> None:
    # A maker's notes hold offsets that only the same bytes keep right.
    data = saved(rgb(), source, **SOURCES[source])
    kept = opened(data).info["exif"].removeprefix(b"Exif\0\0")
    for target in ("PNG", "JPEG", "WEBP"):
        assert rewritten(data, target).info["exif"].removeprefix(b"Exif\0\0") == kept


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_all_kinds_but_jpeg_keep_every_pixel(kind: Any) -> None:
    data = saved(rgb(), "PNG")
    picture = pictures.read(data)
    image = rewritten(data, kind)
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), changed(picture))
    assert np.array_equal(pictures.read(saved(image, "PNG")).pixels, changed(picture))


def test_jpeg_keeps_full_colour_and_heeds_its_quality() -> None:
    picture = pictures.read(saved(rgb(), "PNG"))
    low, high = (pictures.write(picture, picture.pixels, "JPEG", quality) for quality in (30, 98))
    assert len(low) < len(high)
    image = opened(high)
    # Component sampling factors of a frame whose colour is not halved.
    assert {layer[1:3] for layer in image.layer} == {(1, 1)}  # type: ignore[attr-defined]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_pixels_are_upright_and_files_stay_as_they_lay(orientation: int, kind: Any) -> None:
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    data = saved(rgb(), kind, exif=exif(orientation), **options)
    viewed = np.asarray(ImageOps.exif_transpose(opened(data)))
    picture = pictures.read(data)
    assert np.array_equal(picture.pixels, viewed)
    for target in ("PNG", "TIFF"):
        image = opened(pictures.write(picture, changed(picture), target, 95))  # type: ignore[arg-type]
        # What a viewer shows is the picture with its other pixels.
        assert np.array_equal(np.asarray(ImageOps.exif_transpose(image)), 255 - viewed)
        if kind != "TIFF" and target != "TIFF":
            # Pillow turns TIFFs on loading, so only of the others can one see how they lie.
            assert image.size == opened(data).size
            assert image.getexif()[ExifTags.Base.Orientation] == orientation
            assert np.array_equal(np.asarray(image), 255 - np.asarray(opened(data)))


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_means_nothing_is_left_alone(orientation: int) -> None:
    data = saved(rgb(), "PNG", exif=exif(orientation))
    assert pictures.read(data).pixels.shape == (24, 40, 3)
    assert rewritten(data, "PNG").getexif()[ExifTags.Base.Orientation] == orientation


def test_texts_and_colour_chunks_of_a_png_are_copied() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Zoë")
    info.add_text("Author", "second")
    info.add_text("Long", "x" * 500, zip=True)
    info.add_itxt("Title", "雪", "ja", "題")
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    info.add(b"gAMA", struct.pack(">I", 45455))
    data = saved(rgb(), "PNG", pnginfo=info)
    copy = pictures.write(pictures.read(data), pictures.read(data).pixels, "PNG", 95)
    for chunk in (b"tEXtAuthor\0Zo", b"tEXtAuthor\0second", b"zTXtLong", b"iTXtTitle\0\0\0ja\0", b"gAMA\0\0\xb1\x8f"):
        assert chunk in copy
    assert copy.count(b"iTXtXML:com.adobe.xmp") == 1
    image = opened(copy)
    assert isinstance(image, PngImagePlugin.PngImageFile)
    assert (image.text["Title"], image.text["Long"]) == ("雪", "x" * 500)
    assert pictures.read(data).metadata.lost("PNG") == ()
    assert pictures.read(data).metadata.lost("JPEG") == ("its text chunks left out, which JPEG cannot hold",)


@pytest.mark.parametrize("target", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("source", ["PNG", "JPEG", "WEBP"])
def test_xmp_travels(source: str, target: str) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    data = saved(rgb(), source, **({"pnginfo": info} if source == "PNG" else {"xmp": XMP}))
    held = rewritten(data, target).info["xmp"]
    assert (held.encode() if isinstance(held, str) else held).rstrip(b"\0") == XMP
    assert pictures.read(data).metadata.lost("PNG") == ()


def test_comments_and_captions_of_a_jpeg_travel() -> None:
    caption = b"\x1c\x02\x78\x00\x05Hello"
    resource = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(caption)) + caption
    block = b"Photoshop 3.0\0" + resource
    segment = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    data = saved(rgb(), "JPEG", comment="made by hand", extra=segment)
    assert IptcImagePlugin.getiptcinfo(opened(data)) == {(2, 120): b"Hello"}
    copy = rewritten(data, "JPEG")
    assert IptcImagePlugin.getiptcinfo(copy) == {(2, 120): b"Hello"}
    assert copy.info["comment"] == b"made by hand"
    png = rewritten(data, "PNG")
    assert isinstance(png, PngImagePlugin.PngImageFile)
    assert png.text["Comment"] == "made by hand"
    assert pictures.read(data).metadata.lost("PNG") == ("its IPTC captions left out, which PNG cannot hold",)
    assert pictures.read(data).metadata.lost("JPEG") == ()


def transparent_palette() -> Image.Image:
    image = rgb().quantize(16)
    image.info["transparency"] = 3
    return image


def alpha_of(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGBA"))[..., 3]


ALPHA = Image.linear_gradient("L").resize((40, 24))
WITH_ALPHA = {
    "RGBA": Image.merge("RGBA", [*rgb().split(), ALPHA]),
    "LA": Image.merge("LA", [rgb().convert("L"), ALPHA]),
    "palette": transparent_palette(),
    "colour key": rgb(),
}


@pytest.mark.parametrize("case", WITH_ALPHA)
@pytest.mark.parametrize("target", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_kept(case: str, target: str) -> None:
    image = WITH_ALPHA[case]
    key = {"transparency": image.getpixel((5, 5))} if case == "colour key" else {}
    data = saved(image, "PNG", **key)
    assert alpha_of(opened(data)).min() < 255
    picture = pictures.read(data)
    copy = rewritten(data, target)
    assert copy.mode == "RGBA"
    assert np.array_equal(alpha_of(copy), alpha_of(opened(data)))
    # Also the colours under transparent parts: they carry the mark.
    assert np.array_equal(np.asarray(copy)[..., :3], changed(picture))
    with pytest.raises(BadInput, match="transparent in parts, which JPEG cannot hold"):
        pictures.write(picture, picture.pixels, "JPEG", 95)


def test_transparency_turns_with_its_picture() -> None:
    data = saved(WITH_ALPHA["RGBA"], "PNG", exif=exif(6))
    assert np.array_equal(np.asarray(rewritten(data, "PNG"))[..., 3], np.asarray(opened(data))[..., 3])


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_and_palettes_become_rgb_of_the_same_look(mode: str) -> None:
    image = rgb().convert(mode)
    picture = pictures.read(saved(image, "PNG"))
    assert picture.obstacle == ""
    assert picture.alpha is None
    assert np.array_equal(picture.pixels, np.asarray(image.convert("RGB")))


def deep_png(mode: str) -> Bytes:
    """16 bits a channel, by hand: Pillow writes none in colour."""
    samples = (photograph(20, 20).astype(np.uint32) * 257).astype(">u2")
    samples = samples if mode == "RGB" else samples[..., :1]

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", 20, 20, 16, 2 if mode == "RGB" else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def deep_tiff() -> Bytes:
    return saved(Image.fromarray(photograph(20, 20)[..., 0].astype(np.uint16) * 257), "TIFF")


def frames(kind: str) -> Bytes:
    return saved(rgb(), kind, save_all=True, append_images=[Image.fromarray(photograph(24, 40, seed=1))])


def grey_profile() -> Bytes:
    # Only the field that tells the colour space counts here.
    return SRGB[:16] + b"GRAY" + SRGB[20:]


OBSTACLES: dict[str, tuple[Any, str]] = {
    "deep colour": (lambda: deep_png("RGB"), "more than 8 bits a channel"),
    "deep grey": (lambda: deep_png("L"), "more than 8 bits a channel"),
    "deep tiff": (deep_tiff, "more than 8 bits a channel"),
    "animated png": (lambda: frames("PNG"), "it has 2 frames or pages"),
    "animated webp": (lambda: frames("WEBP"), "it has 2 frames or pages"),
    "pages": (lambda: frames("TIFF"), "it has 2 frames or pages"),
    "cmyk": (lambda: saved(rgb().convert("CMYK"), "JPEG"), "colours are CMYK; convert it to RGB"),
    "lab": (lambda: saved(rgb().convert("LAB"), "TIFF"), "colours are LAB; convert it to RGB"),
    "grey profile": (lambda: saved(rgb().convert("L"), "JPEG", icc_profile=grey_profile()), "grey colour profile"),
}


@pytest.mark.parametrize("case", OBSTACLES)
def test_what_marking_would_damage_is_said_and_still_read(case: str) -> None:
    make, says = OBSTACLES[case]
    picture = pictures.read(make())
    assert says in picture.obstacle
    side = 20 if "deep" in case else 24
    assert picture.pixels.shape[0] == side
    if case.startswith("deep"):
        wanted = photograph(20, 20) if case == "deep colour" else np.repeat(photograph(20, 20)[..., :1], 3, axis=2)
        assert np.array_equal(picture.pixels, wanted)


def test_further_pictures_of_a_cameras_jpeg_are_named() -> None:
    data = saved(rgb(), "MPO", save_all=True, append_images=[rgb(12, 20)], exif=exif(3))
    picture = pictures.read(data)
    assert (picture.kind, picture.obstacle, picture.orientation) == ("JPEG", "", 3)
    assert picture.notes == ("its 1 smaller picture(s) left out",)
    assert rewritten(data, "JPEG").format == "JPEG"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"hello", "not a JPEG, PNG, WebP, TIFF or BMP"),
        (saved(rgb(), "GIF"), "not a JPEG, PNG, WebP, TIFF or BMP"),
        (saved(rgb(), "PNG")[:-400], "damaged or cut short"),
        (saved(rgb(), "JPEG")[:300], "damaged or cut short"),
        (saved(rgb(), "WEBP")[:60], "damaged or cut short|not a JPEG"),
        (saved(Image.new("F", (8, 8)), "TIFF"), "32-bit samples"),
        (saved(Image.new("1", (9500, 9500)), "PNG"), "more than 89 million pixels"),
        (saved(Image.new("1", (14000, 14000)), "PNG"), "more than 89 million pixels"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(data: Bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        pictures.read(data)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="it is a folder"):
        pictures.read_file(tmp_path)
    with pytest.raises(BadInput, match="no such file"):
        pictures.read_file(tmp_path / "none.png")


def test_metadata_that_does_not_fit_is_said() -> None:
    picture = pictures.read(saved(rgb(), "PNG", exif=b"Exif\0\0" + exif()[6:] + b"\0" * 70_000))
    with pytest.raises(BadInput, match=r"cannot be written as JPEG.*use another --format"):
        pictures.write(picture, picture.pixels, "JPEG", 95)


def test_a_photographs_png_is_read_alike_by_another_library() -> None:
    photo = Image.fromarray(photograph(61, 93))
    picture = pictures.read(saved(photo, "JPEG", exif=exif(6), icc_profile=SRGB, dpi=(300, 300), comment="by hand"))
    data = pictures.write(picture, changed(picture), "PNG", 95)
    # Pixels lie as in the JPEG, turned, and OpenCV's lie blue first.
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    stored = np.asarray(Image.fromarray(changed(picture)).transpose(Image.Transpose.ROTATE_90))
    np.testing.assert_array_equal(read[..., ::-1], stored)
    # Digests of chunks and all.
    Image.open(io.BytesIO(data)).verify()
    image = opened(data)
    assert (image.size, image.info["icc_profile"], as_tags(image)["orientation"]) == ((93, 61), SRGB, 6)
