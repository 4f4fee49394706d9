"""What a picture's file holds and a marked one cannot: it is said, and no longer promised by what is copied."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from ftbench.errors import BadInput
from ftbench.marking import pictures, remains
from tests.marking.carriers import photograph

FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(range(256)) * 20
MOTION = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"
 xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/"
 xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion='1' GCamera:MicroVideoOffset="5144" hdrgm:Version="1.0"
 dc:format="image/jpeg">
<GCamera:MicroVideo>1</GCamera:MicroVideo>
<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4"
 Item:Semantic="MotionPhoto" Item:Length="5144"/></rdf:li></rdf:Seq></Container:Directory>
<dc:creator>somebody</dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"""


def saved(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    (image or Image.fromarray(photograph(24, 40))).save(file, kind, **options)
    return file.getvalue()


def segment(name: int, content: bytes) -> bytes:
    return bytes([0xFF, name]) + struct.pack(">H", len(content) + 2) + content


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def lost(data: bytes, kind: Any) -> tuple[str, ...]:
    return pictures.read(data).lost(kind)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 100, "restart_marker_blocks": 1}])
def test_a_motion_photo_no_longer_says_that_it_has_a_film(options: dict[str, Any]) -> None:
    data = saved("JPEG", xmp=MOTION, **options) + FILM
    picture = pictures.read(data)
    assert picture.lost("PNG") == picture.lost("JPEG") == ("its film left out",)
    for kind in ("JPEG", "PNG"):
        copy = pictures.write(picture, picture.pixels, kind, 95)
        for word in (b"Motion", b"MicroVideo", b"hdrgm:Version", b"5144", b"video/mp4"):
            assert word not in copy.replace(b'xmlns:hdrgm="', b"")
        assert b"ftyp" not in copy
    rest = ElementTree.fromstring(picture.metadata.xmp)
    assert [element.text for element in rest.iter("{http://purl.org/dc/elements/1.1/}creator")] == ["somebody"]
    (described,) = rest.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    assert described.get("{http://purl.org/dc/elements/1.1/}format") == "image/jpeg"


def test_xmp_without_a_film_stays_to_the_byte() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a:Directory xmlns:a="b">mine</a:Directory></x:xmpmeta>'
    assert remains.still(xmp) == xmp


def test_what_lies_behind_a_picture_is_said() -> None:
    for kind in ("JPEG", "PNG"):
        assert lost(saved(kind) + b"a phone's own notes", kind) == ("its 19 bytes behind the picture left out",)
        # Some programs fill a file up.
        assert lost(saved(kind) + b"\0\0\r\n", kind) == ()


def test_extended_xmp_stays_in_a_jpeg_and_is_said_elsewhere() -> None:
    more = remains.EXTENDED_XMP + b"A" * 32 + struct.pack(">II", 9, 0) + b"<rest\xc3\xa4/>"
    data = saved("JPEG", xmp=b"<x:xmpmeta/>", extra=segment(0xE1, more))
    assert lost(data, "PNG") == ("its extended XMP left out, which PNG cannot hold",)
    assert lost(data, "JPEG") == ()
    picture = pictures.read(data)
    assert segment(0xE1, more) in pictures.write(picture, picture.pixels, "JPEG", 95)


JUMBF = b"JP\0\x01\0\0\0\x01\0\0\0\x30jumb\0\0\0\x28jumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9bq\x03c2pa\0"


def with_credentials(kind: str) -> bytes:
    if kind == "JPEG":
        # A manifest of more than 64 kB goes on in further segments, which do not name it.
        return saved(kind, extra=segment(0xEB, JUMBF) + segment(0xEB, b"JP\0\x01\0\0\0\x02\0\0\0\x30jumb" + b"x" * 99))
    if kind == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[remains.TIFF_C2PA] = JUMBF
        tags.tagtype[remains.TIFF_C2PA] = 7
        return saved(kind, tiffinfo=tags)
    if kind == "WEBP":
        data = saved(kind, exif=Image.Exif().tobytes(), lossless=True)
        more = b"C2PA" + struct.pack("<I", len(JUMBF)) + JUMBF + b"\0" * (len(JUMBF) % 2)
        return data[:4] + struct.pack("<I", len(data) + len(more) - 8) + data[8:] + more
    data = saved(kind)
    return data[:33] + chunk(b"caBX", JUMBF) + chunk(b"mkBS", b"mine") + data[33:]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_content_credentials_go_and_it_is_said(kind: Any) -> None:
    said = lost(with_credentials(kind), kind)
    assert said[0] == "its content credentials (C2PA), which do not hold for a changed picture, left out"
    assert said[1:] == (("its chunk mkBS left out",) if kind == "PNG" else ())


def test_layers_and_places_of_a_tiff_are_said() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = "described"
    for tag, kind, content in ((34377, 7, b"8BIM"), (37724, 7, b"Ad"), (33550, 12, (1.0, 1.0, 0.0)), (65000, 2, "x")):
        tags.tagtype[tag] = kind
        tags[tag] = content
    things = ("place on the map (GeoTIFF)", "Photoshop resources", "layers", "tag 65000")
    assert set(lost(saved("TIFF", tiffinfo=tags), "PNG")) == {f"its {thing} left out" for thing in things}
    assert lost(saved("TIFF"), "TIFF") == ()


def bitmap_with_alpha(opacity: int) -> bytes:
    """By hand, Pillow writes none: a head of 108 bytes that names a mask for opacity."""
    masks = struct.pack("<IIIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, 0x73524742)
    head = struct.pack("<IiiHHIIiiII", 108, 4, 2, 1, 32, 3, 32, 0, 0, 0, 0) + masks + bytes(48)
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 122) + head + bytes([10, 20, 30, opacity]) * 8


def test_a_bitmap_says_that_its_transparency_goes() -> None:
    assert lost(bitmap_with_alpha(128), "BMP") == ("its transparency left out, which BMP cannot hold",)
    assert lost(bitmap_with_alpha(255), "BMP") == ()
    assert lost(bitmap_with_alpha(128), "PNG") == ()


@pytest.mark.parametrize(
    ("tag", "kind", "content"),
    [(330, 4, 8), (254, 4, 1), (255, 3, 2), (50706, 1, b"\1\4\0\0")],
    ids=["sub-images", "reduced", "reduced, as of old", "DNG"],
)
def test_a_raw_files_preview_is_not_marked(tag: int, kind: int, content: Any) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[tag] = kind
    tags[tag] = content
    picture = pictures.read(saved("TIFF", tiffinfo=tags))
    assert picture.obstacle.startswith("it is a raw file or holds further pictures")
    assert picture.pixels.shape == (24, 40, 3)


def test_long_texts_and_profiles_are_no_damage() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "many words " * 300_000, zip=True)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + bytes(3 * 2**20)
    picture = pictures.read(saved("PNG", pnginfo=info, icc_profile=profile))
    assert picture.metadata.icc == profile
    copy = pictures.read(pictures.write(picture, picture.pixels, "PNG", 95))
    assert copy.metadata.chunks == picture.metadata.chunks
    bomb = PngImagePlugin.PngInfo()
    bomb.add_text("bomb", "x" * (pictures.MOST_TEXT + 1), zip=True)
    with pytest.raises(BadInput, match="damaged or cut short"):
        pictures.read(saved("PNG", pnginfo=bomb))
    # Others, who read pictures of strangers, keep the narrow limit.
    assert PngImagePlugin.MAX_TEXT_CHUNK == 2**20


@pytest.mark.parametrize(("brand", "kind"), [(b"heic", "HEIC"), (b"mif1", "HEIC"), (b"avif", "AVIF")])
def test_a_phones_other_pictures_are_called_by_their_name(brand: bytes, kind: str) -> None:
    with pytest.raises(BadInput, match=f"it is a {kind}; save it as JPEG or PNG first"):
        pictures.read(b"\0\0\0\x18ftyp" + brand + b"\0" * 99)
