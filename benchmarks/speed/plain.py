"""The same training written the obvious way: what a careful person writes who has never timed it.

float32, torch's default memory layout, covers and donors read and changed one image at a time, a decoder pass for each
reading, metrics image by image, a value read from the device wherever one is wanted. The networks, the codec, the
distortions and the schedules are those of the cell; nothing else is shared with the harness's own loop.
"""

from __future__ import annotations

import copy
import math
import random
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.speed.setup import training
from ftbench.contract.records import Distortion
from ftbench.machine.randomness import derive
from ftbench.runner.build import build, new_pair
from ftbench.runner.opening import Opened
from ftbench.train.schedules import ema_decay, psnr_at, rate_factor
from ftbench.train.weights import load_weights


@dataclass(frozen=True)
class Seen:
    """What one step tells."""

    loss: float
    accuracy: float
    psnr: float


class PlainLoop:
    """A training of the work's one cell; weights start where the harness's do."""

    def __init__(self, found: Opened, seed: int = 0) -> None:
        cell, bench = training(found), found.bench
        assert cell.section is not None
        self.cell, self.section = cell, cell.section
        assert cell.loss.target_psnr is not None, "the plain loop holds a PSNR; give the work a target_psnr"
        self.target = cell.loss.target_psnr
        torch.manual_seed(derive(cell.seed, "pair weights"))
        pair = new_pair(cell, bench.data.size)
        self.encoder, self.decoder = pair.encoder.train(), pair.decoder.train()
        self.codec = build(cell.codec, bits=cell.bits)
        self.attacks: list[tuple[Any, Any]] = []
        for chosen in cell.simulators:
            network = build(chosen, size=bench.data.size)
            if chosen.record.trainable:
                load_weights(bench.folder(cell.fit_of(chosen)), network)
            if isinstance(network, nn.Module):
                network.eval().requires_grad_(False)
            self.attacks.append((chosen.record, network))
        self.images = bench.data.split("train")
        self.parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        optimiser = self.section.optimiser
        self.adam = torch.optim.AdamW(
            self.parameters,
            lr=optimiser.learning_rate,
            betas=(optimiser.betas[0], optimiser.betas[1]),
            weight_decay=optimiser.weight_decay,
        )
        self.kept = [copy.deepcopy(self.encoder), copy.deepcopy(self.decoder)]
        self.random = random.Random(seed)
        self.noise = torch.Generator().manual_seed(seed)
        self.number, self.accuracy = 0, 0.5
        self.read_step: int | None = None

    def step(self) -> Seen:
        """One step."""
        section = self.section
        rate = section.optimiser.learning_rate * rate_factor(self.number, section.steps, section.optimiser)
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.zero_grad()
        covers, identity, code = self._batch()
        psnr = psnr_at(self.number, section.steps, self.read_step, section.curriculum, self.target)
        marked = held_at(covers, self.encoder(covers, code), psnr)
        views = [marked]
        if self.attacks:
            record, network = self.random.choice(self.attacks)
            views.append(self._fake(record, network, marked, identity, psnr))
        chosen, parameters = self.random.choice(self.cell.pool)
        damage = chosen.record.load()(**{name: self._value(value) for name, value in parameters.items()})
        readings = [self.decoder(self._damaged(chosen.record, damage, view)) for view in views]
        losses = [functional.binary_cross_entropy_with_logits(reading, code) for reading in readings]
        loss = torch.stack(losses).sum()
        if not math.isfinite(loss.item()):
            raise RuntimeError(f"the plain loop's loss is no number at step {self.number}")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, section.optimiser.clip)
        self.adam.step()
        self._average(ema_decay(section.ema, section.steps))
        accuracies = [float(((r > 0) == (c > 0.5)).float().mean()) for r, c in zip(readings[0], code, strict=True)]
        errors = [float((one - cover).square().mean()) for one, cover in zip(marked.detach(), covers, strict=True)]
        accuracy = sum(accuracies) / len(accuracies)
        self.accuracy = 0.9 * self.accuracy + 0.1 * accuracy
        if self.read_step is None and self.accuracy >= section.curriculum.read_at:
            self.read_step = self.number
        self.number += 1
        decibels = [-10 * math.log10(max(error, 1e-10)) for error in errors]
        return Seen(loss.item(), accuracy, sum(decibels) / len(decibels))

    def _batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Covers (b,3,s,s), who they show (b,), codes (b,n)."""
        count = self.section.batch_size
        drawn = -(-count // 2) if self.section.complement else count
        shown = sorted(set(self.images.identity.tolist()))
        covers, people, codes = [], [], []
        for place in range(drawn):
            who = shown[place % len(shown)] if len(shown) <= drawn else self.random.choice(shown)
            covers.append(self._cover(self._picture_of(who)))
            people.append(who)
            payload = torch.randint(0, 2, (1, self.cell.bits), generator=self.noise).float()
            codes.append(self.codec.encode(payload)[0])
        if self.section.complement:
            covers, people, codes = covers + covers, people + people, codes + [1 - code for code in codes]
        return torch.stack(covers[:count]), torch.tensor(people[:count]), torch.stack(codes[:count])

    def _picture_of(self, who: int, others: bool = False) -> Tensor:
        own = self.images.identity == who
        [places] = torch.nonzero(~own if others else own, as_tuple=True)
        return self.images.pixels[self.random.choice(places.tolist())].float() / 255

    def _cover(self, picture: Tensor) -> Tensor:
        """A picture (3,s,s), turned, enlarged, shifted, mirrored and coloured by chance, 8-bit."""
        settings = self.section.augment

        def within(half: float) -> float:
            return self.random.uniform(-half, half)

        angle, scale = math.radians(within(settings.rotate)), 1 + within(settings.scale)
        mirror = -1.0 if self.random.random() < settings.flip else 1.0
        cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
        across, down = 2 * within(settings.shift), 2 * within(settings.shift)
        rows = torch.tensor([[[mirror * cos, -sin, across], [mirror * sin, cos, down]]])
        grid = functional.affine_grid(rows, [1, *picture.shape], align_corners=False)
        turned = functional.grid_sample(picture[None], grid, padding_mode="reflection", align_corners=False)[0]
        offset = torch.tensor([within(settings.colour) for _ in range(3)])[:, None, None]
        return rounded((turned * (1 + within(settings.gain)) + offset).clamp(0, 1))

    def _fake(self, record: Any, network: Any, marked: Tensor, identity: Tensor, psnr: float) -> Tensor:
        given: dict[str, Tensor] = {}
        if "identity" in record.needs:
            given["identity"] = identity
        if "donor" in record.needs:
            given["donor"] = torch.stack([self._picture_of(who, others=True) for who in identity.tolist()])
        if "remarked" in record.needs:
            payload = torch.randint(0, 2, (len(marked), self.cell.bits), generator=self.noise).float()
            given["remarked"] = held_at(marked, self.encoder(marked, self.codec.encode(payload)), psnr)
        if record.differentiable:
            return rounded(network(marked, given))
        with torch.no_grad():
            fake = network(marked, given)
        return rounded(marked + (fake - marked).detach())

    def _damaged(self, record: Distortion, damage: Any, image: Tensor) -> Tensor:
        if record.differentiable:
            return rounded(damage(image, self.noise))
        with torch.no_grad():
            changed = damage(image.detach(), self.noise)
        return rounded(image + (changed - image).detach())

    def _value(self, value: Any) -> Any:
        if not isinstance(value, tuple):
            return value
        low, high = value
        return self.random.randint(low, high) if isinstance(low, int) else self.random.uniform(low, high)

    @torch.no_grad()
    def _average(self, decay: float) -> None:
        for kept, trained in zip(self.kept, (self.encoder, self.decoder), strict=True):
            for old, new in zip(kept.state_dict().values(), trained.state_dict().values(), strict=True):
                if old.is_floating_point():
                    old.mul_(decay).add_(new, alpha=1 - decay)
                else:
                    old.copy_(new)


def rounded(image: Tensor) -> Tensor:
    """To the values that an 8-bit file holds; the gradient passes."""
    clamped = image.clamp(-0.5 / 255, 1 + 0.5 / 255)
    return clamped + ((clamped.clamp(0, 1) * 255).round() / 255 - clamped).detach()


def held_at(covers: Tensor, marked: Tensor, psnr: float) -> Tensor:
    """Residuals scaled so that each image has ``psnr`` dB, corrected twice for what rounding takes away."""
    wanted = 10 ** (-psnr / 10)
    residual = marked - covers
    gain = (wanted / residual.square().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)).sqrt()
    correction = torch.ones_like(gain)
    with torch.no_grad():
        for _ in range(2):
            error = (rounded(covers + gain * correction * residual) - covers).square().mean(dim=(1, 2, 3), keepdim=True)
            correction = (correction * (wanted / error.clamp_min(wanted / 4)).sqrt()).clamp(max=16.0)
    return rounded(covers + gain * correction * residual)
