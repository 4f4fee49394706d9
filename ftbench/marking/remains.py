"""What a picture's file holds beside what can be copied: named, so that nothing is dropped without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from PIL import ExifTags, Image, TiffTags

EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
CREDENTIALS = "content credentials (C2PA), which do not hold for a changed picture,"
PNG_KNOWN = frozenset(
    [
        *(b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"sBIT", b"bKGD", b"hIST", b"sPLT", b"pHYs", b"tIME", b"iCCP"),
        *(b"eXIf", b"cHRM", b"gAMA", b"sRGB", b"cICP", b"tEXt", b"zTXt", b"iTXt", b"acTL", b"fcTL", b"fdAT"),
    ]
)
"""Chunks that are copied, or that speak of how that file stores its pixels."""
TIFF_C2PA = 52545
TIFF_MORE = frozenset(
    [
        *(ExifTags.Base.XMLPacket, ExifTags.Base.InterColorProfile, ExifTags.Base.ExifOffset, ExifTags.Base.GPSInfo),
        *(ExifTags.Base.Rating, ExifTags.Base.RatingPercent, ExifTags.Base.Copyright),
    ]
)
TIFF_BASE = 532
"""The last tag of TIFF itself; those above hold other programs' things."""
TIFF_NAMES = {
    34377: "Photoshop resources",
    37724: "layers",
    33723: "IPTC captions",
    33550: "place on the map (GeoTIFF)",
    33922: "place on the map (GeoTIFF)",
    34735: "place on the map (GeoTIFF)",
    TIFF_C2PA: CREDENTIALS,
}
DNG_VERSION, NEW_SUBFILE, OLD_SUBFILE, SUB_IMAGES, PHOTOMETRIC = 50706, 254, 255, 330, 262
SENSOR = (32803, 34892)
"""Photometric interpretations of what a sensor saw."""
_FILM = re.compile(rb"\0\0\0[\x08-\xff]ftyp")
# What phones write of a film, or of a second picture with more light, that is stored behind the first.
_FOLLOWS = r"(?:\w+:(?:MotionPhoto|MicroVideo)\w*|hdrgm:\w+)"
_ATTRIBUTE = re.compile(rf"\s+{_FOLLOWS}\s*=\s*(?:\"[^\"]*\"|'[^']*')".encode())
_ELEMENT = re.compile(rf"<({_FOLLOWS})(?:\s[^>]*)?(?:/>|>.*?</\1>)".encode(), re.DOTALL)
_DIRECTORY = re.compile(rb"<(\w+:Directory)(?:\s[^>]*)?>.*?</\1>", re.DOTALL)


def named(image: Image.Image, data: bytes) -> tuple[str, ...]:
    """What goes lost of a loaded image, whatever is written; ``data`` is the file's content."""
    kinds = {"JPEG": _of_jpeg, "MPO": _of_jpeg, "PNG": _of_png, "WEBP": _of_webp, "TIFF": _of_tiff}
    found = kinds[image.format](image, data) if image.format in kinds else ()
    return tuple(dict.fromkeys(f"its {what} left out" for what in found))


def still(xmp: bytes) -> bytes:
    """XMP without the words that a film or a further picture follows: none does in a marked file."""
    listed = _DIRECTORY.sub(b"", xmp) if b"ns.google.com/photos" in xmp else xmp
    return _ATTRIBUTE.sub(b"", _ELEMENT.sub(b"", listed))


def extended_xmp(image: Image.Image) -> tuple[bytes, ...]:
    """Blocks of a JPEG with what did not fit into its XMP."""
    blocks = getattr(image, "applist", ())
    return tuple(block for name, block in blocks if name == "APP1" and block.startswith(EXTENDED_XMP))


def preview_only(image: Image.Image) -> bool:
    """Whether a TIFF's first picture is, or may be, a small one of what the file is about: a raw file's preview."""
    tags: Any = getattr(image, "tag_v2", {})
    return image.format == "TIFF" and (
        DNG_VERSION in tags
        or SUB_IMAGES in tags
        or bool(int(tags.get(NEW_SUBFILE, 0)) & 1)
        or tags.get(OLD_SUBFILE) == 2
        or tags.get(PHOTOMETRIC) in SENSOR
    )


def _of_jpeg(image: Image.Image, data: bytes) -> Iterator[str]:
    boxes = [block for name, block in getattr(image, "applist", ()) if name == "APP11"]
    if boxes:
        yield CREDENTIALS if any(b"c2pa" in block for block in boxes) else "JUMBF boxes"
    yield from _behind(data[_end_of_jpeg(data) :], known=image.format == "MPO")


def _of_png(image: Image.Image, data: bytes) -> Iterator[str]:
    place = 8
    while place + 12 <= len(data):
        length, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        place += 12 + length
        if name == b"caBX":
            yield CREDENTIALS
        elif name not in PNG_KNOWN:
            yield f"chunk {name.decode('ascii', 'backslashreplace')}"
        if name == b"IEND":
            break
    yield from _behind(data[place:])


def _of_webp(image: Image.Image, data: bytes) -> Iterator[str]:
    place = 12
    while place + 8 <= len(data):
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + length + length % 2
        if name == b"C2PA":
            yield CREDENTIALS


def _of_tiff(image: Image.Image, data: bytes) -> Iterator[str]:
    for tag in getattr(image, "tag_v2", ()):
        if tag in TIFF_NAMES:
            yield TIFF_NAMES[tag]
        elif tag > TIFF_BASE and tag not in TIFF_MORE:
            yield f"tag {TiffTags.lookup(tag).name if TiffTags.lookup(tag).name != 'unknown' else tag}"


def _behind(data: bytes, known: bool = False) -> Iterator[str]:
    if _FILM.search(data):
        yield "film"
    elif not known and data.strip(b"\0\r\n "):
        yield f"{len(data):,} bytes behind the picture"


def _end_of_jpeg(data: bytes) -> int:
    """Where the first picture of a JPEG ends: behind its end marker, which no segment and no scan holds."""
    place = 2
    while 0 <= place < len(data) - 1:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            break
        marker = data[place + 1]
        if marker == 0xD9:
            return place + 2
        # A stuffed byte, a restart, a fill byte: within a scan.
        if marker == 0 or 0xD0 <= marker <= 0xD8 or marker == 1:
            place += 2
        elif marker == 0xFF:
            place += 1
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return len(data)
