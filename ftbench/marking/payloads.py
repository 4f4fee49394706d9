"""Payloads as people write them."""

from __future__ import annotations

import re
import secrets

from ftbench.errors import BadInput


def draw(bits: int) -> str:
    """A payload of so many bits, uniform, from the system's own source of randomness: ``0110``."""
    return format(secrets.randbits(bits), f"0{bits}b")


def spell(payload: str) -> str:
    """``0b0110``: marked as bits, so that no spreadsheet takes it for a number and drops its zeros."""
    return f"0b{payload}"


def parse(text: str, bits: int) -> str:
    """A payload of ``bits`` bits as ``0110``, written as bits or in hexadecimal, with ``0b`` or ``0x`` or without.

    Digits 0 and 1 alone are bits unless ``0x`` stands before them. The first bit is the highest of the number.
    Raises BadInput for anything else and for another length.

    >>> parse("0x2A", 8)
    '00101010'
    >>> parse("00101010", 8)
    '00101010'
    """
    # As registers spell them, a hundred thousand at a time.
    if len(text) == bits + 2 and text.startswith("0b") and not text[2:].strip("01"):
        return text[2:]
    found = re.fullmatch(r"(0b|0x)?(\w+)", text.strip().lower(), re.ASCII)
    kind, digits = (found[1] or "", found[2]) if found else ("", "")
    if kind != "0x" and re.fullmatch(r"[01]+", digits):
        if len(digits) != bits:
            like_hex = "; hexadecimal is written with 0x before it" if not kind else ""
            raise BadInput(f"payload {text!r} has {len(digits)} bits and the model carries {bits}{like_hex}")
        return digits
    if kind == "0b" or not re.fullmatch(r"[0-9a-f]+", digits):
        raise BadInput(f"payload {text!r} is neither bits nor hexadecimal; write e.g. {_example(bits)}")
    wanted = -(-bits // 4)
    if len(digits) != wanted:
        raise BadInput(f"payload {text!r} has {len(digits)} hexadecimal digits and {bits} bits take {wanted}")
    if int(digits, 16) >= 2**bits:
        raise BadInput(f"payload {text!r} needs more than the {bits} bits that the model carries")
    return format(int(digits, 16), f"0{bits}b")


def matches(read: str, expected: str) -> int:
    """Equal bits of two payloads."""
    return sum(a == b for a, b in zip(read, expected, strict=True))


def _example(bits: int) -> str:
    pattern = ("10" * bits)[:bits]
    return f"{pattern} or 0x{int(pattern, 2):0{-(-bits // 4)}x}" if bits <= 64 else "0b… or 0x…"
