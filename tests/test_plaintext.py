"""What strangers call their files and people never steers a terminal."""

from __future__ import annotations

import pytest

from ftbench.plaintext import shown, shown_lines


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("b\u202egnp.exe", "b\\u202egnp.exe"),
        ("one\ntwo\rthree\tfour", "one\\ntwo\\rthree\\tfour"),
        ("\x00\x7f\x9b\u2066\u2069\u200f\u061c\u2028", "\\x00\\x7f\\x9b\\u2066\\u2069\\u200f\\u061c\\u2028"),
        ("half \udcff of a name", "half \\udcff of a name"),
        ("Zoë λ=1 李 שלום 👩‍🚀 50 % [red]", "Zoë λ=1 李 שלום 👩‍🚀 50 % [red]"),
    ],
)
def test_what_steers_is_written_out_and_all_else_stays(text: str, safe: str) -> None:
    assert shown(text) == safe
    assert shown(safe) == safe
    safe.encode("utf-8")


def test_a_message_keeps_its_lines() -> None:
    assert shown_lines("what:\n\tthe \x1b\r") == "what:\n\tthe \\x1b\\r"
