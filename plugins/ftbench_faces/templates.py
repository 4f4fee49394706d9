"""Five points of a face: where this project's crops have them, and where networks of others expect them.

Points are left eye, right eye, tip of the nose, left and right corner of the mouth, left and right as the viewer sees
them. Templates are shares of the side which, times the side, are places of pixels as OpenCV counts them (the middle of
the first pixel is 0): so the tools that bring them reckon.
"""

from __future__ import annotations

from dataclasses import dataclass

Points = tuple[tuple[float, float], ...]

CROP: Points = ((0.370, 0.422), (0.628, 0.422), (0.500, 0.565), (0.396, 0.690), (0.604, 0.690))
"""Shares of the side, from its edge: the mean faces of three sets of real crops with the eyes at 42 % of the height."""


@dataclass(frozen=True)
class Template:
    """Where a family of networks has the five points."""

    points: Points
    side: int
    """Pixels of the images that it was published for; other sides are in proportion."""
    origin: str


def _of(side: int, *points: tuple[float, float]) -> Points:
    return tuple((x / side, y / side) for x, y in points)


_ARCFACE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))

TEMPLATES: dict[str, Template] = {
    "arcface-112": Template(
        _of(112, *_ARCFACE), 112, "insightface, utils/face_align.py: arcface_dst; at 112, 224 and 448 px"
    ),
    "arcface-128": Template(
        # The same face in a wider picture.
        _of(128, *((x + 8, y) for x, y in _ARCFACE)),
        128,
        "insightface, utils/face_align.py: arcface_dst moved by 8 px; at 128, 256 and 512 px",
    ),
    "arcface-112-v1": Template(
        _of(112, (39.730, 51.138), (72.270, 51.138), (56.000, 68.493), (42.463, 87.010), (69.537, 87.010)),
        112,
        "insightface, utils/face_align.py before 2021: the frontal of five poses; SimSwap and Ghost crop by it",
    ),
    "mtcnn-512": Template(
        (
            (0.36562865, 0.46733799),
            (0.63305391, 0.46585885),
            (0.50019127, 0.61942959),
            (0.39032951, 0.77598822),
            (0.61178945, 0.77476328),
        ),
        512,
        "FaceFusion, facefusion/face_helper.py: mtcnn_512",
    ),
    "ffhq-512": Template(
        _of(
            512,
            *((192.98138, 239.94708), (318.90277, 240.1936), (256.63416, 314.01935)),
            *((201.26117, 371.41043), (313.08905, 371.15118)),
        ),
        512,
        "facexlib, utils/face_restoration_helper.py: face_template of FFHQ",
    ),
}
