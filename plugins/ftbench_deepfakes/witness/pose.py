"""Has the fake the driver's pose? Judged by a regressor of yaw and pitch, taught on real photos turned by known angles.

The photos carry no labels. ``turned`` rotates a photo's head as an ellipsoid and aligns it anew, so two views of one
photo differ by known angles, whatever pose its person had; a mirror image has the opposite yaw. The regressor learns
from such differences alone: of each picture it must tell yaw and pitch so that those of two views differ as known.
That it then sees the poses that people took themselves is shown on drawn faces of known pose (the tests): it is taught
without their labels and tells their yaw. It never sees a fake, and the reenactments learn from motions of another kind.

What it does not see: expression; tilt, place and size in the plane, which alignment takes out of the data and
augmentation out of the regressor; and where pitch is zero, which no comparison of a pose with another needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from kornia.color import rgb_to_lab
from kornia.metrics import ssim
from torch import Tensor, nn
from torch.nn import functional

from ftbench.benchfile.schema import Augmentation
from ftbench.data.images import Images
from ftbench.errors import BadInput
from ftbench.machine.randomness import derive, generator
from ftbench.pipeline.stages import SimulatorStage
from ftbench.train.augment import augment
from ftbench_deepfakes.witness.fakes import BATCH, fakes_of
from ftbench_deepfakes.witness.small_network import reduced, small_network
from ftbench_deepfakes.witness.turning import turned
from ftbench_deepfakes.witness.verdict import Verdict

LEARNED = 48
"""Photos a step, two views of each."""
WIDEST = (35.0, 20.0)
"""Largest yaw and pitch that photos are turned by, in degrees."""
CROP = 0.75
"""Share of the side that it sees, round the middle: from ear to ear and down to the chin, not the hair above."""
APART = 10.0
"""Degrees between the poses of image and driver below which it cannot be said whether the driver was followed."""
JITTER = Augmentation(rotate=8, scale=0.1, shift=0.06, flip=0, gain=0.25, colour=0.07)


@dataclass(frozen=True)
class Sight:
    """How well a regressor sees known turns of held-out photos."""

    right: float
    """Share of turns by ``APART`` degrees or more after which the pose is nearer to where it must be than to before."""
    correlation: tuple[float, float]
    """Of the turns with how far the poses moved; yaw, pitch."""
    error: tuple[float, float]
    """Median absolute error in degrees; yaw, pitch."""


def examine(attack: SimulatorStage, train: Images, test: Images, *, steps: int, seed: int) -> Verdict:
    """Teach the regressor on ``train``; count the fakes whose pose is nearer to the driver's than to the image's own.

    Faces whose driver's pose lies within ``APART`` degrees of their own are left out. ``witness_accuracy`` is the
    share of known turns of held-out photos that the regressor sees by the same rule. Raises BadInput where the
    simulator takes no driver, or no face is left.
    """
    if "donor" not in attack.record.needs:
        raise BadInput(
            f"simulator {attack.record.name!r} takes no donor, so there is no pose that its fakes should have"
        )
    regressor = taught(train, steps=steps, seed=seed)
    covers = test.covers(torch.arange(len(test)), "cpu")
    # The same draws and stages as for the fakes, by an attack that hands its donor on.
    drivers = fakes_of(SimulatorStage(attack.record, lambda _, inputs: inputs["donor"]), test, seed)
    fakes = fakes_of(attack, test, seed)
    of_cover, of_driver, of_fake = (poses(regressor, pictures) for pictures in (covers, drivers, fakes))
    apart = _between(of_cover, of_driver) >= APART
    if not apart.any():
        raise BadInput(f"no face of {len(test)} has a driver whose pose is {APART:g} degrees from its own")
    others = of_driver.roll(1, 0)
    others_apart = _between(of_cover, others) >= APART
    seen = sight(regressor, test, seed)
    return Verdict(
        simulator=attack.record.name,
        effect="The face has the driver's yaw and pitch rather than its own, by a regressor taught on turned photos.",
        n=int(apart.sum()),
        confirmed=int(_follows(of_fake, of_cover, of_driver)[apart].sum()),
        witness_accuracy=seen.right,
        chance=float(_follows(of_cover, of_cover, of_driver)[apart].float().mean()),
        note=f"{int((~apart).sum())} of {len(test)} faces left out, their driver's pose within {APART:g} degrees of "
        f"their own; held to another face's driver {_share(_follows(of_fake, of_cover, others)[others_apart])} would "
        f"be confirmed; known turns of held-out photos and the turns seen correlate by {_two(seen.correlation)}, "
        f"yaw and pitch, median error {seen.error[0]:.1f} and {seen.error[1]:.1f} degrees; "
        + _likeness(fakes, covers, drivers),
    )


def taught(train: Images, *, steps: int, seed: int) -> nn.Module:
    """A regressor ``reduced face (b,3,32,32) -> (b,2)``, yaw and pitch in units of ``WIDEST``, in ``eval()``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "pose witness"))
        network = small_network((16, 32, 64, 96), 2)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=steps)
    for step in range(steps):
        randomness = generator(seed, "pose witness", step)
        index = torch.randint(len(train), (LEARNED,), generator=randomness)
        angles = 2 * torch.rand(2, LEARNED, 2, generator=randomness) - 1
        views = turned(train.covers(index, "cpu").repeat(2, 1, 1, 1), _radians(angles.flatten(0, 1)))
        mirror = torch.where(torch.rand(2, LEARNED, 1, generator=randomness) < 0.5, -1.0, 1.0)
        views = torch.where(mirror.flatten()[:, None, None, None] < 0, views.flip(3), views)
        views = _softened(augment(views, JITTER, randomness), randomness)
        found = network(_face(views)).unflatten(0, (2, LEARNED))
        # In the photo's own frame again: a mirror image has the opposite yaw.
        first, second = torch.cat([found[..., :1] * mirror, found[..., 1:]], dim=-1) - angles
        loss = functional.smooth_l1_loss(first, second, beta=0.2)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def poses(regressor: nn.Module, pictures: Tensor) -> Tensor:
    """Yaw and pitch of pictures (b,3,s,s) in degrees, (b,2): the mean of what each and its mirror image show."""
    parts = []
    for part in pictures.split(BATCH):
        straight, mirrored = regressor(_face(part)), regressor(_face(part.flip(3)))
        parts.append((straight + mirrored * torch.tensor([-1.0, 1.0])) / 2)
    return torch.cat(parts) * torch.tensor(WIDEST)


def sight(regressor: nn.Module, test: Images, seed: int) -> Sight:
    """How well the regressor sees one known turn of each held-out photo."""
    photos = test.covers(torch.arange(len(test)), "cpu")
    drawn = 2 * torch.rand(len(test), 2, generator=generator(seed, "pose sight")) - 1
    before, after = poses(regressor, photos), poses(regressor, turned(photos, _radians(drawn)))
    asked, found = drawn * torch.tensor(WIDEST), after - before
    far = asked.norm(dim=1) >= APART
    right = _follows(after, before, before + asked)[far].float().mean()
    yaw, pitch = (float(torch.corrcoef(torch.stack([asked[:, k], found[:, k]]))[0, 1]) for k in (0, 1))
    errors = (found - asked).abs().median(dim=0).values
    return Sight(float(right), (yaw, pitch), (float(errors[0]), float(errors[1])))


def _face(pictures: Tensor) -> Tensor:
    """The middle of pictures (b,3,s,s) as the regressor sees it, (b,3,32,32)."""
    edge = round(pictures.shape[-1] * (1 - CROP) / 2)
    return reduced(pictures[..., edge:-edge, edge:-edge])


def _radians(angles: Tensor) -> Tensor:
    return torch.deg2rad(angles * torch.tensor(WIDEST))


def _softened(pictures: Tensor, randomness: torch.Generator) -> Tensor:
    # A fake is never quite as sharp as a photo: sharpness must not tell of a pose.
    softer = functional.avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
    return torch.lerp(pictures, softer, torch.rand(len(pictures), 1, 1, 1, generator=randomness))


def _between(one: Tensor, other: Tensor) -> Tensor:
    apart: Tensor = (one - other).norm(dim=1)
    return apart


def _follows(fake: Tensor, own: Tensor, driver: Tensor) -> Tensor:
    return _between(fake, driver) < _between(fake, own)


def _share(flags: Tensor) -> str:
    return f"{100 * float(flags.float().mean()):.0f} %"


def _two(values: Sequence[float]) -> str:
    return f"{values[0]:.2f} and {values[1]:.2f}"


def _likeness(fakes: Tensor, covers: Tensor, drivers: Tensor) -> str:
    """How like its image and its driver a fake is, in structure and colour."""
    structure = [float(ssim(fakes, of, 11).mean()) for of in (covers, drivers)]
    edge = covers.shape[-1] // 4
    middle = [rgb_to_lab(of[..., edge:-edge, edge:-edge]).mean(dim=(2, 3)) for of in (fakes, covers, drivers)]
    colour = [float(_between(middle[0], of).mean()) for of in middle[1:]]
    return (
        f"a fake has an SSIM of {_two(structure)} to its image and its driver, and the mean colour of its middle lies "
        f"{colour[0]:.1f} and {colour[1]:.1f} CIELAB units from theirs"
    )
