"""Is a repainted picture far from its cover, and still of the same person? Judged by PSNR and by a retrieval."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench.benchfile.schema import Augmentation
from ftbench.data.images import Images
from ftbench.machine.randomness import derive, generator
from ftbench.pipeline.stages import SimulatorStage
from ftbench.train.augment import augment
from ftbench.train.batches import draw_batch
from ftbench_deepfakes.witness.fakes import BATCH, fakes_of
from ftbench_deepfakes.witness.small_network import SIDE, reduced, small_network
from ftbench_deepfakes.witness.verdict import Verdict
from ftbench_metrics.quality import Psnr

MOST = 28.0
"""dB to its cover that a repainted picture may have."""
LEARNED = 48
"""Images a step, two of each person."""
LENGTH = 64
"""Numbers that a picture is retrieved by."""
TEMPERATURE = 0.1
JITTER = Augmentation(rotate=6, scale=0.1, shift=0.04, flip=0, gain=0.2, colour=0.05)
SOFTEST = 4
"""Pixels, of the 32 across a picture, that the softest shots join into one."""


def examine(attack: SimulatorStage, train: Images, test: Images, *, steps: int, seed: int) -> Verdict:
    """Count the fakes at 28 dB or less whose nearest held-out cover shows the person of their own cover.

    The nearest is found by an embedding that is trained on real ``train`` pictures to bring shots of a person
    together, as Khosla et al., Supervised Contrastive Learning, NeurIPS 2020. A picture's own cover is among those
    searched: noise and other people's faces fail, a face painted anew does not. The accuracy is the same search for
    held-out pictures that were turned, shifted, lit and focused anew; an unchanged cover is never at 28 dB.
    """
    embedding = _taught(train, steps, seed)
    covers = test.covers(torch.arange(len(test)), "cpu")
    searched = _embedded(embedding, covers)
    shot = _shot(covers, generator(seed, "synthesis witness", "shot"))
    again = test.identity[_nearest(_embedded(embedding, shot), searched)] == test.identity
    fakes = fakes_of(attack, test, seed)
    nearest = _nearest(_embedded(embedding, fakes), searched)
    person = test.identity[nearest] == test.identity
    psnr = Psnr()(covers, fakes)
    far = psnr <= MOST
    picture = (nearest == torch.arange(len(test))).float().mean()
    return Verdict(
        simulator=attack.record.name,
        effect=f"The whole picture is painted anew, {MOST:g} dB or less from its cover, and the person is still found.",
        n=len(test),
        confirmed=int((far & person).sum()),
        witness_accuracy=float(again.float().mean()),
        chance=float((Psnr()(covers, covers) <= MOST).float().mean()),
        note=f"median {psnr.median():.1f} dB, {far.float().mean():.1%} at {MOST:g} dB or less; among "
        f"{len(test)} covers of {len(test.identity.unique())} people the person is found for "
        f"{person.float().mean():.1%} of the fakes, the very picture for {picture:.1%}",
    )


def _taught(train: Images, steps: int, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "synthesis witness"))
        network = small_network((24, 48, 96, 96), LENGTH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        randomness = generator(seed, "synthesis witness", step)
        index = draw_batch(train, LEARNED, randomness, per_person=2)
        pictures, people = _shot(train.covers(index, "cpu"), randomness), train.identity[index]
        optimiser.zero_grad(set_to_none=True)
        _apart(functional.normalize(network(reduced(pictures))), people).backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def _shot(pictures: Tensor, randomness: torch.Generator) -> Tensor:
    # Another shot of each picture, one in two out of focus.
    pictures = augment(pictures, JITTER, randomness)
    side = SIDE / (2 + (SOFTEST - 2) * torch.rand(1, generator=randomness).item())
    soft = functional.interpolate(pictures, (round(side), round(side)), mode="bilinear", antialias=True)
    soft = functional.interpolate(soft, pictures.shape[-2:], mode="bilinear")
    out_of_focus = torch.rand(len(pictures), 1, 1, 1, generator=randomness) < 0.5
    return torch.where(out_of_focus, soft, pictures)


def _apart(found: Tensor, people: Tensor) -> Tensor:
    # Each picture must pick the other ones of its person out of the batch.
    itself = torch.eye(len(found), dtype=torch.bool)
    same = (people[:, None] == people) & ~itself
    scores = (found @ found.T / TEMPERATURE).masked_fill(itself, -1e4).log_softmax(dim=1)
    return -(scores * same).sum() / same.sum().clamp_min(1)


@torch.no_grad()
def _embedded(embedding: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([functional.normalize(embedding(reduced(part))) for part in images.split(BATCH)])


def _nearest(probes: Tensor, searched: Tensor) -> Tensor:
    return (probes @ searched.T).argmax(dim=1)
