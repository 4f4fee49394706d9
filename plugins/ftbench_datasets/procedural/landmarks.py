"""Where eyes, nose and mouth of a drawn face are."""

from __future__ import annotations

from math import cos, sin

import numpy as np

from ftbench_datasets.procedural.genes import Genes
from ftbench_datasets.procedural.shot import Shot
from ftbench_datasets.procedural.view import place_of


def five_points(genes: Genes, shot: Shot) -> np.ndarray:
    """Eyes, tip of the nose, corners of the mouth, left first as the viewer sees them: shares of the side (5, 2)."""
    g, place = genes, place_of(genes, shot)
    half = g.mouth_half * (1 + 0.20 * max(shot.smile, 0) - 0.10 * shot.mouth_open)
    # As ``features.mouth`` bends its line.
    corner = g.mouth_y - 0.05 * shot.smile * 0.65
    surface = [
        (-g.eye_x, g.eye_y),
        (g.eye_x, g.eye_y),
        # The tip stands before the surface: it moves further than its neighbours when the head turns.
        (0.8 * g.nose_out * sin(shot.yaw) * cos(shot.yaw), g.nose_y + 0.9 * g.nose_out * sin(shot.pitch)),
        (-half, corner),
        (half, corner),
    ]
    return np.array([place.share(*place.project(u, v)) for u, v in surface])
