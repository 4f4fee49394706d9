"""The owner's secret: a small file of random bytes. No torch here: planning reads it."""

from __future__ import annotations

from pathlib import Path

LEAST, MOST = 16, 64
"""Bytes of a key: BLAKE2b takes 64 at most."""
PUBLIC = b"ftbench: a key that everybody knows"


def read_key(path: str) -> bytes:
    """The bytes in the file, or the public key where none is named. Raises ValueError with a sentence."""
    if not path:
        return PUBLIC
    file = Path(path)
    make = "python -c \"open('KEY', 'wb').write(__import__('secrets').token_bytes(32))\" makes one"
    try:
        with file.open("rb") as opened:
            key = opened.read(MOST + 1)
    except OSError as error:
        raise ValueError(f"the key file {file.name!r} cannot be read ({error.strerror}); {make}") from error
    if not LEAST <= len(key) <= MOST:
        held = f"more than {MOST}" if len(key) > MOST else str(len(key))
        raise ValueError(f"the key file {file.name!r} holds {held} bytes, and a key has {LEAST} to {MOST}; {make}")
    return key
