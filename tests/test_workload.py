"""Too many settings are refused before anything is looked at; what is left to do is counted and timed."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

import ftbench
from ftbench.benchfile.document import parse
from ftbench.benchfile.schema import Benchmark
from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from ftbench.plan.cells import Cell
from ftbench.plan.workload import check_count, to_do
from tests.conftest import TINY
from tests.test_plan import changed, planned


def checked(data: dict[str, Any]) -> None:
    document = parse(yaml.safe_dump(data, sort_keys=False), "test.yaml")
    check_count(Benchmark.model_validate(document.data), document)


def test_a_product_of_axes_is_refused_with_its_count_and_an_estimate() -> None:
    losses = [{"message": 1, "steps": 100}, {"message": 10}]
    data = changed(matrix={"seed": list(range(400)), "loss": losses}, evaluate={"psnr": ["own", 30]})
    with pytest.raises(BadInput) as found:
        checked(data)
    said = str(found.value)
    # 400 seeds of 100 and of the default 2,000 steps: 840,000, which at .1 s are 23 h 20 min.
    for part in ("800 trainings (2 of loss × 400 of seed)", "1,600 evaluations", "840,000 steps", "23 h 20 min"):
        assert part in said
    assert said.startswith("test.yaml, line 7: ")
    assert "most_settings" in said
    checked({**data, "most_settings": 800})


@pytest.mark.parametrize(
    ("matrix", "settings"),
    [
        ({"encoder": ["unet-resnet18", "hidden"], "decoder": ["conv7", "hidden"], "seed": [0, 1, 2]}, 12),
        ({"encoder": None, "decoder": None, "pairs": [{"encoder": "hidden", "decoder": "hidden"}], "seed": [0, 1]}, 2),
        ({"simulator": [["faceswap", "re-embed"], "none"], "codec": ["none", "repetition"]}, 4),
    ],
)
def test_axes_multiply_and_pairs_do_not(matrix: dict[str, Any], settings: int) -> None:
    data = changed(matrix=matrix)
    data["matrix"] = {name: value for name, value in data["matrix"].items() if value is not None}
    checked({**data, "most_settings": settings})
    if settings > 1:
        with pytest.raises(BadInput, match=f"{settings} trainings"):
            checked({**data, "most_settings": settings - 1})


def test_the_command_line_says_so_at_once(ftbench_command: list[str], tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text(TINY, encoding="utf-8")
    seeds = f"matrix.seed={list(range(3000))}"
    start = time.monotonic()
    done = subprocess.run(
        [*ftbench_command, "run", "many.yaml", "--set", seeds],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "3,000 of seed" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert time.monotonic() - start < 60
    assert not (tmp_path / "results").exists()


def test_a_pair_is_asked_once_whether_it_fits(plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    whole = ftbench.Encoder.object_to

    def counted(self: ftbench.Encoder, *arguments: Any, **build: Any) -> str | None:
        asked.append(self.name)
        return whole(self, *arguments, **build)

    monkeypatch.setattr(ftbench.Encoder, "object_to", counted)
    plan = planned(
        changed(matrix={"seed": list(range(40)), "simulator": "none"}, evaluate={"simulators": "none"}), plugins
    )
    assert len(plan.evaluations) == 40
    assert asked.count("unet-resnet18") == 1


def test_what_is_left_is_counted_and_timed_by_what_is_done(plugins: Plugins) -> None:
    data = changed(matrix={"seed": [0, 1, 2]}, train={"steps": 100}, fit={"steps": 50})
    plan = planned(data, plugins)
    fit, first, *_ = plan.cells
    assert to_do(plan.cells, lambda cell: None) == "to do: 1 fit (50 steps), 3 trainings (300 steps), 3 evaluations"
    done = {fit.key: 20.0, first.key: 30.0}

    def summary(cell: Cell) -> dict[str, Any] | None:
        return {"seconds": done[cell.key]} if cell.key in done else None

    # Two trainings of 100 steps at .3 s; no evaluation was timed.
    said = "to do: 2 trainings (200 steps), 3 evaluations; at least 1 min 00 s, going by the finished ones"
    assert to_do(plan.cells, summary) == said
    done[plan.cells[4].key] = 7.0
    assert to_do(plan.cells, summary).endswith("2 evaluations; about 1 min 14 s, going by the finished ones")
    done.update(dict.fromkeys((cell.key for cell in plan.cells), 1.0))
    assert to_do(plan.cells, summary) == "to do: nothing, all cells are done"


def test_the_steps_of_a_code_and_of_a_setting_are_its_own(plugins: Plugins) -> None:
    data = changed(
        matrix={"codec": "learned", "simulator": "none", "loss": [{"message": 1, "steps": 70}]},
        evaluate={"simulators": "none"},
        code={"steps": 30},
    )
    plan = planned(data, plugins)
    assert to_do(plan.cells, lambda cell: None) == "to do: 1 fit (30 steps), 1 training (70 steps), 1 evaluation"
