"""Does an edited picture show the attribute as asked? Judged by a classifier of real pictures and their own measure."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from kornia.color import rgb_to_lab
from torch import Tensor, nn
from torch.nn import functional

from ftbench.benchfile.schema import Augmentation
from ftbench.data.images import Images
from ftbench.errors import BadInput
from ftbench.machine.randomness import derive, generator
from ftbench.pipeline.stages import SimulatorStage
from ftbench.train.augment import augment
from ftbench_deepfakes.attribute_editor import AttributeEditor
from ftbench_deepfakes.attributes import Attribute
from ftbench_deepfakes.witness.fakes import BATCH, fakes_of
from ftbench_deepfakes.witness.small_network import reduced, small_network
from ftbench_deepfakes.witness.verdict import Verdict

LEARNED = 48
"""Images a step."""
# Light changes are the pictures' own, so gain and colour stay as they are, and nothing is mirrored.
JITTER = Augmentation(rotate=4, scale=0.05, shift=0.03, flip=0, gain=0, colour=0)

Box = tuple[float, float, float, float]
"""Left, right, top and bottom, as shares of the side; eyes are at 42 % of the height."""
CROWN: Box = (0.3, 0.7, 0.02, 0.14)
CHEEKS: Box = (0.3, 0.7, 0.48, 0.62)
MIDDLE: Box = (0.28, 0.72, 0.25, 0.75)
MEANS = {"hair": ("darker", "lighter"), "skin": ("darker", "lighter"), "light": ("from the right", "from the left")}


def examine(attack: SimulatorStage, train: Images, test: Images, *, steps: int, seed: int) -> Verdict:
    """Teach a classifier the two outer thirds of real ``train`` pictures; count the fakes that it finds as asked.

    The classifier sees whole pictures and is told the third by ``standing``, which shares neither colour space nor
    regions nor statistic with the measure that the editors learn from. What is asked of each picture, more or less of
    the attribute, is what the editor says of itself; ``chance`` is the share of covers that are found so unchanged.
    Raises BadInput for a simulator that edits no attribute.
    """
    editor = attack.network
    if not isinstance(editor, AttributeEditor):
        raise BadInput(f"simulator {attack.record.name!r} edits no attribute, so no classifier of one can judge it")
    attribute = editor.attribute
    low, high = np.quantile(standing(train, attribute), [1 / 3, 2 / 3])
    classifier = _taught(train, attribute, low, high, steps, seed)
    pictures = test.covers(torch.arange(len(test)), "cpu")
    covers = _more(classifier, pictures)
    real = standing(test, attribute)
    outer = (real <= low) | (real >= high)
    if not outer.any():
        raise BadInput(f"no test picture lies in the outer thirds of {attribute} of the train pictures")
    right = (covers == (real >= high))[outer]
    asked = editor.asks_for_more(pictures).numpy()
    found = _more(classifier, fakes_of(attack, test, seed)) == asked
    less, more = MEANS[attribute]
    way = {"other": f"{less} where it was {more} and the reverse", "more": more, "less": less}[editor.towards]
    return Verdict(
        simulator=attack.record.name,
        effect=f"The {attribute} is {way}, by a classifier of the outer thirds of real pictures.",
        n=len(test),
        confirmed=int(found.sum()),
        witness_accuracy=float(right.mean()),
        chance=float((covers == asked).mean()),
        note=f"accuracy on the {outer.sum()} held-out pictures of the outer thirds; of the {(covers != asked).sum()} "
        f"covers that are not found so unchanged, {(found & (covers != asked)).sum()} are afterwards",
    )


def standing(images: Images, attribute: Attribute) -> npt.NDArray[np.float64]:
    """How much each picture shows of an attribute, (n,), by its lightness L* in CIELAB.

    ``hair``: the median above the forehead less that of the cheeks. ``skin``: the individual typology angle of the
    cheeks' medians, in degrees (Chardon et al., International Journal of Cosmetic Science 13, 1991). ``light``: the
    slope of the least-squares plane through the middle of the face, falling to the right.
    """
    parts = []
    for start in range(0, len(images), BATCH):
        index = torch.arange(start, min(start + BATCH, len(images)))
        parts.append(_of_batch(rgb_to_lab(images.covers(index, "cpu")).double().numpy(), attribute))
    return np.concatenate(parts)


def _of_batch(lab: npt.NDArray[np.float64], attribute: Attribute) -> npt.NDArray[np.float64]:
    if attribute == "light":
        face = _cut(lab[:, 0], MIDDLE)
        across = np.arange(face.shape[2]) - (face.shape[2] - 1) / 2
        # On a grid the two slopes of a plane are fitted apart from each other.
        return cast(npt.NDArray[np.float64], -(face * across).sum(axis=(1, 2)) / (face.shape[1] * (across**2).sum()))
    cheek = np.median(_cut(lab, CHEEKS), axis=(2, 3))
    if attribute == "hair":
        return np.median(_cut(lab[:, 0], CROWN), axis=(1, 2)) - cheek[:, 0]
    return np.degrees(np.arctan2(cheek[:, 0] - 50, np.maximum(cheek[:, 2], 1.0)))


def _cut(values: npt.NDArray[np.float64], box: Box) -> npt.NDArray[np.float64]:
    left, right, top, bottom = (round(edge * values.shape[-1]) for edge in box)
    return values[..., top:bottom, left:right]


def _taught(train: Images, attribute: Attribute, low: float, high: float, steps: int, seed: int) -> nn.Module:
    shown = standing(train, attribute)
    known = torch.from_numpy(np.flatnonzero((shown <= low) | (shown >= high)))
    more = torch.from_numpy(shown >= high).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "attribute witness", attribute))
        network = small_network((16, 32, 64, 64), 1, dropout=0.2)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        randomness = generator(seed, "attribute witness", step)
        index = known[torch.randint(len(known), (LEARNED,), generator=randomness)]
        pictures = reduced(augment(train.covers(index, "cpu"), JITTER, randomness))
        loss = functional.binary_cross_entropy_with_logits(network(pictures).flatten(), more[index])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def _more(classifier: nn.Module, images: Tensor) -> npt.NDArray[np.bool_]:
    logits = [classifier(reduced(part)).flatten() for part in images.split(BATCH)]
    return (torch.cat(logits) > 0).numpy()
