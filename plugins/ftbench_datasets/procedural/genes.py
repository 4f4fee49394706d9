"""Who a person is: everything about a face that stays from picture to picture.

Lengths are in head half-heights (about 115 mm); heights grow downwards from the middle of the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ftbench_datasets.procedural import palettes
from ftbench_datasets.procedural.palettes import RGB


@dataclass(frozen=True, kw_only=True)
class HairCut:
    """The shape of a head of hair."""

    top: float
    """How far it stands above the skull."""
    side: float
    """How far it stands out at the sides."""
    line: float
    """Height of the hairline on the forehead."""
    tent: float = 0.0
    """How steeply the hairline falls away from the parting."""
    bow: float = 0.9
    """How much it curves down towards the temples."""
    slope: float = 0.0
    """How much a fringe is swept to one side."""
    temple: float = 0.80
    """How far round the head the face stays free; hair beyond."""
    sideburn: float = 0.12
    """Height at which the hair at the sides ends; past the chin for long hair."""
    back: float = 0.3
    """Height at which the hair behind the head ends."""
    flare: float = 0.0
    """How much it widens downwards."""
    bun: float = 0.0
    """Radius of a bun on top."""

    @property
    def covers_ears(self) -> bool:
        """Whether hair hangs over the ears."""
        return self.sideburn > 0.2


CUTS: dict[str, HairCut] = {
    "crop": HairCut(top=0.06, side=0.03, line=-0.62, temple=0.80, bow=0.70),
    "swept": HairCut(top=0.15, side=0.07, line=-0.54, slope=0.30, bow=0.55, temple=0.78),
    "quiff": HairCut(top=0.19, side=0.03, line=-0.64, bow=0.9, temple=0.80),
    "shaggy": HairCut(top=0.17, side=0.15, line=-0.33, slope=-0.14, bow=0.5, temple=0.72, sideburn=0.34, back=0.55),
    "curly": HairCut(top=0.20, side=0.22, line=-0.50, bow=0.9, temple=0.76, sideburn=0.30, back=0.45),
    "bob": HairCut(top=0.13, side=0.17, line=-0.27, bow=0.15, temple=0.66, sideburn=0.92, back=0.95, flare=0.10),
    "long": HairCut(top=0.11, side=0.12, line=-0.66, tent=0.85, bow=0.2, temple=0.70, sideburn=3, back=3, flare=0.06),
    "fringe": HairCut(top=0.13, side=0.12, line=-0.25, slope=0.1, bow=0.1, temple=0.68, sideburn=3, back=3),
    "wavy": HairCut(top=0.15, side=0.20, line=-0.56, tent=0.55, slope=0.2, bow=0.3, temple=0.68, sideburn=3, back=3,
                    flare=0.16),
    "bun": HairCut(top=0.06, side=0.04, line=-0.60, bow=0.8, temple=0.78, bun=0.30),
    "receding": HairCut(top=0.04, side=0.05, line=-0.84, bow=1.5, tent=-0.35, temple=0.76),
}  # fmt: skip
FREER = ("crop", "swept", "quiff", "shaggy", "curly", "receding", "bald", "swept", "crop")
LONGER = ("long", "bob", "bun", "fringe", "wavy", "swept", "curly", "long")


@dataclass(frozen=True, kw_only=True)
class Genes:
    """One person."""

    width: float
    jaw: float
    skin: RGB
    lips: RGB
    hair: RGB
    brow: RGB
    """Colour of the brows and the beard: the hair's, before any dye."""
    iris: RGB
    age: float
    bones: float
    """How strongly brows, cheeks and chin stand out."""
    eye_x: float
    eye_y: float
    eye_half: float
    eye_open: float
    eye_tilt: float
    hood: float
    brow_y: float
    brow_half: float
    brow_thick: float
    brow_arch: float
    brow_tilt: float
    nose_y: float
    nose_half: float
    nose_out: float
    mouth_y: float
    mouth_half: float
    lip_upper: float
    lip_lower: float
    ear: float
    cut: HairCut | None
    part: float
    curl: float
    beard: float
    """How dense, 0 to 1; under a half, stubble."""
    goatee: bool
    moustache: float
    freckles: float
    blush: float
    makeup: float
    glasses: int
    """0 none, 1 round, 2 square."""
    frame: RGB
    skin_at: int
    """Where in the skin pattern this person's patch begins."""


# Steps of a Kronecker sequence: neighbours in the list of people lie far apart in each of these genes,
# and no two genes go together.
_STEPS = (0.6180339887, 0.5411961001, 0.5698402910, 0.8191725134, 0.6710436067, 0.5497004779, 0.4142135624,
          0.7320508076, 0.2360679775, 0.6457513111, 0.3166247904, 0.6055512755)  # fmt: skip


def person(seed: int, index: int) -> Genes:
    """The ``index``-th person of draw ``seed``; the same however many others there are."""
    start = np.random.default_rng([seed, 0]).random(len(_STEPS))
    spread = [float((s + index * step) % 1.0) for s, step in zip(start, _STEPS, strict=True)]
    uniforms: list[float] = np.random.default_rng([seed, 1, index]).random(48).tolist()
    chance = iter(uniforms)
    skin_at_ramp, sex, cut_at, hair_at, width, jaw, age, eye, brow, nose, mouth, extra = spread

    def near(low: float, high: float, lead: float | None = None) -> float:
        """Uniform in [low, high], three parts the spread gene ``lead``, one part chance."""
        share = next(chance) if lead is None else 0.75 * lead + 0.25 * next(chance)
        return low + (high - low) * share

    man = min(max((0.5 - sex) * 4, -1.0), 1.0) * 0.5 + 0.5
    age = age**1.5
    deep = skin_at_ramp > 0.55
    skin = palettes.along(palettes.SKIN, skin_at_ramp)
    hair = palettes.along(palettes.HAIR_DEEP if deep else palettes.HAIR_FAIR, hair_at)
    if age > 0.6:
        hair = palettes.mix(hair, palettes.GREY, min(1.0, (age - 0.6) * 3 * near(0.4, 1.2)))
    natural = hair
    if next(chance) < 0.06:
        hair = palettes.DYES[int(next(chance) * len(palettes.DYES))]
    cuts = FREER if man > 0.5 else LONGER
    cut = CUTS.get(cuts[int(cut_at * len(cuts))])
    bearded = man > 0.5 and next(chance) < 0.6
    wears = extra < 0.25
    return Genes(
        width=near(0.66, 0.80, width),
        jaw=near(0.10, 0.30, jaw) + 0.06 * (1 - man),
        skin=skin,
        lips=palettes.mix(palettes.scale(skin, (0.78, 0.42, 0.44)), palettes.LIPSTICK, near(0, 0.5) * (1 - man)),
        hair=hair,
        brow=natural,
        iris=palettes.along(palettes.IRIS_DEEP if deep else palettes.IRIS_FAIR, next(chance)),
        age=age,
        bones=near(0.5, 1.0) + 0.35 * man,
        eye_x=near(0.275, 0.325, eye),
        eye_y=near(-0.03, 0.02),
        eye_half=near(0.125, 0.16, (eye * 3) % 1.0),
        eye_open=near(0.060, 0.088, (eye * 7) % 1.0) - 0.006 * man,
        eye_tilt=near(-0.10, 0.20),
        hood=near(0.0, 1.0),
        brow_y=near(-0.215, -0.165, brow) + 0.02 * man,
        brow_half=near(0.13, 0.18),
        brow_thick=near(0.016, 0.036, (brow * 5) % 1.0) + 0.012 * man,
        brow_arch=near(0.01, 0.06, (brow * 3) % 1.0) - 0.01 * man,
        brow_tilt=near(-0.15, 0.18),
        nose_y=near(0.32, 0.44, nose),
        nose_half=near(0.085, 0.155, (nose * 3) % 1.0) + 0.01 * man,
        nose_out=near(0.07, 0.13),
        mouth_y=near(0.62, 0.68),
        mouth_half=near(0.19, 0.28, mouth),
        lip_upper=near(0.028, 0.055, (mouth * 3) % 1.0) - 0.008 * man,
        lip_lower=near(0.045, 0.082, (mouth * 5) % 1.0) - 0.010 * man,
        ear=near(0.85, 1.2),
        cut=cut,
        part=near(-0.22, 0.22),
        curl=1.0 if cut is CUTS["curly"] else near(0.0, 0.6),
        beard=near(0.45, 1.0) if bearded else near(0.0, 0.28) * man,
        goatee=next(chance) < 0.35,
        moustache=near(0.5, 1.0) if bearded or (man > 0.5 and next(chance) < 0.15) else 0.0,
        freckles=max(0.0, near(-1.2, 1.0)) if not deep else 0.0,
        blush=near(0.3, 1.0) * (0.5 if deep else 1.0),
        makeup=near(0.0, 1.0) * (1 - man),
        glasses=1 + int(next(chance) < 0.5) if wears else 0,
        frame=palettes.FRAMES[int(next(chance) * len(palettes.FRAMES))],
        skin_at=int(next(chance) * 2**18),
    )
