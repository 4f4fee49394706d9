"""Runs of their own from the command line: what a rerun imports, a cell that fails, Ctrl-C, photographs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tests.command_line import call, edited
from tests.conftest import TINY


def test_a_rerun_with_nothing_to_do_imports_what_it_needs(tmp_path: Path) -> None:
    # What timm's backbones can do, timm alone can say while planning; this encoder answers without it.
    unet = "unet-resnet18, backbone_options: {channels: [8, 8, 8, 8]}, up_width: 0.02, stem_channels: 8"
    text = edited(unet, "compact, channels: 16, blocks: 2").replace("\n    - {message: 10, image: 0.1}", "")
    (tmp_path / "light.yaml").write_text(text.replace("steps: 40", "steps: 4"), encoding="utf-8")
    script = "import sys; from ftbench.cli import app\ntry: app()\nexcept SystemExit: pass\n"
    script += "sys.exit(sum(name in sys.modules for name in ('torch', 'scipy.stats', 'matplotlib')))"
    first, second = (call([sys.executable, "-c", script], "run", "light.yaml", cwd=tmp_path) for _ in range(2))
    assert first.returncode >= 2, first.stderr
    assert second.returncode == 0, second.stderr
    assert "to do: nothing" in second.stdout


def test_a_failed_cell_fails_alone(tiny: Path, ftbench_command: list[str]) -> None:
    # A rate that no training survives, in the second setting's place only through its huge weight.
    text = TINY.replace("{message: 10, image: 0.1}", "{message: 1.0e+300, image: 0.1}")
    tiny.write_text(text, encoding="utf-8")
    done = call(ftbench_command, "run", "tiny.yaml", cwd=tiny.parent)
    assert done.returncode == 1, done.stdout
    assert "FAILED" in done.stdout
    assert "is not a finite number" in done.stdout
    main = pd.read_csv(tiny.parent / "results" / "tiny" / "procedural-faces-small" / "tables" / "main.csv")
    assert len(main) == 1


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    # A test run in the background has its interruptions ignored, and so would its children.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    process = subprocess.Popen(
        [sys.executable, "-c", heed + "from ftbench.cli import main; main()", "run", "tiny.yaml", "--scale", "longer"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    store = tmp_path / "results" / ".store"
    until = time.monotonic() + 300
    while not list(store.glob("train-*/cell.json")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "the same command again" in said
    assert "Traceback" not in said
    assert len(list(store.glob("fit-*/done.json"))) == 1


def test_a_folder_of_photos_takes_the_place_of_the_data(tmp_path: Path, ftbench_command: list[str]) -> None:
    from ftbench_datasets.procedural.source import ProceduralFaces

    source = ProceduralFaces(identities=2, images_per_identity=30, seed=3)
    for number, item in enumerate(source.items):
        file = tmp_path / "My Faces" / item.identity / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(source.load(item, 48)).save(file)
    (tmp_path / "My Faces" / "person-00" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    done = call(
        ftbench_command,
        "run",
        "tiny.yaml",
        "--data",
        "My Faces",
        "--set",
        "matrix.loss=[{message: 1, image: 0.1}]",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "set aside: person-00/broken.jpg" in done.stdout
    (folder,) = (tmp_path / "results" / "tiny").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["data"]["set_aside"][0]["name"] == "person-00/broken.jpg"
    assert str(tmp_path) not in (folder / "manifest.json").read_text()
    assert sum(manifest["data"]["images"].values()) == 60


@pytest.mark.skipif("FTBENCH_FACES" not in os.environ, reason="no folder of real photographs is named")
def test_two_real_people_run_through(tmp_path: Path, ftbench_command: list[str]) -> None:
    faces = Path(os.environ["FTBENCH_FACES"]).resolve() / "two_identity"
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    done = call(ftbench_command, "run", "tiny.yaml", "--data", str(faces), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "results" / "tiny" / "two_identity-small"
    data = json.loads((folder / "manifest.json").read_text())["data"]
    assert set(data["people"]) == {"a", "b"}
    assert sum(data["images"].values()) == 245 + 211
    assert len(pd.read_csv(folder / "tables" / "main.csv")) == 2
