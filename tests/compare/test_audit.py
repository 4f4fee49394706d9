"""A folder whose numbers were altered is found out, with its rows or without, vouched for anew or not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ftbench.claims.audit import faults
from ftbench.errors import BadInput
from ftbench.machine import provenance
from ftbench.storage.manifest import open_folder
from tests.compare.made_results import made, replace_in, three, vouch_anew, weights, without_rows, write

Alter = Callable[[Path], None]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sound") / "faces-small", [*three(seeds=(0, 1))[:2], three()[2]])


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / kept.name))


def found(folder: Path) -> list[str]:
    return faults(open_folder(folder))


def in_csv(name: str, column: str, change: float = 0.05) -> Alter:
    def alter(folder: Path) -> None:
        file = folder / "tables" / f"{name}.csv"
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        table.loc[0, column] = repr(float(table[column][0]) + change)
        table.to_csv(file, index=False)

    return alter


def in_text(name: str, old: str, new: str) -> Alter:
    return lambda folder: replace_in(folder / name, old, new)


def test_what_was_written_is_sound(folder: Path) -> None:
    assert found(folder) == []
    assert found(without_rows(folder)) == []


def test_a_folder_of_odd_numbers_is_sound(tmp_path: Path) -> None:
    odd = made('a|b_1, "c" [x] −½', weights("1", "0.1", codec="soft"), status="stalled", swapped=8, code_bits=16)
    odd.quality.loc[odd.quality["image"] == odd.quality["image"][0], "psnr"] = np.inf
    one = made("seed 7", weights("1", "0.5", "7"), fakes=("faceswap", "faceswap width=0.5"))
    folder = write(tmp_path / "odd", [odd, one], failed={"gone": weights("10", "0.1")})
    assert found(folder) == []
    assert found(without_rows(folder)) == []


@pytest.mark.parametrize("column", ["overview_value", "overview_low"])
def test_a_mean_over_simulators_that_was_altered_is_found(tmp_path: Path, column: str) -> None:
    both = [made(f"α={image}", weights("1", image), fakes=("faceswap", "reenact")) for image in ("0.1", "0.5")]
    folder = write(tmp_path / "two", both)
    assert found(folder) == []
    in_csv("overview", column, -0.01)(folder)
    vouch_anew(folder)
    assert any("overview.csv" in fault for fault in found(folder))


def test_a_difference_of_methods_that_was_altered_is_found(tmp_path: Path) -> None:
    folder = write(tmp_path / "methods", three(seeds=(0, 1))[:4])
    assert (folder / "tables" / "methods.csv").is_file()
    assert found(folder) == []
    in_csv("methods", "faceswap_raw_bit_accuracy_difference_value")(folder)
    vouch_anew(folder)
    assert any("methods.csv" in fault for fault in found(folder))


def test_a_difference_that_is_rounding_alone_is_sound(tmp_path: Path) -> None:
    """Two pairs held at 30 dB lie some 1e-6 dB apart: the main table has it, the pairs table has 0."""
    results = [made("a", weights("1", "0.1"), psnr=30.0), made("b", weights("10", "0.1"), psnr=30.000004)]
    folder = write(tmp_path / "held", results)
    assert "0.0,0.0,0.0,24" in (folder / "tables" / "pairs.csv").read_text(encoding="utf-8")
    assert found(folder) == []
    assert found(without_rows(folder)) == []


OTHER = {"commit": "f" * 40}


def by_another_release(folder: Path, alter: Alter, code: Mapping[str, str] = OTHER) -> list[str]:
    """What is found in a folder of another commit, altered and vouched for anew."""
    file = folder / "manifest.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**told, "code": code}), encoding="utf-8")
    alter(folder)
    vouch_anew(folder)
    return found(folder)


def test_other_words_of_another_release_are_no_forgery_and_other_numbers_are(folder: Path, tmp_path: Path) -> None:
    def other_words(folder: Path) -> None:
        table = folder / "tables" / "attacks.md"
        text = table.read_text(encoding="utf-8").replace("simulators met in training", "deepfakes that were met")
        table.write_text(text + "\nA note of that release.\n", encoding="utf-8")
        replace_in(folder / "tables" / "attacks.json", '"title": "', '"title": "Formerly: ')

    copies = [
        Path(shutil.copytree(folder, tmp_path / name)) for name in ("words", "text", "json", "csv", "wheel", "list")
    ]
    assert by_another_release(copies[0], other_words) == []
    # An installed package knows no commit.
    wheel, listed = copies[4:]
    assert by_another_release(wheel, other_words, {"ftbench": "0.0.1", "commit": provenance.code()["commit"]}) == []
    [odd] = by_another_release(listed, lambda one: (one / "tables/attacks.json").write_text("[]", encoding="utf-8"))
    assert "attacks.json: is not what the rows" in odd
    [fault] = by_another_release(copies[1], ALTERATIONS["attacks.md"][0])
    assert "98.6" in fault
    assert "is nothing that the rows give" in fault
    for copy, name in zip(copies[2:4], ("attacks.json", "attacks.csv"), strict=True):
        assert any(name in fault for fault in by_another_release(copy, ALTERATIONS[name][0]))
    # Of this code every letter counts.
    other_words(folder)
    vouch_anew(folder)
    assert any("attacks.md" in fault for fault in found(folder))


def test_no_finished_cell_is_sound(tmp_path: Path) -> None:
    assert found(write(tmp_path / "none", [], failed={"gone": weights("1", "0.1")})) == []


ALTERATIONS: dict[str, tuple[Alter, str]] = {
    "main.csv": (in_csv("main", "faceswap_raw_bit_accuracy_value"), "main.csv"),
    "main.csv, metric": (in_csv("main", "psnr_all_value"), "main.csv"),
    "pairs.csv": (in_csv("pairs", "psnr_difference_value"), "pairs.csv"),
    "attacks.csv": (in_csv("attacks", "raw_bit_accuracy_low", -0.01), "attacks.csv"),
    "attacks.csv, seeds": (in_csv("attacks", "raw_bit_accuracy_lowest", -0.01), "attacks.csv"),
    "attacks.md": (in_text("tables/attacks.md", "90.6 ", "98.6 "), "attacks.md"),
    "attacks.tex": (in_text("tables/attacks.tex", "90.6 $", "98.6 $"), "attacks.tex"),
    "attacks.json": (in_text("tables/attacks.json", "0.90625", "0.98625"), "attacks.json"),
    "best": (in_text("tables/attacks.csv", ",best,", ",level,"), "attacks.csv"),
    "a setting": (in_text("tables/main.csv", "λ=1 α=0.1 seed 0,done", "λ=9 α=0.1 seed 0,done"), "row 1, label"),
    "a column": (in_text("manifest.json", '"λ": "1"', '"λ": "2"'), "lambda"),
    "the caption": (in_text("manifest.json", "24 images", "99 images"), "attacks.md"),
    "a row left out": (
        lambda folder: (
            (folder / "tables/main.csv").write_text(
                "".join((folder / "tables/main.csv").read_text(encoding="utf-8").splitlines(keepends=True)[:-1]),
                encoding="utf-8",
            )
            and None
        ),
        "main.csv",
    ),
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_an_altered_number_is_found_without_rows_by_its_digest(what: str, folder: Path) -> None:
    alter, _ = ALTERATIONS[what]
    alter(without_rows(folder))
    assert any("digest" in fault for fault in found(folder))


@pytest.mark.parametrize("what", ALTERATIONS)
def test_an_altered_number_is_found_by_the_rows_even_if_vouched_for_anew(what: str, folder: Path) -> None:
    alter, where = ALTERATIONS[what]
    alter(folder)
    assert any("digest" in fault for fault in found(folder))
    vouch_anew(folder)
    told = found(folder)
    assert any(where in fault for fault in told), told
    assert not any("digest" in fault for fault in told)


@pytest.mark.parametrize("column", ["code_errors", "payload_errors"])
def test_altered_rows_are_found_by_digest_and_by_the_tables(column: str, folder: Path) -> None:
    file = folder / "rows" / "0.csv.gz"
    rows = pd.read_csv(file, dtype={"image": str})
    rows.loc[rows["simulator"] == "faceswap", column] = 0
    rows.to_csv(file, index=False)
    assert any(fault.startswith("rows/0.csv.gz has changed") for fault in found(folder))
    vouch_anew(folder)
    wanted = "tables/main.csv, row 1" if column == "code_errors" else "without a code"
    assert any(wanted in fault for fault in found(folder))


def test_altered_payload_errors_are_found_where_there_is_a_code(tmp_path: Path) -> None:
    folder = write(tmp_path / "coded", [made("coded", weights("1", "0.1", codec="bch"), code_bits=16)])
    file = folder / "rows" / "0.csv.gz"
    pd.read_csv(file, dtype={"image": str}).assign(payload_errors=0).to_csv(file, index=False)
    vouch_anew(folder)
    assert any("faceswap_payload_word_accuracy_value" in fault for fault in found(folder))


def test_a_number_of_the_manifest_alone_breaks_its_seal(folder: Path) -> None:
    replace_in(folder / "manifest.json", '"rows": 240', '"rows": 241')
    told = found(folder)
    assert any("its own digest differs" in fault for fault in told)
    assert any("says 241 rows, and the rows hold 240" in fault for fault in told)


def test_a_digest_that_fits_no_file_is_found(folder: Path) -> None:
    digest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]["curves/0.csv"]
    replace_in(folder / "manifest.json", digest, "0" * 64)
    assert any(fault.startswith("curves/0.csv has changed") for fault in found(folder))


def test_files_that_are_missing_or_too_many(folder: Path) -> None:
    (folder / "tables" / "quality.md").unlink()
    (folder / "curves" / "1.csv").unlink()
    (folder / "tables" / "best.csv").write_text("label\n")
    told = found(folder)
    for expected in (
        "tables/quality.md is missing",
        "curves/1.csv is missing",
        "tables/best.csv is not in the manifest",
        "tables/best.csv cannot be made from the rows",
    ):
        assert any(fault.startswith(expected) for fault in told), expected


def test_rows_are_kept_all_or_none(folder: Path) -> None:
    (folder / "rows" / "2.csv.gz").unlink()
    assert any(fault == "rows/2.csv.gz is missing" for fault in found(folder))


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08 cut short", b"image,draw\na,0\n"])
def test_damaged_rows_are_a_sentence(content: bytes, folder: Path) -> None:
    (folder / "rows" / "2.csv.gz").write_bytes(content)
    assert any("rows cannot be read" in fault for fault in found(folder))


def test_rows_that_no_evaluation_writes_are_a_sentence(folder: Path) -> None:
    file = folder / "rows" / "0.csv.gz"
    pd.read_csv(file, dtype={"image": str}).assign(code_errors=9).to_csv(file, index=False)
    vouch_anew(folder)
    assert any("no tables can be made from the rows" in fault for fault in found(folder))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "cannot be checked"),
        ('{"benchmark": "paper"}', "results of an earlier release"),
        (None, "manifest.json"),
    ],
)
def test_a_manifest_that_cannot_be_checked_is_bad_input(content: str | None, says: str, folder: Path) -> None:
    if content is None:
        (folder / "manifest.json").unlink()
    else:
        (folder / "manifest.json").write_text(content)
    with pytest.raises(BadInput, match=says):
        open_folder(folder)


def test_a_manifest_names_no_file_outside_its_folder(folder: Path) -> None:
    replace_in(folder / "manifest.json", "rows/0.csv.gz", "rows/../../x.csv.gz")
    with pytest.raises(BadInput, match="cannot be checked"):
        open_folder(folder)
