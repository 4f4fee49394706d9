"""Where eyes, nose and mouth are: told by index.csv, or known of what is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from made import photo, put

from ftbench.data.images import choose
from ftbench.errors import BadInput
from ftbench_datasets.folder import FolderSource
from ftbench_datasets.landmarks import COLUMNS
from ftbench_datasets.procedural.genes import person
from ftbench_datasets.procedural.shot import shot
from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_datasets.procedural.view import look

HEADER = ",".join(["path", "identity", *COLUMNS])
FIVE = (30, 40, 60, 41, 45, 55, 33, 70, 58, 71)


def folder(root: Path, rows: dict[str, str], header: str = HEADER, width: int = 96) -> Path:
    for number, name in enumerate(rows):
        put(root / name, photo(number, width, 96))
    text = "\n".join([header, *(f"{name},p{number % 2},{cells}" for number, (name, cells) in enumerate(rows.items()))])
    (root / "index.csv").write_text(text, encoding="utf-8")
    return root


def some(count: int = 40, moved: float = 0) -> dict[str, str]:
    return {f"{n:02}.bmp": ",".join(f"{value + moved}" for value in FIVE) for n in range(count)}


def opened(root: Path, landmarks: bool = True) -> FolderSource:
    return FolderSource(path=str(root), split_by="image", minimum_pixels=16, landmarks=landmarks)


def test_points_of_the_index_are_shares_of_the_central_square(tmp_path: Path) -> None:
    source = opened(folder(tmp_path, some(), width=116))
    data = choose(source, 48, None, None, "dataset")
    points = data.split("train").landmarks
    assert points is not None
    # Ten pixels are cut off at the left; the first pixel's middle lies half a pixel from the edge.
    expected = (np.array(FIVE).reshape(5, 2) + 0.5 - [10, 0]) / 96
    assert torch.allclose(points, torch.from_numpy(expected).float().expand_as(points))
    assert len(points) == len(data.split("train"))


def test_images_without_are_set_aside_and_counted_only_when_they_are_asked_for(tmp_path: Path) -> None:
    rows = some()
    rows["07.bmp"] = rows["11.bmp"] = "," * 9
    root = folder(tmp_path, rows)
    source = opened(root)
    assert len(source.items) == 38
    assert [name for name, why in source.set_aside if "no landmarks" in why] == ["07.bmp", "11.bmp"]
    plain = opened(root, landmarks=False)
    assert len(plain.items) == 40
    assert plain.landmarks(plain.items[0]) is None
    assert choose(plain, 32, None, None, "dataset").split("train").landmarks is None


def test_other_points_are_other_data(tmp_path: Path) -> None:
    first = choose(opened(folder(tmp_path / "a", some())), 32, None, None, "dataset")
    moved = choose(opened(folder(tmp_path / "b", some(moved=2))), 32, None, None, "dataset")
    without = choose(opened(tmp_path / "a", landmarks=False), 32, None, None, "dataset")
    assert len({first.digest, moved.digest, without.digest}) == 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("nose_x,", "nose,"), "line 1 lacks the columns nose_x"),
        (lambda text: text.replace("45,55", "x,55", 1), "line 2: landmarks are ten numbers"),
        (lambda text: text.replace("30,40", ",", 1), "line 2: landmarks are ten numbers"),
        (lambda text: text.replace("60,41", "30,40", 1), "line 2: two of its landmarks are one point"),
    ],
)
def test_landmarks_that_cannot_be_trusted_stop_with_their_line(tmp_path: Path, change, sentence: str) -> None:
    root = folder(tmp_path, some())
    index = root / "index.csv"
    index.write_text(change(index.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(BadInput, match=sentence):
        opened(root)


def test_no_index_is_one_sentence(tmp_path: Path) -> None:
    put(tmp_path / "a.bmp", photo(1))
    with pytest.raises(BadInput, match=r"has no index\.csv to take landmarks from"):
        opened(tmp_path)


def test_those_of_drawn_faces_are_where_they_are_drawn() -> None:
    source, size = ProceduralFaces(identities=4, images_per_identity=10, seed=0), 256
    apart = []
    for number, item in enumerate(source.items):
        genes, photograph = person(0, number // 10), shot(0, number // 10, number % 10)
        view = look(genes, photograph, size)
        for place, u in enumerate((-genes.eye_x, genes.eye_x)):
            away = np.where(view.rim > 1, 9, (view.u - u) ** 2 + (view.v - genes.eye_y) ** 2)
            row, column = np.unravel_index(away.argmin(), away.shape)
            apart.append(np.hypot(*(source.landmarks(item)[place] * size - (column + 0.5, row + 0.5))))
    assert np.mean(apart) < 1
    assert np.max(apart) < 5
