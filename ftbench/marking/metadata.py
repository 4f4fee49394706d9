"""What travels with a picture's pixels: taken from one file, told to the writer of another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from PIL import ExifTags, Image, PngImagePlugin

from ftbench.marking import remains
from ftbench.marking.photopng import chunks

Kind = Literal["PNG", "JPEG", "WEBP", "TIFF", "BMP"]

PNG_CHUNKS = {b"cHRM", b"gAMA", b"sRGB", b"cICP", b"tEXt", b"zTXt", b"iTXt"}
"""What a PNG says of its colours, and its texts: copied as they are."""
XMP = "XML:com.adobe.xmp"
TIFF_DESCRIBES = frozenset(
    [
        *(ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Software),
        *(ExifTags.Base.DateTime, ExifTags.Base.Artist, ExifTags.Base.HostComputer, ExifTags.Base.Copyright),
        *(ExifTags.Base.Rating, ExifTags.Base.ExifOffset, ExifTags.Base.GPSInfo),
    ]
)
"""Tags of a TIFF that speak of the picture; the others speak of how that file stores it."""


@dataclass(frozen=True)
class Metadata:
    """As bytes where a file can take them unchanged."""

    exif: bytes = b""
    icc: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    comment: bytes = b""
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    """Of a PNG: (name, content)."""
    photoshop: tuple[bytes, ...] = ()
    """Of a JPEG: blocks that hold IPTC captions."""
    extended: tuple[bytes, ...] = ()
    """Of a JPEG: blocks that go on with its XMP."""

    @classmethod
    def of(cls, image: Image.Image, data: bytes) -> Metadata:
        """Of a loaded image and the file's content."""
        info: dict[Any, Any] = image.info
        dpi, xmp = info.get("dpi"), info.get("xmp") or info.get(XMP) or b""
        return cls(
            exif=_exif(image),
            icc=info.get("icc_profile") or b"",
            xmp=remains.still(xmp.encode() if isinstance(xmp, str) else xmp),
            dpi=(float(dpi[0]), float(dpi[1])) if dpi and all(math.isfinite(d) and d > 0 for d in dpi) else None,
            comment=info.get("comment", b"") if image.format in ("JPEG", "MPO") else b"",
            chunks=tuple((n, c) for n, c in chunks(data) if n in PNG_CHUNKS) if image.format == "PNG" else (),
            photoshop=tuple(content for name, content in getattr(image, "applist", ()) if name == "APP13"),
            extended=remains.extended_xmp(image),
        )

    def options(self, kind: Kind) -> dict[str, Any]:
        """What Pillow's writer of this kind is told."""
        options: dict[str, Any] = {"dpi": self.dpi} if self.dpi else {}
        if kind == "BMP":
            return options
        options |= {"icc_profile": self.icc} if self.icc else {}
        if kind == "TIFF":
            return {**options, "tiffinfo": self._tiff_tags()}
        options |= {"exif": self.exif} if self.exif else {}
        if kind == "PNG":
            return {**options, "pnginfo": self._png_texts()}
        options |= {"xmp": self.xmp} if self.xmp else {}
        if kind == "JPEG":
            options |= {"comment": self.comment} if self.comment else {}
            blocks = [*((b"\xff\xed", one) for one in self.photoshop), *((b"\xff\xe1", one) for one in self.extended)]
            options |= {"extra": b"".join(name + (len(one) + 2).to_bytes(2, "big") + one for name, one in blocks)}
        return options

    def lost(self, kind: Kind) -> tuple[str, ...]:
        """One phrase for each thing here that a file of this kind cannot hold."""
        texts = [content for name, content in self.chunks if name.endswith(b"Xt") and XMP.encode() not in content]
        lost = {
            "text chunks": kind != "PNG" and bool(texts),
            "extended XMP": kind != "JPEG" and bool(self.extended),
            "IPTC captions": kind != "JPEG" and bool(self.photoshop),
            "EXIF, XMP or colour profile": kind == "BMP" and bool(self.exif or self.xmp or self.icc),
        }
        return tuple(f"its {what} left out, which {kind} cannot hold" for what, here in lost.items() if here)

    def _png_texts(self) -> PngImagePlugin.PngInfo:
        info = PngImagePlugin.PngInfo()
        for name, content in self.chunks:
            info.add(name, content)
        if self.xmp and not any(XMP.encode() in content for _, content in self.chunks):
            info.add_itxt(XMP, self.xmp.decode("utf-8", "replace"))
        if self.comment:
            info.add_text("Comment", self.comment.decode("utf-8", "replace"))
        return info

    def _tiff_tags(self) -> Image.Exif:
        tags = Image.Exif()
        if self.exif:
            tags.load(self.exif)
        for tag in set(tags) - TIFF_DESCRIBES - {ExifTags.Base.Orientation}:
            del tags[tag]
        if self.xmp:
            tags[ExifTags.Base.XMLPacket] = self.xmp
        return tags


def _exif(image: Image.Image) -> bytes:
    raw: bytes = image.info.get("exif", b"")
    if raw and image.format != "TIFF":
        # As it stands: written anew, a camera maker's notes would point to the wrong places.
        return raw if raw.startswith(b"Exif\0\0") else b"Exif\0\0" + raw
    found = image.getexif()
    if image.format == "TIFF":
        for tag in set(found) - TIFF_DESCRIBES:
            del found[tag]
    return found.tobytes() if found else b""
