"""extract: what was given to whom, and what chance alone could have matched."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ftbench.marking import finding
from tests.marking.calls import Command, as_drawn, photo, register


def test_a_picture_is_traced_among_many(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    sources = [photo(tmp_path / f"{seed}.png", seed) for seed in range(3)]
    for source, payload in zip(sources, ("11110000", "00110011", "11110000"), strict=True):
        assert ftbench_here("embed", model, source, "--payload", payload).code == 0
    as_drawn(tmp_path / "marked")
    said = ftbench_here("extract", model, "marked/1.png", "marked/2.png", "--among", "marked/payloads.csv", "--json")
    second, third = json.loads(said.out)
    assert (second["closest"], second["given_to"], second["matches"]) == ("0b00110011", "1.png", 8)
    assert third["given_to"] == "0.png, 2.png"
    # Two different payloads were compared with: twice the chance of an accident.
    assert second["p_value"] == pytest.approx(2 * 2**-8)
    table = ftbench_here("extract", model, "marked/1.png", "--among", "marked/payloads.csv").out.splitlines()
    assert table[0].split() == ["file", "payload", "closest", "given_to", "matches", "of", "p_value"]
    assert table[2].split() == ["marked/1.png", "0b00110011", "0b00110011", "1.png", "8", "8", "0.00781"]


def test_a_payload_that_somebody_chose_has_no_p_value(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    chosen_one, drawn_one = photo(tmp_path / "a.png"), photo(tmp_path / "b.png", seed=1)
    assert ftbench_here("embed", model, chosen_one, "--payload", "11111111").code == 0
    assert ftbench_here("embed", model, drawn_one).code == 0
    assert register(tmp_path / "marked")["drawn"].tolist() == ["no", "yes"]
    files = ("marked/a.png", "marked/b.png")
    among = ("--among", "marked/payloads.csv")
    first, second = json.loads(ftbench_here("extract", model, *files, *among, "--json").out)
    assert (first["matches"], first["p_value"]) == (8, None)
    assert "was chosen and not drawn" in first["no_p_value"]
    # One payload was drawn; the chosen one is no part of the bound.
    assert second["p_value"] == pytest.approx(2**-8)
    said = ftbench_here("extract", model, *files, *among).out.splitlines()
    assert said[2].split()[-1] == "none"
    assert said[-1].startswith("no p-value: this payload was chosen and not drawn")
    # Registers of before do not tell: no p-value either.
    rows = register(tmp_path / "marked").drop(columns="drawn")
    rows.to_csv(tmp_path / "old.csv", index=False)
    for row in json.loads(ftbench_here("extract", model, *files, "--among", "old.csv", "--json").out):
        assert row["p_value"] is None
        assert "the register does not say" in row["no_p_value"]
    (row,) = json.loads(ftbench_here("extract", model, files[0], "--expect", "11111111", "--json").out)
    assert (row["matches"], row["p_value"]) == (8, None)
    assert "add --drawn" in row["no_p_value"]
    refused = ftbench_here("extract", model, files[0], *among, "--drawn")
    assert (refused.code, "--drawn speaks of the payload of --expect" in refused.err) == (2, True)


def test_no_picture_is_named_where_no_mark_was_found(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    sources = [photo(tmp_path / f"{seed}.png", seed) for seed in range(2)]
    options = ("--tag", 6, "--false-positives", 0.05, "--seconds", 0)
    assert ftbench_here("embed", model, sources[0], "--tag", 6, "--payload", "01", "--note", "Ann").code == 0
    among = ("--among", as_drawn(tmp_path / "marked"))
    marked, other = json.loads(
        ftbench_here("extract", model, "marked/0.png", sources[1], *options, *among, "--json").out
    )
    assert (marked["mark"], marked["given_to"], marked["note"]) == ("marked", "0.png", "Ann")
    assert other["mark"] == "no mark found"
    assert other["p_value"] > 0.05
    assert "closest" in other
    assert not {"given_to", "note"} & other.keys()


def test_a_bad_row_of_the_register_blocks_no_other(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    source = photo(tmp_path / "a.png")
    assert ftbench_here("embed", model, source).code == 0
    file = tmp_path / "marked" / "payloads.csv"
    head, row = file.read_text(encoding="utf-8").splitlines()
    short = row.replace("0b", "0b0", 1)
    file.write_text("\n".join([head, "nonsense", short, row]) + "\n", encoding="utf-8")
    said = ftbench_here("extract", model, "marked/a.png", "--among", file, "--json")
    assert (said.code, json.loads(said.out)[0]["matches"]) == (0, 8)
    assert f"{file}, line 2: it is not a row of this register" in said.err
    assert f"{file}, line 3: payload" in said.err
    said = ftbench_here("embed", model, photo(tmp_path / "b.png"))
    assert said.code == 0
    assert "line 2" in said.err
    assert file.read_text(encoding="utf-8").splitlines()[:4] == [head, "nonsense", short, row]


def test_the_closest_of_a_hundred_thousand_is_found_at_once(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    source = photo(tmp_path / "a.png")
    assert ftbench_here("embed", model, source, "--payload", "10011010").code == 0
    rows = [(f"{number}.png", f"{number:030b}") for number in range(100_000)]
    known = tuple(finding.Known(payload, files=(name,)) for name, payload in rows)
    candidates, begun = finding.Candidates(known), time.process_time()
    for number in range(0, 100_000, 5_000):
        assert candidates.closest(f"{number:030b}") == (known[number], 30)
    # Counted bit by bit it took 1.8 s for each.
    assert time.process_time() - begun < 2


def test_a_register_of_another_model_has_nothing_to_compare(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    source = photo(tmp_path / "a.png")
    assert ftbench_here("embed", model, source).code == 0
    file = tmp_path / "marked" / "payloads.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("a1" * 32, "b2" * 32), encoding="utf-8")
    said = ftbench_here("extract", model, "marked/a.png", "--among", file)
    assert said.code == 2
    assert "holds no payload of the model '30 dB'" in said.err
