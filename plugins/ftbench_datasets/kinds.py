"""Which files are pictures, by their endings."""

from __future__ import annotations

import re
from pathlib import PurePath

_READ = re.compile(r"jpe?g|jpe|jfif|a?png|webp|bmp|dib|tiff?|gif|p[bgpn]m|jp2|j2k|jpx|avif")
_OTHER = re.compile(
    r"hei[cf]|hif|jxl|jxr|svg|ps[db]|xcf|tga|pcx|exr|hdr|pfm|ico|icns|cur|sgi|eps|dds"
    # Cameras' raw files.
    r"|3fr|arw|cr[23w]|dcr|dng|erf|iiq|k25|kdc|mef|mos|mrw|n[er][fw]|orf|pef|raf|raw|rw[2l]|sr[2fw]|x3f"
)


def is_read(name: str) -> bool:
    """Whether a file of this name is opened as a picture; one that Pillow cannot read is set aside then."""
    return bool(_READ.fullmatch(_ending(name)))


def is_other_picture(name: str) -> bool:
    """Whether its ending is that of a kind of picture that is not read."""
    return bool(_OTHER.fullmatch(_ending(name)))


def other_kind(name: str) -> str:
    """Why such a file is set aside."""
    return f"{_ending(name).upper()} is not read: save it as JPEG or PNG"


def _ending(name: str) -> str:
    return PurePath(name).suffix[1:].lower()
