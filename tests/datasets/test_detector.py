"""Landmarks from a detector's file, where index.csv has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made import put
from PIL import Image
from pydantic import ValidationError
from yunet import detector, points, shown

from ftbench.data.images import choose
from ftbench.errors import BadInput
from ftbench.testing import tiny
from ftbench_datasets.folder import FolderSource
from ftbench_datasets.landmarks import COLUMNS
from ftbench_datasets.plugin import FolderParameters
from ftbench_faces.detector import SIDE, Detector

PATCHES = [(column, row) for row in range(3, 17, 2) for column in range(3, 17, 2)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return detector(tmp_path_factory.mktemp("yunet") / "yunet.onnx")


def faces(root: Path, count: int = 36, wide: int = 0) -> Path:
    """Pictures of 160 px height with a face each, elsewhere in each; ``wide``: pixels more at both sides."""
    for number in range(count):
        square = shown(PATCHES[number], side=160, seed=number)
        picture = np.pad(square, ((0, 0), (wide, wide), (0, 0)), constant_values=100)
        put(root / f"p{number % 3}" / f"{number:02}.png", Image.fromarray(picture))
    return root


def opened(root: Path, file: Path | None, landmarks: bool = True) -> FolderSource:
    return FolderSource(
        path=str(root), split_by="image", minimum_pixels=16, landmarks=landmarks, detector=str(file) if file else ""
    )


def test_it_finds_faces_where_they_are_drawn(file: Path) -> None:
    look = Detector(file)
    [face] = look(shown((9, 8)))
    assert np.abs(face - points(9, 8)).max() * SIDE < 1
    assert len(look(shown())) == 0
    both = look(shown((3, 3), (12, 14)))
    assert sorted(both[:, 2].round(2).tolist()) == [[0.18, 0.18], [0.63, 0.73]]


def test_what_is_less_sure_is_no_face(tmp_path: Path) -> None:
    assert len(Detector(detector(tmp_path / "unsure.onnx", sure=0.85))(shown((9, 8)))) == 0


def test_a_folder_without_an_index_is_given_landmarks(tmp_path: Path, file: Path) -> None:
    data = choose(opened(faces(tmp_path, wide=20), file), 48, None, None, "dataset")
    images = data.split("train")
    assert images.landmarks is not None
    for name, found in zip(images.names, images.landmarks, strict=True):
        expected = points(*PATCHES[int(Path(name).stem)])
        assert np.abs(found.numpy() - expected).max() * 160 < 1
    assert any("36 images have landmarks that a detector found (SHA-256 " in note for note in data.source.notes)
    assert choose(opened(tmp_path, None, False), 48, None, None, "dataset").digest != data.digest


def test_no_face_and_several_are_set_aside_and_counted(tmp_path: Path, file: Path) -> None:
    root = faces(tmp_path)
    put(root / "p0" / "none.png", Image.fromarray(shown(side=160, seed=90)))
    put(root / "p1" / "three.png", Image.fromarray(shown((3, 3), (10, 3), (5, 14), side=160, seed=91)))
    source = opened(root, file)
    assert len(source.items) == 36
    assert source.set_aside == (
        ("p0/none.png", "the detector sees no face"),
        ("p1/three.png", "the detector sees 3 faces"),
    )


def test_what_the_index_tells_is_taken_and_the_rest_is_found(tmp_path: Path, file: Path) -> None:
    root = faces(tmp_path)
    own = "40,60,80,60,60,80,50,110,75,110"
    rows = [
        f"p{number % 3}/{number:02}.png,{own if number % 2 else ',' * 9}"
        for number in range(36)
    ]  # fmt: skip
    (root / "index.csv").write_text("\n".join([",".join(["path", *COLUMNS]), *rows]), encoding="utf-8")
    source = opened(root, file)
    assert len(source.items) == 36
    told = (np.array(own.split(","), dtype=float).reshape(5, 2) + 0.5) / 160
    for item in source.items:
        number = int(Path(item.name).stem)
        expected = told if number % 2 else points(*PATCHES[number])
        assert np.abs(source.landmarks(item) - expected).max() * 160 < 1
    assert any(note.startswith("18 images have landmarks that a detector found") for note in source.notes)
    (root / "index.csv").write_text("\n".join(["path", *(row.split(",")[0] for row in rows)]), encoding="utf-8")
    assert any(note.startswith("36 images have landmarks") for note in opened(root, file).notes)
    (root / "index.csv").write_text("path,nose_x\np0/00.png,3\n", encoding="utf-8")
    with pytest.raises(BadInput, match="line 1 lacks the columns lefteye_x"):
        opened(root, file)


def test_without_a_detector_nothing_changes(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has no index\.csv to take landmarks from; add one, name a detector"):
        opened(faces(tmp_path), None)


def test_files_that_are_no_detector_are_one_sentence(tmp_path: Path) -> None:
    root = faces(tmp_path / "shown")
    (tmp_path / "text.onnx").write_text("no network")
    lacking = detector(tmp_path / "lacking.onnx", without="kps_16")
    for name in ("text.onnx", lacking.name):
        with pytest.raises(BadInput, match=r"^detector: '.*' is no face detector of YuNet's kind") as raised:
            opened(root, tmp_path / name)
        assert "\n" not in str(raised.value)
        assert str(tmp_path) not in str(raised.value)
    with pytest.raises(BadInput, match=r"detector: there is no file 'gone\.onnx'"):
        opened(root, tmp_path / "gone.onnx")


def test_a_benchmark_uses_what_was_found(tmp_path: Path, file: Path) -> None:
    (tmp_path / "yunet.onnx").write_bytes(file.read_bytes())
    faces(tmp_path / "shown", count=48)
    main = tiny.run(
        {
            "dataset": {
                "name": "folder",
                "path": "shown",
                "size": 32,
                "landmarks": True,
                "detector": "yunet.onnx",
            },
            "matrix": {"simulator": "none"},
            "train": {"steps": 2, "batch_size": 4, "validate_every": 2},
            "evaluate": {"draws": 1, "simulators": ["none", "swap-graphics"]},
        },
        tmp_path,
    )
    assert len(main) == 1
    folder = next((tmp_path / "results" / "tiny").iterdir())
    rows = pd.concat(pd.read_csv(part) for part in (folder / "rows").glob("*[0-9a-f].csv.gz"))
    assert {"none", "swap-graphics"} <= set(rows["simulator"])
    manifest = (folder / "manifest.json").read_text(encoding="utf-8")
    assert "images have landmarks that a detector found" in manifest
    assert "yunet.onnx" not in manifest


def test_a_detector_wants_landmarks_asked_for() -> None:
    with pytest.raises(ValidationError, match="a detector finds landmarks; write landmarks: true"):
        FolderParameters(path="faces", detector="yunet.onnx")
