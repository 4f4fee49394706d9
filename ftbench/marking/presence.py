"""A check within a payload: its last bits are a keyed digest of the others, so that a mark tells of itself.

An unmarked picture reads as some payload, too. For whoever does not know the key, the check of that payload is
right as often as ``t`` tossed coins fall as foretold: once in ``2**t``, whatever the decoder prefers to read.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from pathlib import Path

from ftbench.errors import BadInput

PUBLIC = b"ftbench: a key that everybody knows"
"""The key without a key: everybody can tell such marks, and make them."""
LONGEST_KEY = 4096
SHORTEST_KEY = 8


def tag_of(data: str, bits: int, key: bytes) -> str:
    """The check of payload bits ``0110``: the first ``bits`` of HMAC-SHA256 (RFC 2104) over them, as ``0110``."""
    digest = hmac.new(key, b"payload:" + data.encode(), hashlib.sha256).digest()
    return format(int.from_bytes(digest, "big"), "0256b")[:bits]


def completed(data: str, bits: int, key: bytes) -> str:
    """Payload bits with their check behind them."""
    return data + tag_of(data, bits, key)


def is_whole(payload: str, bits: int, key: bytes) -> bool:
    """Whether the last ``bits`` of a payload are the check of those before them."""
    data, tag = payload[: len(payload) - bits], payload[len(payload) - bits :]
    return hmac.compare_digest(tag_of(data, bits, key), tag)


def allowed_tries(bits: int, bound: float) -> int:
    """How many payloads may be checked until the chance that one is right by accident passes ``bound``.

    >>> allowed_tries(16, 1e-3)
    65
    """
    return math.floor(bound * 2.0**bits)


def key_name(key: bytes) -> str:
    """12 hexadecimal digits that tell one key from another and betray neither."""
    return hmac.new(key, b"name of this key", hashlib.sha256).hexdigest()[:12]


def read_key(file: Path | None) -> bytes:
    """The content of a file of a key, line ends behind it left out; without one, the public key. Raises BadInput."""
    if file is None:
        return PUBLIC
    try:
        with file.open("rb") as opened:
            key = opened.read(LONGEST_KEY + 1).rstrip(b"\r\n")
    except OSError as error:
        raise BadInput(f"the key {file} cannot be read: {error.strerror or error}") from error
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise BadInput(
            f"the key {file} has {'too many' if len(key) > LONGEST_KEY else len(key)} bytes and needs {SHORTEST_KEY} "
            f"to {LONGEST_KEY}; write that many random ones into it"
        )
    return key
