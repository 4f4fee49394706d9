"""What one photo adds to a person: pose, light, expression, clothes, background, camera."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin, sqrt

import numpy as np

from ftbench_datasets.procedural import palettes
from ftbench_datasets.procedural.palettes import RGB


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One photo. Angles in radians; the light's direction is a unit vector, x right, y down, z to the camera."""

    yaw: float
    pitch: float
    roll: float
    centre: tuple[float, float]
    """Middle of the head, x and y, as a share of the image."""
    scale: float
    """Head half-height as a share of the image."""
    light: tuple[float, float, float]
    key: RGB
    fill: RGB
    shine: float
    smile: float
    mouth_open: float
    brow_raise: float
    frown: float
    lid: float
    """Height of the upper lid: 1 as usual, more in surprise, below 0 shut."""
    gaze: tuple[float, float]
    cloth: RGB
    cloth_trim: RGB
    collar: int
    """0 round, 1 V, 2 shirt, 3 roll neck."""
    stripes: float
    tousle: tuple[float, float]
    pattern: tuple[float, float]
    grain_at: tuple[float, float]
    grain: float
    exposure: float
    vignette: float
    backdrop: tuple[float, ...]
    """64 uniforms, for ``backdrop`` to spend."""


def shot(seed: int, person: int, index: int) -> Shot:
    """The ``index``-th photo of a person."""
    draw: list[float] = np.random.default_rng([seed, 2, person, index]).random(112).tolist()
    chance = iter(draw[64:])

    def flat(low: float, high: float) -> float:
        return low + (high - low) * next(chance)

    def peaked(reach: float) -> float:
        """Triangular in [-reach, reach]."""
        return reach * (next(chance) + next(chance) - 1)

    yaw, pitch, roll = peaked(0.52), peaked(0.24), peaked(0.20)
    angle, height, strength = flat(-pi, pi), flat(0.25, 0.95), flat(0.35, 1.0)
    side = sin(angle) * sqrt(1 - (0.75 * height) ** 2) * 0.9
    up = -0.25 - 0.5 * height
    front = max(0.35, abs(cos(angle)) * 0.9)
    norm = sqrt(side**2 + up**2 + front**2)
    warm = peaked(0.22)
    key = palettes.scale((1 + warm, 1 + 0.15 * warm, 1 - 0.9 * warm), 0.55 + 0.75 * strength)
    cool = -0.6 * warm + peaked(0.10)
    fill = palettes.scale((1 + cool, 1.0, 1 - cool), 0.62 - 0.38 * strength)
    mood = next(chance)
    opened = next(chance)
    blink = next(chance)
    return Shot(
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        centre=(0.5 + peaked(0.045) - 0.05 * sin(yaw), 0.437 + peaked(0.03)),
        scale=0.385 * (1 + peaked(0.09)),
        light=(side / norm, up / norm, front / norm),
        key=key,
        fill=fill,
        shine=flat(0.02, 0.16),
        smile=(-0.25 + 1.25 * mood) if mood > 0.25 else flat(-0.5, 0.1),
        mouth_open=0.0 if opened < 0.5 else (opened - 0.5) * 2 * (0.6 if mood > 0.5 else 1.0),
        brow_raise=peaked(0.045),
        frown=max(0.0, peaked(1.0)),
        lid=-0.42 if blink < 0.03 else 0.78 + 0.40 * blink,
        gaze=(peaked(0.05) - 0.03 * sin(yaw), peaked(0.018)),
        cloth=palettes.CLOTH[int(next(chance) * len(palettes.CLOTH))],
        cloth_trim=palettes.CLOTH[int(next(chance) * len(palettes.CLOTH))],
        collar=int(next(chance) * 4),
        stripes=max(0.0, flat(-1.5, 1.0)),
        tousle=(next(chance), next(chance)),
        pattern=(next(chance), next(chance)),
        grain_at=(next(chance), next(chance)),
        grain=flat(0.004, 0.016),
        exposure=flat(0.78, 1.18),
        vignette=flat(0.0, 0.35),
        backdrop=tuple(draw[:64]),
    )
