"""Names and messages of others, made fit to be printed."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls, halves of surrogate pairs (bytes of file names that are no text), and line and paragraph separators."""
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What changes the direction in which the text after it is drawn."""


def shown(text: str) -> str:
    r"""One line of text that a terminal draws as it stands: what would steer it becomes visible.

    Controls, line breaks, direction marks and bytes that are no text are written as Python escapes: ``\x1b``,
    ``\n``, ``\u202e``. Everything else, other scripts included, is left as it is.
    """
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in _TURNING or unicodedata.category(character) in _UNSEEN:
        return character.encode("unicode_escape").decode()
    return character
