"""How exact a reader's chances are: counted over looks and owners, and a reader that understates them is found out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.models import chances, measure
from ftbench.marking import finding, presence
from ftbench.marking.search import Search
from ftbench.marking.trained import Trained
from ftbench.statistics import detection
from tests.marking.calls import photo
from tests.marking.test_measure import rows_of
from tests.marking.test_search import noise

OWNERS = 60


def counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    asked = ("--only-unmarked", "--looks", folder, "--owners", OWNERS, "--seconds", 60)
    measure.main(["portrait-256", str(folder), *map(str, asked)])
    return capsys.readouterr().out


@pytest.mark.usefixtures("shipped")
def test_looks_are_right_by_accident_as_often_as_they_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(4):
        photo(tmp_path / f"{seed}.png", seed)
    said = counted(tmp_path, capsys)
    rows = rows_of(said)
    for level, row in ((0.1, rows["0.1"]), (0.01, rows["0.01"])):
        beside, bits, keys, _ = row
        # A drawn payload is as near by accident as its p-value says, and a check of t bits right once in 2^t.
        assert float(beside.split()[0]) == pytest.approx(level, rel=0.4)
        assert float(keys.split()[0]) == pytest.approx(float(bits.split()[-1]), rel=0.4)
    assert [rows[way][0].split(" of ")[1] for way in chances.WAYS] == [str(4 * OWNERS)] * 3
    assert all(float(rows[way][1].split()[0]) < 0.03 for way in chances.WAYS)

    def short(weights: tuple[int, ...]) -> NDArray[np.float64]:
        return detection.weighted_tail(weights) / 5

    monkeypatch.setattr(finding, "weighted_tail", short)
    understated = rows_of(counted(tmp_path, capsys))
    assert float(understated["0.1"][0].split()[0]) > 0.2


def test_a_search_gone_through_again_finds_the_same(wide: Trained) -> None:
    rules = finding.Rules(seconds=60)
    pixels = noise(3)
    again = chances.Replayed(Search(wide, pixels, 60.0))
    draw = np.random.default_rng(0)
    for _ in range(3):
        owner = chances._owner(wide, draw)
        assert presence.is_whole(owner.payload, 16, owner.key)
        known = finding.Candidates((finding.Known(owner.payload),))
        mine = finding.Rules(rules.bound, rules.seconds, owner.key)
        assert finding.find(wide, pixels, known, mine, again) == finding.find(wide, pixels, known, mine)


def test_pictures_are_taken_from_each_folder_in_turn(tmp_path: Path) -> None:
    for seed in range(10):
        photo(tmp_path / ("few" if seed > 7 else "many") / f"{seed}.png", seed, (20, 20))
    taken = chances._in_turn([tmp_path / "many", tmp_path / "few"])
    assert [file.parent.name for file in taken] == ["many", "few", "many", "few", *["many"] * 6]
    assert len(set(taken)) == 10
    assert [file.stem for file in taken if file.parent.name == "many"] != list("01234567")
