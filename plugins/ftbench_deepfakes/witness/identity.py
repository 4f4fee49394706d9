"""Whose face is it? A verifier of people whom it never learned from, for identity swaps.

Linear throughout, so that it shares nothing with the swaps' own identity networks: Fisherfaces (Belhumeur et al., PAMI
19, 1997), here learned from augmented photos, the directions weighed by how well each tells people apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import linalg
from torch import Tensor
from torch.nn import functional

from ftbench.benchfile.schema import Augmentation
from ftbench.data.donors import draw_donors
from ftbench.data.images import Images
from ftbench.machine.randomness import derive, generator
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import SimulatorStage
from ftbench.train.augment import augment
from ftbench_deepfakes.witness.verdict import Verdict

BATCH = 64
MIDDLE, RADII = (0.5, 0.535), (0.24, 0.28)
"""Of the inner face in an aligned picture, eyes at 42 % of the height: no hair, no ears, no background."""
SIDE = 24
"""Pixels along the square about the inner face as it is looked at, however large the picture: sharpness is no clue."""
COMPONENTS, DIRECTIONS = 120, 60
"""Kept of the photos' principal components, and of the directions that tell people apart."""
SHRINKAGE = 0.2
"""Of the scatter within people towards the same in all directions, which few photos a person call for."""
VARIED = Augmentation(rotate=4, scale=0.04, shift=0.015, flip=0.5, gain=0.1, colour=0.03)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Verifier:
    """What tells people apart: ``codes`` of photos of one person have a large cosine."""

    mean: Array
    """(d,)"""
    directions: Array
    """(d, k)"""

    def codes(self, images: Tensor) -> Array:
        """Pictures (n,3,s,s) in [0,1] -> unit vectors (n,k); a picture and its mirror image have the same."""
        both = sum((inner_face(each) - self.mean) @ self.directions for each in (images, images.flip(3)))
        found: Array = both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-12)
        return found


def examine(attack: SimulatorStage, train: Images, test: Images, *, steps: int, seed: int) -> Verdict:
    """Count the fakes whose inner face is nearer to other photos of the donor than to those of the cover's person.

    Nearer: by the mean cosine over those photos. The very picture that went in stands for a person only where there is
    no other. The verifier is asked the same of the real pictures that went in, covers and donors; the unchanged
    covers give the chance. Works on the CPU, where the attack's network must be.

    Args:
        attack: the simulator, fitted; it is given unmarked test covers.
        train: photos of the people that the verifier learns from.
        test: photos of other people, two at least.
        steps: batches of 64 augmented photos that the verifier learns from.
        seed: of those, and of who gives a face to whom.
    """
    verifier = learn(train, steps, seed)
    donors, fakes = _fakes(attack, test, seed)
    known = verifier.codes(test.covers(torch.arange(len(test)), "cpu"))
    person, taken = test.identity.numpy(), donors.numpy()
    judged = np.array([_pulls(code, known, person, i, taken[i]) for i, code in enumerate(verifier.codes(fakes))])
    covers = np.array([_pulls(known[i], known, person, i, taken[i]) for i in range(len(test))])
    givers = np.array([_pulls(known[j], known, person, i, j) for i, j in enumerate(taken)])
    return Verdict(
        simulator=attack.record.name,
        effect="the inner face is the donor's rather than the cover's person's",
        n=len(test),
        confirmed=int((judged > 0).sum()),
        witness_accuracy=float(((covers < 0).mean() + (givers > 0).mean()) / 2),
        chance=float((covers > 0).mean()),
        note=f"{len(set(person.tolist()))} people whom neither swap nor witness learned from; a forced choice of two, "
        "by other photos of both; hair and background left out, light and colour levelled",
    )


def learn(images: Images, steps: int, seed: int) -> Verifier:
    """The directions that tell the people of ``images`` apart; raises ValueError for fewer than two people."""
    people, label = images.identity.unique(return_inverse=True)
    if len(people) < 2:
        raise ValueError(f"telling people apart is learned from two people at least, and {len(people)} are shown")
    size = inner_face(images.covers(torch.arange(1), "cpu")).shape[1]
    sums, counts, square = np.zeros((len(people), size)), np.zeros(len(people)), np.zeros((size, size))
    for step in range(steps):
        draw = generator(seed, "identity witness", step)
        index = torch.randint(len(images), (BATCH,), generator=draw)
        faces = inner_face(augment(images.covers(index, "cpu"), VARIED, draw))
        np.add.at(sums, label[index].numpy(), faces)
        np.add.at(counts, label[index].numpy(), 1)
        square += faces.T @ faces
    total = counts.sum()
    mean = sums.sum(0) / total
    spread, components = linalg.eigh(square / total - np.outer(mean, mean))
    kept = np.argsort(spread)[::-1][:COMPONENTS]
    kept = kept[spread[kept] > 1e-8 * spread.max()]
    whitened = components[:, kept] / np.sqrt(spread[kept])
    shown = counts > 0
    means = (sums[shown] / counts[shown, None] - mean) @ whitened
    between = (means.T * (counts[shown] / total)) @ means
    within = (1 - SHRINKAGE) * (np.eye(len(kept)) - between) + SHRINKAGE * np.eye(len(kept))
    worth, directions = linalg.eigh(between, within)
    best = np.argsort(worth)[::-1][: min(DIRECTIONS, int(shown.sum()) - 1)]
    return Verifier(mean, whitened @ (directions[:, best] * np.sqrt(worth[best].clip(0))))


def inner_face(images: Tensor) -> Array:
    """Pictures (n,3,s,s) in [0,1] -> the luminance within the inner face's ellipse, (n,d), mean 0 and deviation 1."""
    side = images.shape[-1]
    left, right = (round((MIDDLE[0] + sign * RADII[1]) * side) for sign in (-1, 1))
    top, bottom = (round((MIDDLE[1] + sign * RADII[1]) * side) for sign in (-1, 1))
    luminance = (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    square = functional.interpolate(
        luminance[:, :, top:bottom, left:right], (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False
    )
    along = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    within = (along[None, :] * RADII[1] / RADII[0]) ** 2 + along[:, None] ** 2 <= 1
    face = square[:, 0, within].double().numpy()
    face = face - face.mean(1, keepdims=True)
    levelled: Array = face / np.maximum(face.std(1, keepdims=True), 1e-3)
    return levelled


def _pulls(code: Array, known: Array, person: NDArray[np.int64], cover: int, donor: int) -> float:
    """How much nearer a code (k,) is to the donor's person than to the cover's, in cosines; test pictures by number."""
    likeness = known @ code
    return _mean_over_others(likeness, person, donor) - _mean_over_others(likeness, person, cover)


def _mean_over_others(likeness: Array, person: NDArray[np.int64], picture: int) -> float:
    others = person == person[picture]
    if others.sum() > 1:
        others[picture] = False
    return float(likeness[others].mean())


@torch.no_grad()
def _fakes(attack: SimulatorStage, test: Images, seed: int) -> tuple[Tensor, Tensor]:
    """Which test picture (n,) gives its face to each test cover, and the fakes (n,3,s,s)."""
    donors = draw_donors(test, test.identity, generator(seed, "identity witness", "donors"))
    fakes = []
    with torch.random.fork_rng(devices=[]):
        for start in range(0, len(test), BATCH):
            index = torch.arange(start, min(start + BATCH, len(test)))
            given = Inputs(identity=test.identity[index], donor=test.covers(donors[index], "cpu"))
            torch.manual_seed(derive(seed, "identity witness", start))
            fakes.append(attack(test.covers(index, "cpu"), given))
    return donors, torch.cat(fakes)
