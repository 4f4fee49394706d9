"""No code that runs while a cell is made is overlooked: all of it vouches for the cell, or is named with a reason."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from rich.console import Console

import ftbench
from ftbench.parts.evidence import why_again
from ftbench.parts.fingerprint import closure
from ftbench.parts.sourcefile import understood
from ftbench.plan.cells import Cell
from ftbench.runner import attempt
from ftbench.runner import executor as execute
from ftbench.runner.opening import Request, open_benchmark
from ftbench.vouching.evidence import ROOTS, UNFOLLOWED
from ftbench.vouching.standing import Standings
from tests.test_fingerprint import numbers_in

TINY = Path(__file__).parent / "old_store" / "tiny.yaml"
SMALL = (
    *("fit.steps=2", "code.steps=2", "train.steps=2", "train.validate_every=1"),
    'train.distortions=["identity", {"name": "jpeg", "quality": [50, 90]}]',
    'evaluate.distortions=["identity", {"name": "chain", "steps": [{"name": "jpeg", "quality": 50}]}]',
)
HEARS = ("ftbench/runner/attempt.py", "ftbench_trackers/mlflow.py", "ftbench_trackers/tensorboard.py")
"""Files that are told of progress while a cell is made."""
CODES = {"fit fit learned of 8 bits"}
HOME = Path(ftbench.__file__).parent


def file_of(module: str) -> str:
    path = HOME.parent / Path(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).relative_to(HOME.parent).as_posix()


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, str], dict[str, Path]]]:
    """Label of a cell -> what vouches for it, and the files of ftbench whose code ran while it was made."""
    console = Console(file=io.StringIO())
    request = Request(str(TINY), out=tmp_path_factory.mktemp("results"), assignments=SMALL)
    opened = open_benchmark(request, console)
    ran: dict[str, set[str]] = {}

    def watched(work: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def worked(cell: Cell, *rest: Any) -> dict[str, Any]:
            names = ran.setdefault(cell.key, set())

            def note(frame: FrameType, event: str, argument: object) -> None:
                names.add(frame.f_code.co_filename)

            sys.setprofile(note)
            try:
                return work(cell, *rest)
            finally:
                sys.setprofile(None)

        return worked

    with pytest.MonkeyPatch.context() as patch:
        for kind, work in attempt.WORK.items():
            patch.setitem(attempt.WORK, kind, watched(work))
        outcome = execute.run(opened.plan, opened.bench, request)
    assert not outcome.failed
    standings = Standings(opened.bench.store, opened.bench.plugins)
    found = {}
    for cell in opened.plan.cells:
        files = {}
        for name in ran[cell.key]:
            top = next((n for n, part in enumerate(Path(name).parts) if part.partition("_")[0] == "ftbench"), None)
            if top is not None:
                files[Path(*Path(name).parts[top:]).as_posix()] = Path(name)
        found[f"{cell.kind} {cell.label}"] = dict(standings.evidence(cell).code), files
    return found


def test_all_code_that_runs_in_a_cell_vouches_for_it(executed: Any) -> None:
    excused = {*map(file_of, UNFOLLOWED), *HEARS}
    assert len(executed) == 6
    for label, (code, files) in executed.items():
        assert len(files) > 10, label
        assert set(files) - set(code) - excused == set(), label


def test_a_changed_number_in_any_of_it_is_noticed_and_named(executed: Any) -> None:
    noticed: set[str] = set()
    for label, (code, files) in executed.items():
        for name in files.keys() & code.keys():
            data = files[name].read_bytes()
            assert understood(data).digest == code[name], name
            for begin, end in numbers_in(data):
                changed = understood(data[:begin] + b"(%s + 1)" % data[begin:end] + data[end:]).digest
                old, new = (_evidence(code, {name: digest}) for digest in (code[name], changed))
                assert why_again(old, new, "code", {}) == f"since it was made, {name} changed", (label, begin)
                noticed.add(name)
                break
    assert len(noticed) > 25
    # On whose photos a deepfake is fitted, and which pair marks once more, is read here. A code sees no photos.
    fits = {label: files for label, (_, files) in executed.items() if label.startswith("fit")}
    assert {label for label, files in fits.items() if "ftbench/plan/part.py" not in files} <= CODES


def _evidence(code: dict[str, str], change: dict[str, str]) -> Any:
    from ftbench.storage.cellfile import Evidence

    return Evidence(code=code | change)


def test_what_is_not_followed_exists_and_is_not_more_than_needed() -> None:
    reached = {name for roots in ROOTS.values() for root in roots for name in closure(root, ["ftbench"])}
    for module in UNFOLLOWED:
        assert (HOME.parent / file_of(module)).is_file(), module
        assert module in reached, module


def test_evaluations_do_not_hang_on_how_pairs_are_trained(executed: Any) -> None:
    kinds = {label.partition(" ")[0]: set(code) for label, (code, _) in executed.items()}
    assert not kinds["evaluate"] & {"ftbench/train/loop.py", "ftbench/train/pair.py", "ftbench/train/fit.py"}
    assert not kinds["train"] & {"ftbench/train/fit.py", "ftbench/evaluate/evaluate.py"}
    assert not kinds["fit"] & {"ftbench/train/pair.py", "ftbench/evaluate/evaluate.py"}
    for code in kinds.values():
        assert not {name for name in code if name.startswith(("ftbench/cli", "ftbench/report", "ftbench/marking"))}
