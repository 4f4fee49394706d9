"""The weights in the box, on pictures that they were not trained on."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ftbench
from benchmarks.models.damages import cut
from ftbench.errors import BadInput
from ftbench_datasets.procedural.camera import portrait
from ftbench_datasets.procedural.genes import person
from ftbench_datasets.procedural.shot import shot

UNSEEN = 7
"""A seed of drawn faces; the training's was 0."""


@pytest.fixture(scope="module")
def faces() -> list[Image.Image]:
    return [Image.fromarray(portrait(person(UNSEEN, one), shot(UNSEEN, one, 0), 320)) for one in range(6)]


def test_they_are_read_after_a_jpeg_and_a_mirror_and_found_in_no_unmarked_face(faces: list[Image.Image]) -> None:
    marker = ftbench.marker()
    right = marked_after = 0
    for face in faces:
        marked = marker.embed(face)
        apart = np.asarray(marked.image, np.float64) - np.asarray(face, np.float64)
        assert 37.5 < 10 * np.log10(255**2 / np.mean(apart**2)) < 41
        file = io.BytesIO()
        marked.image.save(file, "JPEG", quality=60)
        found = marker.extract(Image.open(file))
        right += found.payload == marked.payload
        marked_after += bool(found.marked)
        assert not marker.extract(face).marked
    # Payloads are drawn anew each time; of 60 portraits all were read.
    assert right >= 5
    assert marked_after >= 5


def test_a_crop_is_no_copy_and_a_copy_is_one(faces: list[Image.Image], tmp_path: Path) -> None:
    marker = ftbench.marker()
    for number, face in enumerate(faces[:3]):
        (tmp_path / f"in{number}").mkdir()
        face.save(tmp_path / f"in{number}" / f"{number}.png")
        # Not drawn, so that every run judges the same pictures.
        marker.embed_folder(tmp_path / f"in{number}", tmp_path / "out", payload=f"0x{4321 * number:04x}", quiet=True)
    (tmp_path / "found").mkdir()
    for number, face in enumerate(faces[:3]):
        marked = Image.open(tmp_path / "out" / f"{number}.png").convert("RGB")
        # Cut as little as this, the model reads it as a whole, too.
        cut(marked, np.random.default_rng(number), 0.75).save(tmp_path / "found" / f"cut{number}.jpg", quality=75)
        mark = np.asarray(marked).astype(int) - np.asarray(face)
        forged = (np.asarray(faces[number + 3]) + mark).clip(0, 255).astype(np.uint8)
        Image.fromarray(forged).save(tmp_path / "found" / f"forged{number}.png")
    traced = marker.extract_folder(tmp_path / "found", tmp_path / "out" / "payloads.csv", seconds=60, quiet=True)
    for path, found in traced.items():
        assert not isinstance(found, BadInput)
        assert found["given_to"] == f"{path.stem[-1]}.png"
        assert ("copied" in found) == path.stem.startswith("forged")
