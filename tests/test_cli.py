"""The command line in processes of its own: the whole path, resuming after a kill, and bad input."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from tests.conftest import TINY

CLAIMS = """\
benchmark: tiny
claims:
  - name: bits
    says: Not more bits are read than there are.
    source: protocol
    found: So it is.
    bound: {of: {}, measure: marked bit accuracy, at_most: 100}
  - name: control
    says: Untrained pairs read unmarked images at chance.
    source: protocol
    found: 50 %.
    bound: {of: {λ: [1, 10]}, measure: unmarked bit accuracy, at_least: 30, at_most: 70}
"""


def call(command: list[str], *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def tables(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((folder / "tables").iterdir())}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, ftbench_command: list[str]) -> Path:
    """The working folder of one finished run."""
    home = tmp_path_factory.mktemp("finished")
    (home / "tiny.yaml").write_text(TINY, encoding="utf-8")
    done = call(ftbench_command, "run", "tiny.yaml", cwd=home)
    assert done.returncode == 0, done.stderr + done.stdout
    return home


def test_help_needs_no_torch(ftbench_command: list[str], tmp_path: Path) -> None:
    script = "import sys; sys.argv = ['ftbench', '--help']; import ftbench.cli\ntry: ftbench.cli.main()\n"
    script += "except SystemExit: pass\nassert 'torch' not in sys.modules and 'pandas' not in sys.modules"
    done = call([sys.executable, "-c", script], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for command in ("run", "plan", "plugins", "info", "doctor", "report", "schema"):
        assert command in done.stdout


def test_a_run_leaves_tables_figures_rows_curves_and_a_manifest(finished: Path) -> None:
    folder = finished / "results" / "tiny" / "procedural-faces-small"
    main = pd.read_csv(folder / "tables" / "main.csv")
    assert len(main) == 2
    assert {"main.csv", "overview.md", "attacks.tex", "pairs.md", "detection.json"} <= set(tables(folder))
    for figure in ("samples.png", "curves.png", "distortions.png"):
        with Image.open(folder / "figures" / figure) as picture:
            assert picture.width > 200
    rows = pd.concat(pd.read_csv(file) for file in (folder / "rows").glob("*[0-9a-f].csv.gz"))
    test_images = json.loads((folder / "manifest.json").read_text())["data"]["images"]["test"]
    # Two settings, two draws; identity and two JPEGs on two views, and the control.
    assert len(rows) == 2 * 2 * test_images * (3 * 2 + 1)
    assert len(list((folder / "curves").glob("*.csv"))) == 2


def test_the_manifest_says_everything_but_paths(finished: Path) -> None:
    text = (finished / "results" / "tiny" / "procedural-faces-small" / "manifest.json").read_text()
    manifest = json.loads(text)
    assert str(finished) not in text
    assert "/" not in manifest["data"]["name"]
    assert manifest["scale"] == "small"
    assert manifest["configuration"]["train"]["steps"] == 40
    settled = {"device": "cpu", "precision": "float32", "threads": 1, "compile": "none", "processes": 1}
    settled["deterministic"] = True
    assert manifest["compute"] == settled
    parts = {part["name"]: part for part in manifest["parts"]}
    assert parts["faceswap"]["distribution"] == "ftbench"
    assert parts["faceswap"]["parameters"]["width"] == 0.06
    assert len(parts["unet-resnet18"]["source"]) == 64
    assert [cell["kind"] for cell in manifest["cells"]] == ["fit", "train", "train", "evaluate", "evaluate"]
    assert all(cell["seconds"] > 0 and cell["made_with"]["torch"] for cell in manifest["cells"])


def test_the_same_command_again_keeps_everything(finished: Path, ftbench_command: list[str]) -> None:
    folder = finished / "results" / "tiny" / "procedural-faces-small"
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.rglob("*") if file.is_file()}
    first, second = (call(ftbench_command, "run", "tiny.yaml", cwd=finished) for _ in range(2))
    assert first.returncode == 0
    assert first.stdout.count("done before, kept") == 5
    assert "Bits read after each attack" in first.stdout
    assert first.stdout == second.stdout
    assert {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in before} == before


@pytest.mark.parametrize("altered", ["tables/main.csv", "figures/curves.png", "rows", "store", "manifest.json"])
def test_tables_that_are_not_as_they_were_are_made_anew(
    altered: str, finished: Path, tmp_path: Path, ftbench_command: list[str]
) -> None:
    home = shutil.copytree(finished, tmp_path / "home")
    folder = home / "results" / "tiny" / "procedural-faces-small"
    before = tables(folder)
    (printed,) = (home / "results" / ".store").glob("tables-*.json")
    file = {"rows": min(folder.glob("rows/*")), "store": printed}.get(altered, folder / altered)
    content = bytearray(file.read_bytes())
    # A digit of a manifest, or of what was printed, so that both are JSON still.
    place = content.index(b"0.") + 2 if file.suffix == ".json" else len(content) // 2
    content[place] ^= 1
    file.write_bytes(content)
    done = call(ftbench_command, "run", "tiny.yaml", cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("done before, kept") == 5
    assert file.read_bytes() != bytes(content)
    assert tables(folder) == before
    assert call(ftbench_command, "run", "tiny.yaml", cwd=home).stdout == done.stdout


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


def test_a_page_that_was_changed_or_removed_is_made_again(
    finished: Path, tmp_path: Path, ftbench_command: list[str]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished, home)
    page = home / "results" / "tiny" / "procedural-faces-small" / "report.html"
    before = page.read_bytes()
    for hurt in (lambda: page.write_bytes(b"another"), page.unlink):
        hurt()
        done = call(ftbench_command, "run", "tiny.yaml", cwd=home)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "to do: nothing" in done.stdout
        assert len(page.read_bytes()) == pytest.approx(len(before), abs=200)


def test_damaged_files_of_cells_are_made_anew(finished: Path, tmp_path: Path, ftbench_command: list[str]) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished, home)
    before = tables(home / "results" / "tiny" / "procedural-faces-small")
    weights = min(home.glob("results/.store/train-*/weights.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-3] ^= 64
    weights.write_bytes(content)
    rows = max(home.glob("results/.store/evaluate-*/rows.csv.gz"))
    rows.write_bytes(b"")
    shutil.rmtree(home / "results" / "tiny")
    done = call(ftbench_command, "run", "tiny.yaml", cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr
    for file in (weights, rows):
        assert f"({file.parent.name}): {file.name} is damaged (" in done.stdout
        assert file.with_name(f"{file.name}.damaged-1").exists()
    assert tables(home / "results" / "tiny" / "procedural-faces-small") == before


def test_a_run_that_fails_leaves_the_tables_of_an_earlier_one(
    finished: Path, tmp_path: Path, ftbench_command: list[str]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished, home)
    folder = home / "results" / "tiny" / "procedural-faces-small"
    before = {str(file): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
    harsh = ["train.optimiser.learning_rate=1e30", "matrix.loss={message: 1.0e+300, image: 0.1}"]
    settings = [word for one in harsh for word in ("--set", one)]
    done = call(ftbench_command, "run", "tiny.yaml", *settings, cwd=home)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "stay as they were: they hold 2 finished evaluations, and of this run 0 of 1 were finished" in done.stdout
    assert {str(file): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()} == before


def test_plan_shows_what_is_done(finished: Path, ftbench_command: list[str]) -> None:
    done = call(ftbench_command, "plan", "tiny.yaml", cwd=finished)
    assert done.stdout.count(" done") + done.stdout.count(" stalled") == 5
    changed = call(ftbench_command, "plan", "tiny.yaml", "--set", "train.steps=41", cwd=finished)
    assert changed.stdout.count("to do") == 4


def test_a_pair_that_learned_nothing_is_called_stalled(finished: Path) -> None:
    folder = finished / "results" / "tiny" / "procedural-faces-small"
    cells = json.loads((folder / "manifest.json").read_text())["cells"]
    # Forty steps teach so small a pair nothing; its row must say so.
    assert [cell["status"] for cell in cells if cell["kind"] == "train"] == ["stalled", "stalled"]
    assert "STALLED" in (folder / "tables" / "overview.md").read_text(encoding="utf-8").upper()


def test_report_prints_the_tables_again(finished: Path, ftbench_command: list[str]) -> None:
    done = call(ftbench_command, "report", "results/tiny/procedural-faces-small", cwd=finished)
    assert done.returncode == 0
    assert "λ=1" in done.stdout
    assert call(ftbench_command, "report", "results", cwd=finished).returncode == 2


def test_results_are_what_was_written_until_a_number_is_altered(
    finished: Path, tmp_path: Path, ftbench_command: list[str]
) -> None:
    folder = shutil.copytree(finished / "results" / "tiny" / "procedural-faces-small", tmp_path / "copy")
    (tmp_path / "tiny.expected.yaml").write_text(CLAIMS, encoding="utf-8")
    done = call(ftbench_command, "compare", "copy", "tiny.expected.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 holds" in done.stdout
    table = folder / "tables" / "main.csv"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace(",0.", ",0.9", 1), encoding="utf-8")
    done = call(ftbench_command, "compare", "copy", "tiny.expected.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "altered: tables/main.csv, row 1, " in done.stdout


def test_kept_tables_are_left_alone(finished: Path, ftbench_command: list[str]) -> None:
    kept = call(ftbench_command, "run", "tiny.yaml", "--keep", cwd=finished)
    assert kept.returncode == 0
    folder = finished / "results" / "tiny" / "procedural-faces-small"
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    done = call(ftbench_command, "run", "tiny.yaml", "--set", "evaluate.draws=1", cwd=finished)
    assert done.returncode == 0
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    local = folder.with_name(folder.name + ".local")
    assert "1 draw each" in (local / "tables" / "overview.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("moment", ["fit", "train", "evaluate"])
def test_a_run_that_was_killed_ends_in_the_same_tables(
    moment: str, finished: Path, tmp_path: Path, ftbench_command: list[str]
) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    process = subprocess.Popen(
        [*ftbench_command, "run", "tiny.yaml"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    store = tmp_path / "results" / ".store"
    until = time.monotonic() + 300
    while not list(store.glob(f"{moment}-*/cell.json")) and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(store.glob(f"{moment}-*/cell.json"))
    done = call(ftbench_command, "run", "tiny.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = tables(tmp_path / "results" / "tiny" / "procedural-faces-small")
    assert again == tables(finished / "results" / "tiny" / "procedural-faces-small")


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


def edited(old: str, new: str) -> str:
    assert old in TINY
    return TINY.replace(old, new, 1)


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
