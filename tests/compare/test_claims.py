"""What a claims file may say, and the sentence for each thing that it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ftbench.benchfile.bundled import builtin, builtin_claims, find_claims
from ftbench.claims.claims import QUANTITIES, VIEWS, Bound, Difference, Measure, Ordering, load, measure
from ftbench.errors import BadInput

CHECKOUT = Path(__file__).resolve().parents[2]
GOOD = """\
benchmark: paper
settings:
  first: {λ: 1, α: 0.1}
  second: {λ: [10, 20], codec: none}
claims:
  - name: reads-more
    says: The second reads more.
    source: re-implementation
    found: Accuracy goes up.
    scales: [small, full]
    when: {target dB: none}
    ordering: {higher: second, lower: first, measure: swapped bit accuracy, by_at_least: 1.5}
  - name: reads
    says: The first reads.
    source: goal
    found: At least 95 %.
    bound: {of: first, measure: payload word accuracy after faceswap, at_least: 95}
  - name: loses-little
    says: The swap costs little.
    source: paper
    found: Little.
    data: [two_identity]
    difference: {of: {λ: 1}, measure: marked bit accuracy, minus: swapped bit accuracy, at_most: 2}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.expected.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_claims_file_says_what_it_says(tmp_path: Path) -> None:
    claims = load(written(tmp_path, GOOD))
    more, reads, little = claims.claims
    assert isinstance(more.check, Ordering)
    assert isinstance(reads.check, Bound)
    assert isinstance(little.check, Difference)
    assert more.check.by_at_least == 1.5
    assert claims.selection(more, "second") == {"target dB": "none", "λ": [10, 20], "codec": "none"}
    assert claims.selection(little, {"λ": 1}) == {"λ": 1}
    assert (reads.scales, little.data, reads.data) == (None, ["two_identity"], None)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("marked bit accuracy", Measure("marked bit accuracy", "marked", "raw_bit_accuracy")),
        (
            "swapped  payload word\naccuracy",
            Measure("swapped payload word accuracy", "swapped", "payload_word_accuracy"),
        ),
        (
            "bit accuracy after faceswap width=0.5",
            Measure("bit accuracy after faceswap width=0.5", "faceswap width=0.5", "raw_bit_accuracy"),
        ),
        ("PSNR", Measure("PSNR", metric="psnr")),
        ("my-metric", Measure("my-metric", metric="my-metric")),
    ],
)
def test_measures(text: str, meant: Measure) -> None:
    assert measure(text) == meant


def test_every_view_and_quantity_is_a_measure() -> None:
    ends = {measure(f"{view} {what}").quantity for view in VIEWS for what in QUANTITIES}
    assert ends == {f"{level}_{unit}_accuracy" for level in ("raw", "payload") for unit in ("bit", "word")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("swaped bit acuracy", "did you mean 'swapped bit accuracy'"),
        ("bit accuracy", "'after' and a deepfake's name"),
        ("marked bit accuracy after faceswap", "did you mean 'marked bit accuracy'"),
        ("how good it is", "is no measure"),
    ],
)
def test_no_measure(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        measure(text)


# (what stands in the good file, what stands there instead, line of the complaint, what it says)
WRONG = [
    ("    found: Accuracy goes up.\n", "    fuond: Accuracy goes up.\n", 9, "did you mean found"),
    ("by_at_least: 1.5", "by_at_last: 1.5", 12, "did you mean by_at_least"),
    ("settings:\n", "setings:\n", 2, "did you mean settings"),
    ("source: paper", "source: papper", 20, "did you mean paper"),
    ("higher: second", "higher: secnd", 12, "did you mean second"),
    ("name: loses-little", "name: reads", 18, "stands twice, first on line 13"),
    ("at_least: 95", "at_least: 0.95", 17, "written in per cent"),
    ("at_least: 95", "at_least: 195", 17, "written in per cent"),
    ("at_least: 95", "at_least: high", 17, "must be a number"),
    (", at_least: 95", "", 17, "add at_least or at_most"),
    ("at_most: 2", "at_most: 2, at_least: 3", 23, "is above at_most"),
    ("minus: swapped bit accuracy", "minus: psnr", 23, "'psnr' is none"),
    ("measure: swapped bit accuracy,", "measure: swaped bit accuracy,", 12, "did you mean 'swapped bit accuracy'"),
    ("    bound: {of: first", "    bond: {of: first", 17, "did you mean bound"),
    ("    scales: [small, full]\n", "    bound: {of: first, measure: psnr, at_least: 3}\n", 6, "this has 2"),
    ("first: {λ: 1, α: 0.1}", "first: {λ: 1, α: }", 3, "settings.first.α must be text"),
    ("first: {λ: 1, α: 0.1}", "first: {λ: 1, α: yes, β: true}", 3, "settings.first.β must be text"),
    ("by_at_least: 1.5", "by_at_least: -1", 12, "at least 0"),
    ("says: The first reads.", 'says: "  "', 14, "at least 1 character"),
    ("benchmark: paper\n", "", 1, "benchmark"),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), WRONG)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, line: int, says: str, tmp_path: Path) -> None:
    assert GOOD.count(old) == 1
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(BadInput) as told:
        load(path)
    assert any(
        f"{path}, line {line}: " in sentence and says in sentence for sentence in str(told.value).splitlines()
    ), str(told.value)


def test_a_claim_needs_a_check(tmp_path: Path) -> None:
    text, _, _ = GOOD.partition("    ordering:")
    with pytest.raises(BadInput, match=r"line 6: .*one of ordering, bound and difference, and this has 0"):
        load(written(tmp_path, text))


def test_claims_files_are_no_benchmarks() -> None:
    assert "paper" in builtin_claims()
    assert not [name for name in builtin() if "expected" in name]
    assert find_claims("paper") == builtin_claims()["paper"]
    with pytest.raises(BadInput, match="nearest: paper"):
        find_claims("papers")


@pytest.mark.parametrize("name", sorted(builtin_claims()))
def test_the_repositorys_claims_fit_their_benchmark(name: str) -> None:
    claims = load(builtin_claims()[name])
    benchmark: dict[str, Any] = yaml.safe_load((CHECKOUT / "benchmarks" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert claims.benchmark == benchmark["name"]
    for claim in claims.claims:
        assert set(claim.scales or ()) <= set(benchmark["scales"]), claim.name
        assert claim.says.endswith("."), claim.name
