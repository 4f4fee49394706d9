"""A PNG without its texts and colour profile, which no pixel hangs on."""

from __future__ import annotations

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PASSED_OVER = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})


def without_texts(data: bytes) -> bytes:
    """A PNG file's content less those chunks, none of them unpacked; any other content as it is."""
    if not data.startswith(SIGNATURE):
        return data
    kept = [SIGNATURE]
    start = len(SIGNATURE)
    while start < len(data):
        # A length, a kind, so many bytes, and a check sum; slices end where a file that was cut short does.
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        if data[start + 4 : start + 8] not in _PASSED_OVER:
            kept.append(data[start:end])
        start = end
    return b"".join(kept)
