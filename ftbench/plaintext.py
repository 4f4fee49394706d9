"""Names and messages of strangers, made safe to print: what would steer a terminal stands there to be read instead."""

from __future__ import annotations

import re

_STEERING = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_ANY = re.compile(f"[{_STEERING}]")
_BUT_LINES = re.compile(f"(?![\t\n])[{_STEERING}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def shown(text: str) -> str:
    """A name on one line: control characters, marks of writing direction and halves of characters become escapes.

    ``\\x1b`` for ESC, ``\\u202e`` for the right-to-left override, ``\\n`` for a line break. All other text, of any
    script, stays as it is.
    """
    return _ANY.sub(_escape, text)


def shown_lines(text: str) -> str:
    """``shown`` for a message of several lines: its line breaks and tabs stay."""
    return _BUT_LINES.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
