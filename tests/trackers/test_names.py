"""Labels as folder names, settings as flat keys."""

from __future__ import annotations

import re

from ftbench_trackers.names import flat, folder_name, numbers_of, settings_of

CELL = "0123456789abcdef"


def test_a_folder_name_is_one_plain_name_for_any_label() -> None:
    labels = ("λ=1 α=0.1", "30 dB at own", "../../etc", "unet/π “quoted”", "", "ü" * 300, ".hidden", "a\nb\0c")
    for label in labels:
        assert re.fullmatch(r"(?!\.)[A-Za-z0-9_=.-]{9,89}", folder_name(label, CELL)), label
    assert folder_name("λ=1 α=0.1", CELL) == "lambda=1_alpha=0.1-01234567"
    assert folder_name("fit faceswap", CELL) == "faceswap-01234567"
    assert folder_name("λ=1", "a" * 64) != folder_name("λ=1", "b" * 64)


def test_settings_are_flattened_without_losing_a_leaf() -> None:
    settings = {"a": {"b": [{"c": 1}, {"c": None}]}, "d": [1, "x"], "e": {}, "f": [], "g": True}
    expected = {"a.b.0.c": 1, "a.b.1.c": None, "d": '[1, "x"]', "e": {}, "f": "[]", "g": True}
    assert dict(flat(settings)) == expected
    assert not dict(flat({}))


def test_a_row_is_its_settings_and_its_numbers() -> None:
    row = {"label": "λ=1", "payload_bits": "4", "psnr_all_value": 30.5, "psnr_all_n": 15, "ssim_all_value": None}
    assert settings_of(row) == {"label": "λ=1", "payload_bits": "4"}
    assert numbers_of(row) == {"psnr_all_value": 30.5, "psnr_all_n": 15.0}
