from __future__ import annotations

import pytest

from ftbench.plaintext import shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\x1b[31mred", r"a\x1b[31mred"),
        ("gnp\u202eexe.", r"gnp\u202eexe."),
        ("\u2066x\u2069\u200f", r"\u2066x\u2069\u200f"),
        ("two\r\nlines\u2028three\x85", r"two\r\nlines\u2028three\x85"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("bytes \udcff", r"bytes \udcff"),
    ],
)
def test_what_steers_a_terminal_becomes_visible(text: str, seen: str) -> None:
    assert shown(text) == seen
    assert shown(text).encode().decode().isprintable()


@pytest.mark.parametrize("text", ["plain", "λ=1 α=0.1", "Łukasz 李雷 أحمد", "nbsp\u00a0 family 👨\u200d👩", r"a\b"])
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert shown(text) == text
