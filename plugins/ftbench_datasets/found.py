"""Landmarks that a detector finds where ``index.csv`` gives none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ftbench.errors import BadInput
from ftbench_datasets import images
from ftbench_datasets.landmarks import Points
from ftbench_datasets.layout import Entry
from ftbench_faces.detector import SIDE, Detector

DIGITS = 4
"""Of shares of a side: machines agree on so many, and a data set's digest holds what is kept."""


class Found:
    """What a detector sees in the central squares of pictures.

    Raises BadInput when its file is no detector.
    """

    def __init__(self, file: str) -> None:
        try:
            self._detector = Detector(Path(file))
        except ValueError as error:
            raise BadInput(f"detector: {error}.") from error
        self._digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
        self.points: dict[str, Points] = {}
        """By key, as shares of the square's side."""

    def look(self, entries: Mapping[str, Entry]) -> dict[str, tuple[str, str]]:
        """Find the faces of those without landmarks; name and reason of every one that shows no face, or several."""
        faceless: dict[str, tuple[str, str]] = {}
        for key, entry in entries.items():
            if entry.points is not None:
                continue
            try:
                picture = images.read_rgb(entry.path)
            except images.UnreadableImage as error:
                raise BadInput(f"{entry.name} changed ({error}); run again with the folder at rest.") from error
            faces = self._detector(images.fit_square(picture, SIDE))
            if len(faces) == 1 and np.isfinite(faces).all():
                self.points[key] = tuple((float(x), float(y)) for x, y in faces[0].round(DIGITS))
            else:
                seen = f"{len(faces)} faces" if len(faces) > 1 else "no face"
                faceless[key] = entry.name, f"the detector sees {seen}"
        return faceless

    @property
    def notes(self) -> tuple[str, ...]:
        """Of how many images the landmarks are the detector's, and by which file's content."""
        return (f"{len(self.points)} images have landmarks that a detector found (SHA-256 {self._digest[:16]}).",)
