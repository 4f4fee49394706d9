"""The protocol, version by version: what must be run, on how much, at what quality. ``docs/protocol.md`` says the same.

A version that was published is never changed: results name the one that they were made for. What is to be otherwise is
a new version beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ftbench.storage.manifest import PROTOCOL
from ftbench.storage.results import MARKED, UNDISTORTED

ALWAYS = 1 << 30


@dataclass(frozen=True)
class Wanted:
    """One attack that has to be run."""

    kind: str
    simulator: str
    """A simulator's name, with ``by=`` where another pair does it; ``MARKED``: none."""
    distortion: str
    """As rows have it: ``jpeg quality=50``; ``UNDISTORTED``: none."""
    strength: tuple[tuple[str, float], ...] = ()
    """The simulator's parameters, and how much each has to be at least."""
    fitted_on: str = ""
    """Whose people the simulator has to be fitted on; empty: nobody's, or the training's."""
    smallest: int = 0
    below: int = ALWAYS
    """Only at sizes of ``smallest`` to ``below`` - 1 pixels along a side."""

    @property
    def name(self) -> str:
        """In words."""
        parts = [
            part for part, nothing in ((self.simulator, MARKED), (self.distortion, UNDISTORTED)) if part != nothing
        ]
        return ", then ".join(parts) or "marked"


@dataclass(frozen=True)
class Protocol:
    """The rules of one version."""

    version: int
    attacks: tuple[Wanted, ...]
    images: int
    """Test images at least."""
    people: int
    """People at least whom test images show, none of them in training."""
    draws: int
    """Payloads at least that each image is marked with."""
    seeds: int
    """Trainings at least that differ in their seed alone."""
    psnr: float
    """dB at least, the mean over marked images."""
    flip: float | None
    """FLIP at most, the mean over marked images; None: any."""
    beside: tuple[str, ...]
    """Metrics that have to be measured too."""
    rate: float
    """False positives at most, at which marks are found."""

    def at(self, size: int) -> tuple[Wanted, ...]:
        """What is wanted of images of ``size`` pixels along a side."""
        return tuple(one for one in self.attacks if one.smallest <= size < one.below)

    @property
    def kinds(self) -> tuple[str, ...]:
        """In order."""
        return tuple(dict.fromkeys(one.kind for one in self.attacks))


SMALL, LARGE = 64, 128
"""Pixels along a side: from the first on a blur reaches twice as far; from the second on networks are whole."""
FAKES: tuple[tuple[str, dict[str, float], int, int], ...] = (
    ("swap-any", {}, 0, ALWAYS),
    # Narrow networks turn a head less than they are asked to.
    ("reenact", {"strength": 1.75}, 0, LARGE),
    ("reenact", {"strength": 1.0}, LARGE, ALWAYS),
    ("edit-attribute", {"amount": 1.0}, 0, ALWAYS),
    ("resynthesise", {"strength": 1.0}, 0, ALWAYS),
)
"""The four kinds of deepfake; from which strength on each does what it says (``docs/deepfakes.md``); at which sizes."""
JPEG = "jpeg quality=50"
DISTORTIONS = {
    "compression": (JPEG, "webp quality=50", "chain steps=resize(scale=0.5)>jpeg(quality=50)"),
    "geometry": ("resize scale=0.5", "rotation angle=10", "perspective move=0.1", "crop keep=0.7", "flip"),
    "colour": ("brightness factor=1.5", "contrast factor=0.5", "saturation factor=0.5", "hue shift=0.1"),
    "blur": ("median-blur kernel=3", "sharpness factor=3"),
    "noise": ("salt-and-pepper share=0.1", "gaussian-noise sigma=0.1"),
    "erasure": ("dropout share=0.3", "overlay-text"),
}


def _first() -> Protocol:
    def of_fakes(kind: str, twin: str, on: str, distortion: str) -> list[Wanted]:
        return [
            Wanted(kind, f"{name}{twin}", distortion, tuple(strength.items()), on, smallest, below)
            for name, strength, smallest, below in FAKES
        ]

    attacks = [
        Wanted("not attacked", MARKED, UNDISTORTED),
        *of_fakes("deepfakes", "", "train", UNDISTORTED),
        *of_fakes("twins", "-2", "reserve", UNDISTORTED),
        *of_fakes("twins, then JPEG", "-2", "reserve", JPEG),
        Wanted("removal", "regenerate", UNDISTORTED, (("noise", 0.1),)),
        Wanted("removal", "averaging", UNDISTORTED, (("strength", 1.0),)),
        Wanted("second marks", "re-embed", UNDISTORTED),
        Wanted("second marks", "re-embed by=compact", UNDISTORTED),
    ]
    for kind, labels in DISTORTIONS.items():
        attacks += [Wanted(kind, MARKED, label) for label in labels]
        if kind == "blur":
            attacks.append(Wanted(kind, MARKED, "gaussian-blur sigma=1", below=SMALL))
            attacks.append(Wanted(kind, MARKED, "gaussian-blur sigma=2", smallest=SMALL))
    return Protocol(
        version=1, attacks=tuple(attacks), images=100, people=20, draws=2, seeds=3, psnr=36.0, flip=None,
        beside=("flip",), rate=1e-2,
    )  # fmt: skip


FIRST = _first()
SECOND = replace(FIRST, version=2, flip=0.12)
"""A tint that PSNR calls invisible is not admitted."""
PROTOCOLS = {one.version: one for one in (FIRST, SECOND)}
NEWEST = PROTOCOLS[PROTOCOL]


def in_words(protocol: Protocol) -> list[tuple[str, str]]:
    """What has to be met beside the attacks: name and number, as the page has them."""
    limits = [] if protocol.flip is None else [("mean FLIP of marked images, at most", f"{protocol.flip:g}")]
    beside = [name.upper() for name in protocol.beside if name != "flip" or protocol.flip is None]
    return [
        ("test images, at least", str(protocol.images)),
        ("people in them, none of them in training, at least", str(protocol.people)),
        ("payloads drawn for each image, at least", str(protocol.draws)),
        ("trainings that differ in their seed alone, at least", str(protocol.seeds)),
        ("mean PSNR of marked images, dB, at least", f"{protocol.psnr:g}"),
        *limits,
        *([("measured beside it", ", ".join(beside))] if beside else []),
        ("false-positive rate at which marks are found, at most", f"{protocol.rate:g}"),
    ]


def attacks_in_words(protocol: Protocol) -> list[tuple[str, str, str]]:
    """Kind, attack and strength of everything that has to be run, as the page has them."""
    rows = []
    for one in protocol.attacks:
        strength = [f"{name} at least {value:g}" for name, value in one.strength]
        strength += [f"fitted on the {one.fitted_on} people"] if one.fitted_on else []
        strength += [f"below {one.below} px"] if one.below < ALWAYS else []
        strength += [f"from {one.smallest} px on"] if one.smallest else []
        rows.append((one.kind, one.name, "; ".join(strength) or "as named"))
    return rows


def markdown(protocol: Protocol) -> str:
    """Both tables, as ``docs/protocol.md`` holds them."""
    numbers = "\n".join(f"| {name} | {value} |" for name, value in in_words(protocol))
    attacks = "\n".join(f"| {kind} | `{name}` | {strength} |" for kind, name, strength in attacks_in_words(protocol))
    return f"| what | how much |\n|---|---|\n{numbers}\n\n| kind | attack | strength |\n|---|---|---|\n{attacks}\n"
