import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
import skimage.data
import torch
from PIL import ExifTags, Image, PngImagePlugin, features
from torch.nn.functional import interpolate

from ftbench_datasets.images import FORMATS, UnreadableImage, coarseness, decode, fit_square, read_rgb


def encoded(image: Image.Image, form: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def pixels(image: Image.Image, form: str, **options) -> np.ndarray:
    return np.asarray(decode(encoded(image, form, **options))).astype(int)


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG written by its specification: what Pillow cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    image = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + image


COLOURS = np.array(list(product((0, 31, 128, 200, 255), repeat=3)), dtype=np.uint8).reshape(5, 25, 3)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "WEBP"])
def test_rgb_is_kept_exactly(form):
    options = {"lossless": True} if form == "WEBP" else {}
    np.testing.assert_array_equal(pixels(Image.fromarray(COLOURS), form, **options), COLOURS)


def test_grey_becomes_three_equal_channels():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.repeat(ramp[..., None], 3, axis=2)
    np.testing.assert_array_equal(pixels(Image.fromarray(ramp), "PNG"), expected)
    bits = ramp > 127
    np.testing.assert_array_equal(pixels(Image.fromarray(bits), "PNG"), np.repeat(bits[..., None], 3, 2) * 255)


@pytest.mark.parametrize(("form", "tolerance"), [("TIFF", 1), ("JPEG", 6)])
def test_cmyk_is_the_light_that_the_inks_let_through(form, tolerance):
    # Blocks of one colour, so that JPEG has nothing to ring at.
    inks = np.array([[0, 0, 0, 0], [255, 0, 0, 0], [0, 200, 90, 0], [30, 60, 90, 120], [0, 0, 0, 255]])
    stored = inks.astype(np.uint8).repeat(32, 0)[None].repeat(32, 0)
    image = Image.frombytes("CMYK", (160, 32), np.ascontiguousarray(stored).tobytes())
    options = {"quality": 100, "subsampling": 0} if form == "JPEG" else {}
    found = pixels(image, form, **options)[16, 16::32]
    expected = (255 - inks[:, :3]) * (255 - inks[:, 3:]) / 255
    assert np.abs(found - expected).max() <= tolerance


ALPHAS = (0, 1, 64, 128, 254, 255)


def over_grey(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha / 255.0
    return colour * share + 128 * (1 - share)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_transparent_colour_lies_on_mid_grey(form):
    colour = COLOURS[:, :, None].repeat(len(ALPHAS), 2).reshape(5, -1, 3)
    alpha = np.tile(np.array(ALPHAS, dtype=np.uint8), 125).reshape(5, -1, 1)
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    found = pixels(Image.fromarray(np.concatenate([colour, alpha], 2)), form, **options)
    assert np.abs(found - over_grey(colour, alpha)).max() <= 1


def test_transparent_grey_lies_on_mid_grey():
    grey, alpha = np.meshgrid(np.arange(0, 256, 15), np.array(ALPHAS))
    image = Image.fromarray(np.stack([grey, alpha], 2).astype(np.uint8), mode=None)
    assert image.mode == "LA"
    assert np.abs(pixels(image, "PNG") - over_grey(grey, alpha)[..., None]).max() <= 1


def test_palette_with_and_without_transparency():
    palette = [255, 0, 0, 0, 255, 0, 10, 20, 30, 240, 240, 200]
    image = Image.fromarray(np.array([[0, 1, 2, 3]], dtype=np.uint8))
    image.putpalette(palette)
    colours = np.array(palette).reshape(1, 4, 3)
    np.testing.assert_array_equal(pixels(image, "PNG"), colours)
    alpha = np.array([0, 128, 255, 60]).reshape(1, 4, 1)
    seen = pixels(image, "PNG", transparency=bytes(alpha.ravel().tolist()))
    assert np.abs(seen - over_grey(colours, alpha)).max() <= 1


def test_the_colour_that_a_png_declares_transparent_lies_on_mid_grey():
    image = Image.fromarray(np.array([[[9, 8, 7], [9, 8, 6]]], dtype=np.uint8))
    np.testing.assert_array_equal(pixels(image, "PNG", transparency=(9, 8, 7)), [[[128] * 3, [9, 8, 6]]])


SIXTEEN = np.linspace(0, 65535, 64 * 64).round().astype(np.uint16).reshape(64, 64)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(form):
    found = pixels(Image.fromarray(SIXTEEN), form)
    np.testing.assert_array_equal(found, np.rint(SIXTEEN / 257.0)[..., None].repeat(3, 2))
    assert len(np.unique(found)) == 256


def test_grey_maps_of_sixteen_bits_are_scaled_and_not_clipped():
    samples = np.array([[0, 257, 32_896, 65_535]], dtype=">u2")
    found = np.asarray(decode(b"P5 4 1 65535\n" + samples.tobytes()))
    assert found[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize(("form", "tolerance"), [("GIF", 12), ("PPM", 0), ("JPEG2000", 0), ("AVIF", 6)])
def test_other_formats_of_pictures_are_read(form, tolerance):
    if form not in FORMATS or not features.check({"JPEG2000": "jpg_2000", "AVIF": "avif"}.get(form, "zlib")):
        pytest.skip(f"this Pillow reads no {form}")
    found = np.asarray(decode(encoded(PHOTO, form))).astype(int)
    assert np.abs(found - np.asarray(PHOTO)).mean() <= tolerance


def test_sixteen_bit_grey_of_the_other_byte_order():
    big = Image.frombytes("I;16B", (64, 64), SIXTEEN.astype(">u2").tobytes())
    np.testing.assert_array_equal(pixels(big, "TIFF"), np.rint(SIXTEEN / 257.0)[..., None].repeat(3, 2))


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4)])
def test_sixteen_bit_colour_is_scaled_within_one_level(colour, channels):
    samples = np.random.default_rng(5).integers(0, 65536, (20, 30, channels))
    if channels == 4:
        samples[..., 3] = 65535
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    found = np.asarray(decode(png(30, 20, 16, colour, rows))).astype(int)
    assert np.abs(found - samples[..., :3] / 257.0).max() <= 1


@pytest.mark.parametrize("samples", [np.int32, np.float32])
def test_samples_of_unknown_range_are_refused(samples):
    with pytest.raises(UnreadableImage, match="32-bit samples"):
        decode(encoded(Image.fromarray(np.ones((20, 20), dtype=samples)), "TIFF"))


# The EXIF standard: where the stored picture's first row and first column belong.
ORIENTATIONS = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_comes_out_upright(orientation, form):
    blocks = np.array([[[250, 10, 10], [10, 250, 10]], [[10, 10, 250], [240, 240, 20]], [[0, 0, 0], [99, 99, 99]]])
    upright = blocks.astype(np.uint8).repeat(32, 0).repeat(32, 1)
    row, column = ORIENTATIONS[orientation]
    stored = upright if row in {"top", "bottom"} else upright.transpose(1, 0, 2)
    stored = stored[::-1] if row in {"bottom", "right"} else stored
    stored = stored[:, ::-1] if column in {"right", "bottom"} else stored
    exif = Image.Exif()
    exif[274] = orientation
    found = pixels(Image.fromarray(np.ascontiguousarray(stored)), form, exif=exif)
    assert found.shape == upright.shape
    assert np.abs(found - upright)[8::32, 8::32].max() <= 12


def test_damaged_metadata_costs_neither_the_picture_nor_a_warning():
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x09" + bytes(range(60))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pixels(Image.fromarray(COLOURS).resize((64, 64)), "JPEG", exif=exif)
    assert found.shape == (64, 64, 3)


PHOTO = Image.fromarray(skimage.data.astronaut()).resize((96, 96))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused_at_once(form, share):
    options = {"compression": "tiff_lzw"} if form == "TIFF" else {}
    data = encoded(PHOTO, form, **options)
    for coarse in (None, 24):
        with pytest.raises(UnreadableImage):
            decode(data[: int(len(data) * share)], coarse=coarse)


def test_reasons_say_what_is_wrong_and_name_no_path(tmp_path):
    whole = encoded(PHOTO, "PNG")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    cases = {
        "empty file": b"",
        "not a JPEG": encoded(PHOTO, "TGA"),
        "not a JPEG, PNG": b"this is text\n" * 50,
        "damaged or truncated": bytes(flipped),
        "too small: 96×96 pixels, under 100": whole,
    }
    for reason, data in cases.items():
        with pytest.raises(UnreadableImage, match=reason) as caught:
            decode(data, minimum=100 if "small" in reason else 1)
        assert str(tmp_path) not in str(caught.value)
        assert "BytesIO" not in str(caught.value)
    with pytest.raises(UnreadableImage, match=r"^not found$"):
        read_rgb(tmp_path / "gone.png")
    with pytest.raises(UnreadableImage, match=r"^a folder$"):
        read_rgb(tmp_path)


def with_chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG of the photo with one more chunk before its pixels."""
    whole = encoded(PHOTO, "PNG")
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    # The signature and IHDR take 33 bytes.
    return whole[:33] + chunk + whole[33:]


LONG = 3_000_000


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"tEXt", b"Comment\0" + b"x" * 70_000_000),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * LONG)),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(b"x" * LONG)),
        (b"iTXt", b"Comment\0\0\0\0\0" + b"x" * 70_000_000),
        (b"iCCP", b"profile\0\0" + zlib.compress(bytes(range(250)) * (LONG // 250))),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * LONG)[:-9]),
    ],
)
def test_long_texts_and_profiles_cost_no_sound_png(kind, body):
    data = with_chunk(kind, body)
    np.testing.assert_array_equal(np.asarray(decode(data)), np.asarray(PHOTO))
    assert coarseness(data) is None


def test_damage_to_a_text_alone_costs_no_png():
    data = with_chunk(b"tEXt", b"Comment\0a text of some length")
    place = data.index(b"some")
    damaged = data[:place] + b"S" + data[place + 1 :]
    np.testing.assert_array_equal(np.asarray(decode(damaged)), np.asarray(PHOTO))


def test_a_turned_png_with_long_texts_comes_out_upright():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "x" * LONG, zip=True)
    found = pixels(PHOTO, "PNG", exif=exif, pnginfo=texts)
    np.testing.assert_array_equal(found, np.asarray(PHOTO.transpose(Image.Transpose.ROTATE_270)))


def test_a_damaged_png_with_long_texts_is_refused_and_a_large_one_too():
    data = with_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * LONG))
    with pytest.raises(UnreadableImage, match="damaged or truncated"):
        decode(data[:-200])
    bomb = png(12_000, 12_000, 1, 0, b"\0" * 1000)
    text = b"zTXtComment\0\0" + zlib.compress(b"x" * LONG)
    bomb = bomb[:33] + struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text)) + bomb[33:]
    with pytest.raises(UnreadableImage, match="too large"):
        decode(bomb)


@pytest.mark.parametrize("side", [9_500, 12_000, 60_000])
def test_a_decompression_bomb_is_refused_without_a_warning(side):
    with pytest.raises(UnreadableImage, match=r"too large: .*over 89 million pixels"):
        decode(png(side, side, 1, 0, b"\0" * 1000))


def test_a_file_is_read_as_its_bytes_are(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(PHOTO, "PNG"))
    found = read_rgb(tmp_path / "a.png")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.asarray(PHOTO))


def test_a_coarse_jpeg_keeps_its_shape_and_looks():
    large = PHOTO.resize((1600, 1200))
    small = decode(encoded(large, "JPEG", quality=95), coarse=128)
    assert small.size == (200, 150)
    difference = np.asarray(small).astype(float) - np.asarray(large.resize((200, 150), Image.Resampling.BOX))
    assert np.abs(difference).mean() < 2


def test_warning_filters_survive_many_threads():
    before = list(warnings.filters)
    data = [encoded(PHOTO, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09" + bytes(60))] * 200
    with ThreadPoolExecutor(8) as pool:
        sizes = {image.size for image in pool.map(decode, data)}
    assert sizes == {(96, 96)}
    assert warnings.filters == before


@pytest.mark.parametrize(("height", "width"), [(40, 91), (90, 41), (50, 50)])
def test_a_square_of_the_right_size_is_only_cropped(height, width):
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    np.testing.assert_array_equal(fit_square(image, side), image[top : top + side, left : left + side])


@pytest.mark.parametrize("size", [16, 64, 100, 300])
def test_resizing_agrees_with_torch(size):
    photo = skimage.data.astronaut()[:, 100:350]
    square = torch.from_numpy(photo[131:381].copy()).permute(2, 0, 1)[None].float()
    reference = interpolate(square, (size, size), mode="bicubic", antialias=True, align_corners=False)
    expected = reference.clamp(0, 255)[0].permute(1, 2, 0).numpy()
    found = fit_square(photo, size)
    assert (found.shape, found.dtype) == ((size, size, 3), np.uint8)
    difference = np.abs(found - expected)
    # Pillow rounds and clips between its two passes.
    assert difference.mean() < 0.4
    assert difference.max() < 6


def test_fine_checks_turn_grey_and_not_into_moire():
    checks = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    inner = fit_square(checks, 50)[3:-3, 3:-3].astype(int)
    assert np.abs(inner - 127.5).max() < 6
