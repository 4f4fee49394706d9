"""What the command line answers without a run: help, what there is, and one sentence on bad input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.command_line import call, edited


def test_help_needs_no_torch(ftbench_command: list[str], tmp_path: Path) -> None:
    script = "import sys; sys.argv = ['ftbench', '--help']; import ftbench.cli\ntry: ftbench.cli.main()\n"
    script += "except SystemExit: pass\nassert 'torch' not in sys.modules and 'pandas' not in sys.modules"
    done = call([sys.executable, "-c", script], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for command in ("run", "plan", "plugins", "info", "doctor", "report", "schema"):
        assert command in done.stdout


def test_info_and_plugins_and_schema_and_doctor(tmp_path: Path, ftbench_process: list[str]) -> None:
    info = call(ftbench_process, "info", "unet-resnet18", cwd=tmp_path)
    assert "up_width" in info.stdout
    assert "random initialisation" in info.stdout
    assert "faceswap" in call(ftbench_process, "plugins", cwd=tmp_path).stdout
    schema: dict[str, Any] = json.loads(call(ftbench_process, "schema", cwd=tmp_path).stdout)
    assert {"dataset", "message", "matrix", "train", "evaluate", "scales"} <= set(schema["properties"])
    doctor = call(ftbench_process, "doctor", cwd=tmp_path)
    assert doctor.returncode == 0, doctor.stdout
    assert "in order" in doctor.stdout


BAD: dict[str, tuple[str, str]] = {
    "misspelt key": (edited("steps: 40", "stpes: 40"), r"line 12.*stpes; did you mean steps"),
    "wrong type": (edited("steps: 40", "steps: many"), "steps must be a whole number"),
    "unknown part": (edited("unet-resnet18", "unet-resnet19"), "nearest: unet-resnet18"),
    "unknown data set": (edited("procedural-faces", "procedural-face"), "nearest: procedural-faces"),
    "one identity": (edited("identities: 2", "identities: 1"), "needs 2 people"),
    "a size": (edited("size: 32}", "size: 40}"), "multiple of 32"),
    "a name": (edited("name: tiny", "name: ../tiny"), "name"),
    "an unused scale": (edited("steps: 400", "steps: -4"), "must be"),
    "duplicate key": (edited("message:", "message: {bits: 4}\nmessage:"), "line 3"),
    "not yaml": ("name: [", "line"),
    "python object": ("name: !!python/object/apply:os.system ['true']", "line 1"),
    "bomb": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{n}: &{n} [{', '.join([f'*{p}'] * 10)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)),
        "expand to too much",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_one_sentence_and_exit_code_2(case: str, tmp_path: Path, ftbench_command: list[str]) -> None:
    text, says = BAD[case]
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
    done = call(ftbench_command, "plan", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert pd.Series([done.stderr]).str.contains(says, regex=True).all(), done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "missing.yaml"], "no such file"),
        (["run", "papper"], "nearest: paper"),
        (["run", "tiny.yaml", "--scale", "smal"], "has no scale 'smal'; it has: small"),
        (["run", "tiny.yaml", "--data", "nowhere"], "nowhere"),
        (["run", "tiny.yaml", "--data", "empty"], "no images"),
        (["run", "tiny.yaml", "--set", "train.stepz=1"], "did you mean steps"),
        (["info", "faceswp"], "nearest: faceswap"),
        (["report", "nowhere"], "holds no tables"),
    ],
)
def test_bad_command_lines_are_one_sentence(
    arguments: list[str], says: str, tiny: Path, ftbench_command: list[str]
) -> None:
    (tiny.parent / "empty").mkdir()
    done = call(ftbench_command, *arguments, cwd=tiny.parent)
    assert done.returncode == 2
    assert says in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_results_folder_that_cannot_be_written_is_one_sentence(tiny: Path, ftbench_command: list[str]) -> None:
    (tiny.parent / "results").write_text("a file stands here")
    done = call(ftbench_command, "run", "tiny.yaml", cwd=tiny.parent)
    assert done.returncode == 2
    assert "--out" in done.stderr
    assert "Traceback" not in done.stderr
