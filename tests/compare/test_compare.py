"""``ftbench compare`` from the command line: what it prints and what it exits with."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ftbench import cli
from tests.compare.made_results import replace_in, three, weights, without_rows, write

Compare = Callable[..., tuple[int, str]]
CLAIMS = """\
benchmark: paper
claims:
  - name: reads-more
    says: A tenfold message weight reads more.
    source: re-implementation
    found: Accuracy goes up.
    ordering: {higher: {λ: 10}, lower: {λ: 1, α: 0.1}, measure: swapped bit accuracy}
  - name: reads
    says: It reads.
    source: goal
    found: At least 90 %.
    bound: {of: {λ: 1, α: 0.1}, measure: swapped bit accuracy, at_least: 90}
  - name: full-size
    says: It reads at full size.
    source: goal
    found: At least 99 %.
    scales: [full]
    bound: {of: {λ: 1, α: 0.1}, measure: swapped bit accuracy, at_least: 99}
"""
MISSING = """\
  - name: held
    says: It reads at 30 dB.
    source: goal
    found: At least 90 %.
    bound: {of: {target dB: 30}, measure: swapped bit accuracy, at_least: 90}
"""


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    path = tmp_path / "my.expected.yaml"
    path.write_text(CLAIMS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sound") / "faces-small", three()[:2])


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "paper" / "faces-small"))


def compared(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["ftbench", "compare", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as left:
        cli.run()
    captured = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, captured.out + captured.err


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Compare:
    return lambda *arguments: compared(capsys, monkeypatch, *arguments)


def test_claims_that_hold(compare: Compare, folder: Path, claims: Path) -> None:
    code, text = compare(folder, claims)
    assert code == 0, text
    lines = text.splitlines()
    (number,) = (number for number, line in enumerate(lines) if "reads-more" in line)
    assert lines[number].split() == ["holds", "reads-more", "re-implementation"]
    assert lines[number + 1].strip().startswith("λ=10 α=0.1 − λ=1 α=0.1: +6.25 [+")
    assert "judged by its rows" in text
    assert "For other scales or data: full-size." in text
    assert "2 holds" in text
    code, text = compare(without_rows(folder), claims)
    assert code == 0
    assert "judged by its tables alone" in text


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [("at_least: 90", "at_least: 94", "fails"), ("{λ: 10}, lower: {λ: 1, α: 0.1}, measure: swapped",
     "{λ: 10}, lower: {λ: 1, α: 0.1}, measure: marked", "undecided")],
)  # fmt: skip
def test_a_claim_that_is_not_shown(compare: Compare, old: str, new: str, word: str, folder: Path, claims: Path) -> None:
    replace_in(claims, old, new)
    code, text = compare(folder, claims)
    assert code == 1
    assert f"1 {word}" in text
    assert [line for line in text.splitlines() if line.startswith(f"{word}: ")]


@pytest.mark.parametrize("rows", [True, False])
def test_altered_numbers_are_never_judged(compare: Compare, rows: bool, folder: Path, claims: Path) -> None:
    if not rows:
        without_rows(folder)
    replace_in(folder / "tables" / "main.csv", "0.9375", "0.9975")
    code, text = compare(folder, claims)
    assert code == 1
    assert "altered: tables/main.csv has changed since it was written" in text
    assert "no claim is judged" in text
    assert "holds" not in text


def test_a_missing_setting_is_told_and_fails_when_strict(compare: Compare, folder: Path, claims: Path) -> None:
    claims.write_text(CLAIMS + MISSING, encoding="utf-8")
    code, text = compare(folder, claims)
    assert code == 0
    assert "no setting has target dB 30" in text
    assert "2 holds, 1 not judged" in text
    assert compare(folder, claims, "--strict")[0] == 1


def test_a_setting_that_failed_to_run_is_not_shown(compare: Compare, tmp_path: Path, claims: Path) -> None:
    folder = write(tmp_path / "partly", three()[:1], failed={"λ=10": weights("10", "0.1")})
    code, text = compare(folder, claims)
    assert code == 1
    assert "failed, and has no numbers: λ=10" in text


def test_every_folder_below_is_compared(compare: Compare, folder: Path, claims: Path) -> None:
    shutil.copytree(folder, folder.with_name("faces-small.local"))
    (folder.parent / "notes").mkdir()
    code, text = compare(folder.parent, claims)
    assert code == 0
    assert text.count("2 holds") == 2
    assert "faces-small.local: benchmark paper" in text
    assert "notes: left out, since it has no manifest.json" in text
    replace_in(folder.with_name("faces-small.local") / "tables" / "attacks.md", "93.8 ", "99.8 ")
    code, text = compare(folder.parent, claims)
    assert code == 1
    assert text.count("2 holds") == 1


def test_one_unreadable_folder_does_not_keep_the_others_from_being_compared(
    compare: Compare, folder: Path, claims: Path
) -> None:
    old = Path(shutil.copytree(folder, folder.with_name("faces-old")))
    (old / "manifest.json").write_text('{"benchmark": "paper"}')
    code, text = compare(folder.parent, claims)
    assert code == 2
    assert "faces-old/manifest.json cannot be checked" in text
    assert "2 holds" in text


def test_bad_input(compare: Compare, folder: Path, claims: Path, tmp_path: Path) -> None:
    code, text = compare(tmp_path / "nowhere", claims)
    assert (code, "holds no manifest.json" in text) == (2, True)
    code, text = compare(folder, tmp_path / "none.yaml")
    assert (code, "no such file" in text) == (2, True)
    code, text = compare(folder, "papers")
    assert (code, "nearest: paper" in text) == (2, True)
    replace_in(claims, "    source: goal", "    sauce: goal")
    code, text = compare(folder, claims)
    assert (code, f"{claims}, line 10: " in text, "did you mean source?" in text) == (2, True, True)
    claims.write_text(CLAIMS.replace("benchmark: paper", "benchmark: quick"), encoding="utf-8")
    code, text = compare(folder, claims)
    assert (code, "'quick', the results are of 'paper'" in text) == (2, True)


def test_claims_of_which_none_could_be_judged_show_nothing(compare: Compare, folder: Path, claims: Path) -> None:
    claims.write_text("benchmark: paper\nclaims:\n" + MISSING, encoding="utf-8")
    code, text = compare(folder, claims)
    assert code == 2
    assert "none of the claims could be judged" in text


def test_the_repositorys_claims_are_found_by_name_without_torch(folder: Path) -> None:
    script = (
        "import sys; sys.argv = ['ftbench', 'compare', sys.argv[1], 'paper']; import ftbench.cli\n"
        "try: ftbench.cli.main()\nexcept SystemExit as left: code = left.code\n"
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False)
    # The third setting is not there; the first two are ordered as the source found.
    assert done.returncode == 0, done.stdout + done.stderr
    assert "more-message-weight-reads-more-after-the-swap" in done.stdout
