"""Payloads as people write them."""

from __future__ import annotations

import pytest

from ftbench.errors import BadInput
from ftbench.marking import payloads


@pytest.mark.parametrize(
    ("text", "bits", "means"),
    [
        ("0110", 4, "0110"),
        ("0b0110", 4, "0110"),
        ("0x6", 4, "0110"),
        ("0x06", 8, "00000110"),
        ("0X0F", 8, "00001111"),
        ("a7", 8, "10100111"),
        ("0x10", 8, "00010000"),
        ("10", 2, "10"),
        ("0x7fff", 15, "1" * 15),
        (" 0x0001 ", 13, "0" * 12 + "1"),
        ("1" * 64, 64, "1" * 64),
    ],
)
def test_payloads_are_read_as_written(text: str, bits: int, means: str) -> None:
    assert payloads.parse(text, bits) == means
    assert payloads.parse(payloads.spell(means), bits) == means


@pytest.mark.parametrize(
    ("text", "bits", "says"),
    [
        ("011", 4, "has 3 bits and the model carries 4"),
        ("01101", 4, "has 5 bits and the model carries 4"),
        ("10", 8, "hexadecimal is written with 0x before it"),
        ("0b10", 8, "has 2 bits and the model carries 8$"),
        ("0xabc", 8, "has 3 hexadecimal digits and 8 bits take 2"),
        ("f", 8, "has 1 hexadecimal digits and 8 bits take 2"),
        ("0xffff", 15, "needs more than the 15 bits"),
        ("0b12", 2, "neither bits nor hexadecimal; write e.g. 10 or 0x2"),
        ("hello", 8, "neither bits nor hexadecimal; write e.g. 10101010 or 0xaa"),
        ("", 8, "neither bits nor"),
        ("0x", 8, "neither bits nor"),
        ("-1", 8, "neither bits nor"),
        ("0x1_0", 8, "neither bits nor"),
        ("１０", 2, "neither bits nor"),
        ("zz" * 100, 100, "write e.g. 0b… or 0x…"),
    ],
)
def test_other_texts_are_one_sentence(text: str, bits: int, says: str) -> None:
    with pytest.raises(BadInput, match=says) as raised:
        payloads.parse(text, bits)
    assert "\n" not in str(raised.value)


def test_drawn_payloads_are_uniform() -> None:
    drawn = [payloads.draw(15) for _ in range(400)]
    assert {len(one) for one in drawn} == {15}
    ones = sum(one.count("1") for one in drawn)
    # Six standard deviations of 6,000 fair coins.
    assert abs(ones - 3000) < 6 * (6000 / 4) ** 0.5
    assert len(set(drawn)) > 380


def test_matches_are_counted() -> None:
    assert payloads.matches("0101", "0110") == 2
    with pytest.raises(ValueError, match=r"shorter|longer"):
        payloads.matches("010", "0110")
