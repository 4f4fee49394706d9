"""The weights in the box, on pictures that they were not trained on."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import ftbench
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
