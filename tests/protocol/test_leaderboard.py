"""``ftbench leaderboard``: ranks, marks, what could not be read, and its files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ftbench.protocol import rules
from ftbench.protocol.reading import names_of
from ftbench.report.table import Table
from ftbench.storage.seal import sealed
from ftbench.storage.store import write_json
from tests.conftest import Said
from tests.protocol.made_entries import made, whole, write

Ranked = Callable[..., tuple[int, str, list[dict[str, str]]]]


@pytest.fixture
def ranked(tmp_path: Path, said: Said) -> Ranked:
    """``ranked(folder, …)``: exit code, what was printed, and the rows of the CSV file."""

    def run(*folders: Path) -> tuple[int, str, list[dict[str, str]]]:
        code, told = said("leaderboard", *folders, "--out", tmp_path / "out")
        with (tmp_path / "out" / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
            return code, told, list(csv.DictReader(file))

    return run


def states(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(row["method"], row["rank"]) for row in rows]


def resealed(folder: Path, **said: Any) -> None:
    held = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    write_json(folder / "manifest.json", sealed(held | said, folder))


def test_many_folders_are_one_table_best_first(tmp_path: Path, ranked: Ranked) -> None:
    ours = write(tmp_path / "ours" / "faces", [*whole("worse", 0.4), *whole("best", 0.02)])
    theirs = write(
        tmp_path / "theirs" / "faces", [*whole("near", 0.03), made("few", 0, 0.1), *whole("loud", 0, psnr=30.0)]
    )
    code, text, rows = ranked(ours, theirs)
    assert code == 0
    assert states(rows) == [
        ("best [1]", "1"), ("near [2]", "2"), ("worse [1]", "3"),
        ("few seed 0 [2]", "provisional"), ("loud [2]", "outside"),
    ]  # fmt: skip
    assert "[1] ours/faces; [2] theirs/faces" in " ".join(text.split())
    assert [row["state"] for row in rows] == ["ranked"] * 3 + ["provisional", "outside"]
    assert rows[3]["why"] == "1 seed, 3 wanted"
    assert rows[4]["why"].startswith("30.0 dB, 36 wanted")
    written = {file.name for file in (tmp_path / "out").iterdir()}
    assert written == {f"leaderboard.{ending}" for ending in ("md", "csv", "json", "tex", "html")}
    markdown = (tmp_path / "out" / "leaderboard.md").read_text(encoding="utf-8")
    assert max(map(len, (line for line in markdown.splitlines() if line.startswith("|")))) <= 120
    score_of: dict[str, str] = {}
    for line in markdown.replace("\\", "").splitlines():
        if line.startswith("|"):
            # The score stands in the first piece.
            score_of.setdefault(line.split("|")[1].strip(), line.split("|")[3].strip())
    assert score_of["best [1]"].startswith("**")
    assert score_of["near [2]"].endswith("≈"), "two that miss as often are not told apart"
    assert not score_of["worse [1]"].endswith("≈")
    assert [row["mark"] for row in rows] == ["best", "level", "", "", ""]
    assert rows[0]["behind_best_p"] == ""
    assert float(rows[1]["behind_best_p"]) > 0.05 >= float(rows[2]["behind_best_p"])
    best, worse = float(rows[0]["score_value"]), float(rows[2]["score_value"])
    assert float(rows[2]["behind_best_value"]) == pytest.approx(worse - best, abs=1e-12)
    page = (tmp_path / "out" / "leaderboard.html").read_text(encoding="utf-8")
    assert "<title>Leaderboard</title>" in page
    assert "ours/faces" in page
    assert "<dd></dd>" not in page


def test_a_difference_is_paired_over_the_same_images(tmp_path: Path, ranked: Ranked) -> None:
    """One that fails where the other fails, and on a few images more, is told apart, though intervals overlap."""
    first = whole("first", 0.4)
    images = first[0].rows["image"].unique()
    lost = set(images[: len(images) // 8])

    def worse(rows: pd.DataFrame) -> pd.DataFrame:
        errors = np.where(rows["image"].isin(lost), np.maximum(rows["payload_errors"], 1), rows["payload_errors"])
        return rows.assign(payload_errors=errors, code_errors=errors)

    second = [
        replace(one, cell=f"{seed:064x}", label=f"second seed {seed}", rows=worse(one.rows),
                settings={**one.settings, "encoder": "second"})
        for seed, one in enumerate(first)
    ]  # fmt: skip
    rows = ranked(write(tmp_path / "a" / "b", [*first, *second]))[2]
    assert states(rows) == [("first", "1"), ("second", "2")]
    assert float(rows[1]["score_high"]) > float(rows[0]["score_low"]), "by their intervals alone they may be the same"
    markdown = (tmp_path / "out" / "leaderboard.md").read_text(encoding="utf-8")
    line = next(line for line in markdown.splitlines() if line.startswith("| second"))
    assert "≈" not in line


def test_other_images_lengths_and_sizes_are_ranked_apart(tmp_path: Path, ranked: Ranked) -> None:
    data = {"name": "others", "digest": "1" * 64, "size": 32, "test_people": {"shown": 25, "held_out": 25}}
    folders = [
        write(tmp_path / "a" / "faces", whole("a")),
        write(tmp_path / "b" / "faces", whole("b", bits=9)),
        write(tmp_path / "c" / "others", whole("c"), data=data),
    ]
    rows = ranked(*folders)[2]
    assert len({row["league"] for row in rows}) == 3
    assert {row["rank"] for row in rows} == {"1"}


def test_tables_alone_stay_provisional_with_intervals_no_narrower(tmp_path: Path, ranked: Ranked) -> None:
    folder = write(tmp_path / "a" / "faces", whole("a", 0.2), tables=True)
    kinds = {name: index for index, name in enumerate(rules.NEWEST.kinds, start=1)}
    with_rows = ranked(folder)[2][0]
    for file in (folder / "rows").iterdir():
        file.unlink()
    (without,) = ranked(folder)[2]
    assert without["rank"] == "provisional"
    assert without["why"] == "twins, then JPEG: 4 attacks not in its tables, and rows are not kept"
    assert without["score_value"] == ""
    for kind, number in kinds.items():
        if kind == "twins, then JPEG":
            assert without[f"kind_{number}_value"] == ""
            continue
        value, low, high = (float(without[f"kind_{number}_{of}"]) for of in ("value", "low", "high"))
        assert value == pytest.approx(float(with_rows[f"kind_{number}_value"]), abs=1e-9)
        assert low <= float(with_rows[f"kind_{number}_low"]) + 1e-9
        assert high >= float(with_rows[f"kind_{number}_high"]) - 1e-9


def test_what_cannot_be_read_is_said_and_the_rest_is_ranked(tmp_path: Path, ranked: Ranked) -> None:
    sound = write(tmp_path / "sound" / "faces", whole("sound"))
    newer = write(tmp_path / "newer" / "faces", whole("newer"), format=3)
    later = write(tmp_path / "later" / "faces", whole("later"), protocol=3)
    odd = write(tmp_path / "odd" / "faces", whole("odd"), protocol="one")
    changed = write(tmp_path / "changed" / "faces", whole("changed"))
    file = changed / "manifest.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"images": 100', '"images": 900'), encoding="utf-8")
    cut = write(tmp_path / "cut" / "faces", whole("cut"))
    text = (cut / "manifest.json").read_text(encoding="utf-8")
    (cut / "manifest.json").write_text(text[: len(text) // 2], encoding="utf-8")
    code, text, rows = ranked(sound, newer, later, odd, changed, cut, tmp_path / "gone")
    assert code == 0
    assert rows[0]["method"] == "sound [1]"
    assert rows[0]["rank"] == "1"
    why = {row["method"].rpartition(" ")[0]: row["why"] for row in rows[1:]}
    assert {row["state"] for row in rows[1:]} == {"not read"}
    assert "newer ftbench (form 3, and this one knows 2)" in why["newer/faces"]
    assert "version 3 of the protocol" in why["later/faces"]
    assert "update ftbench" in why["later/faces"]
    assert "no release has it" in why["odd/faces"]
    assert why["changed/faces"] == "manifest.json has changed since it was written"
    assert "is not JSON" in why["cut/faces"]
    assert "holds no manifest.json" in why[str(tmp_path / "gone")]
    assert len(rows) == 7


def test_a_method_whose_rows_are_cut_or_missing_leaves_the_folders_others(tmp_path: Path, ranked: Ranked) -> None:
    folder = write(tmp_path / "a" / "faces", [*whole("good"), *whole("cut"), *whole("gone")])
    cut, gone = folder / "rows" / "3.csv.gz", folder / "rows" / "6.csv.gz"
    cut.write_bytes(cut.read_bytes()[:100])
    gone.unlink()
    code, _, rows = ranked(folder)
    assert code == 0
    told = {row["method"]: (row["rank"], row["why"]) for row in rows}
    assert told["good"] == ("1", "nothing")
    assert told["cut seed 0"] == ("—", "rows/3.csv.gz has changed since it was written")
    assert told["gone seed 0"] == ("—", "rows/6.csv.gz is missing")
    # The other two seeds of each stand by themselves.
    assert told["cut"] == ("provisional", "2 seeds, 3 wanted")
    # Even where somebody made the digests anew.
    resealed(folder)
    told = {row["method"]: row["why"] for row in ranked(folder)[2]}
    assert "Compressed file ended" in told["cut seed 0"]


def test_versions_are_ranked_apart_and_said(tmp_path: Path, ranked: Ranked, monkeypatch: pytest.MonkeyPatch) -> None:
    later = replace(rules.NEWEST, version=3, seeds=1)
    monkeypatch.setitem(rules.PROTOCOLS, 3, later)
    monkeypatch.setattr("ftbench.protocol.reading.PROTOCOL", 3)
    old = write(tmp_path / "old" / "faces", [made("old")])
    new = write(tmp_path / "new" / "faces", [made("new")], protocol=3)
    _, text, rows = ranked(old, new)
    assert states(rows) == [("new seed 0 [1]", "1"), ("old seed 0 [2]", "provisional")]
    assert "Results of versions 2, 3 of the protocol" in text
    assert [row["version"] for row in rows] == ["3", "2"]


def test_results_from_before_the_protocol_are_held_against_the_first(tmp_path: Path, ranked: Ranked) -> None:
    folder = write(tmp_path / "a" / "faces", whole("a"))
    held = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    write_json(folder / "manifest.json", sealed({key: said for key, said in held.items() if key != "protocol"}, folder))
    assert states(ranked(folder)[2]) == [("a", "1")]


def test_nothing_that_can_be_read_is_bad_input_and_nothing_is_written(
    tmp_path: Path, ranked: Ranked, said: Said
) -> None:
    code, text = said("leaderboard", tmp_path / "gone", tmp_path / "gone too", "--out", tmp_path / "out")
    assert code == 2
    assert "none of these folders could be read" in text
    assert "holds no manifest.json, nor does a folder in it" in " ".join(text.split())
    assert not (tmp_path / "out").exists()
    # A leaderboard that is there stays as it is.
    ranked(write(tmp_path / "a" / "faces", whole("a")))
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert said("leaderboard", tmp_path / "gone", "--out", tmp_path / "out")[0] == 2
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_a_folder_above_results_and_a_folder_twice(tmp_path: Path, ranked: Ranked) -> None:
    first = write(tmp_path / "results" / "made" / "faces-small", whole("a"))
    write(tmp_path / "results" / "made" / "faces-medium", whole("b"))
    rows = ranked(tmp_path / "results", first)[2]
    assert sorted(row["method"].split()[0] for row in rows) == ["a", "b"]


def test_folders_are_named_by_what_tells_them_apart() -> None:
    assert names_of([Path("/x/made/a"), Path("/y/made/a")]) == ["x/made/a", "y/made/a"]
    assert names_of([Path("/x/made/a"), Path("/y/made/b")]) == ["made/a", "made/b"]


def test_hostile_names_stay_text(tmp_path: Path, ranked: Ranked) -> None:
    name = "<script>alert(1)</script>|\x1b[31m"
    ranked(write(tmp_path / "a" / "faces", whole(name)))
    page = (tmp_path / "out" / "leaderboard.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    for ending in ("md", "tex", "csv"):
        assert "\x1b" not in (tmp_path / "out" / f"leaderboard.{ending}").read_text(encoding="utf-8")


def test_no_entry_at_all_is_a_table_that_says_so() -> None:
    from ftbench.protocol.board import board
    from ftbench.report.tables import markdown
    from tests.protocol.made_entries import Words

    table: Table = board([], [])
    assert "No results folder could be read." in markdown(table, Words())
