"""A channel code that two small networks agree on over a noisy channel.

After Choi, Tatwawadi, Grover, Weissman and Ermon, "Neural joint source-channel coding" (NECST), ICML 2019,
arXiv:1811.07557. As there, the encoder writes bits, the decoder reads them through a binary symmetric channel, and
both maximise a bound on what the reading says about the payload. What differs: payloads are uniform, bits are the
signs of the encoder's outputs with tanh's gradient passed straight through, and the payload is coded in groups.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_codecs.tensors import require_logits, require_payload

FLIPS = 0.3
"""Highest flip probability of the channel that the networks are fitted over."""

ROUGHNESS = 3.0
"""Factor on torch's initial weights of the encoder's first layer."""

SATURATION = 3.0
"""Initial deviation of the encoder's outputs, at which tanh lets little gradient through: bits turn slowly at first."""

SHARPNESS = 0.5
"""How soon a read counts no more, as its magnitude grows past the word's mean."""


class LearnedCode(nn.Module):
    """Payload bits in groups of at most ``group``, each coded by the same pair of multilayer perceptrons.

    The decoder scores all values of a group: with a score for each payload bit instead, networks settle on repetition.

    Bit i of the payload belongs to group i mod g of the g groups, and so do the bits of the code: a burst of misread
    neighbours is shared by the groups. Zeros fill up the last groups. What is encoded and decoded is moved to the
    networks' device and back.
    """

    values: Tensor
    """(2^m, m) of {0,1}: every value of a group of m bits; row i writes i in binary, lowest bit first."""

    def __init__(self, *, bits: int, length: int | None, group: int, width: int) -> None:
        super().__init__()
        self.bits = bits
        self.length = 4 * bits if length is None else length
        self.groups = -(-bits // group)
        self._name = f"learned code of {bits} bits in {self.length}"
        payload, code = -(-bits // self.groups), -(-self.length // self.groups)
        self.encoder = _perceptron(payload, width, code)
        self.decoder = _perceptron(code, width, 2**payload)
        values = torch.arange(2**payload)[:, None] >> torch.arange(payload) & 1
        self.register_buffer("values", values.float(), persistent=False)
        self._start_at_a_random_code()

    def encode(self, payload: Tensor) -> Tensor:
        """Payload (b, k) of {0,1} -> code (b, n) of exactly {0,1}. Raises ValueError on another shape or values."""
        require_payload(payload, self.bits, self._name)
        with torch.no_grad():
            code = self._write(self._grouped(payload.to(self.values.device).float()))
        return (code > 0).float().to(payload.device)

    def decode(self, logits: Tensor) -> Tensor:
        """Read logits (b, n), real or hard ±1 -> payload (b, k) of {0,1}: each group's best-scored value.

        The decoder was fitted on ±1. A word's logits are therefore divided by their mean magnitude, then squashed to
        tanh(x/2) / tanh(1/2): ±1 stays what it is, sure reads are bounded at ±2.2, and a common factor has no effect.
        Raises ValueError on another shape and on logits that are not finite.
        """
        require_logits(logits, self.length, self._name)
        with torch.no_grad():
            best = self.decoder(self._grouped(_squashed(logits).to(self.values.device))).argmax(2)
        return self._joined(self.values[best], self.bits).to(logits.device)

    def fit_loss(self, batch_size: int, generator: torch.Generator) -> Tensor:
        """Scalar: cross-entropy in nats a payload bit, over a binary symmetric channel.

        Each of ``batch_size`` payloads meets a flip probability of its own, uniform in [0, 0.3]. Every draw comes
        from ``generator``, on the CPU.
        """
        payload = torch.randint(2, (batch_size, self.bits), generator=generator).float()
        error = FLIPS * torch.rand(batch_size, 1, generator=generator)
        channel = torch.where(torch.rand(batch_size, self.length, generator=generator) < error, -1.0, 1.0)
        groups = self._grouped(payload.to(self.values.device))
        soft = self._write(groups).tanh()
        code = torch.where(soft > 0, 1.0, -1.0) + soft - soft.detach()
        scores = self.decoder(self._grouped(code * channel.to(code.device)))
        value = (groups @ 2 ** torch.arange(groups.shape[2], device=groups.device, dtype=groups.dtype)).long()
        return functional.cross_entropy(scores.flatten(0, 1), value.flatten()) / groups.shape[2]

    @torch.no_grad()
    def _start_at_a_random_code(self) -> None:
        # Left as torch draws it, the encoder is nearly linear: values that differ in one bit have nearby codes, and
        # what is learned from there stays poorer.
        first, last = (layer for layer in self.encoder if isinstance(layer, nn.Linear))
        first.weight.mul_(ROUGHNESS)
        first.bias.mul_(ROUGHNESS)
        output = self.encoder(2 * self.values - 1)
        last.bias.sub_(output.mean(0))
        scale = SATURATION / (output - output.mean(0)).std()
        last.weight.mul_(scale)
        last.bias.mul_(scale)

    def _write(self, groups: Tensor) -> Tensor:
        """Payload in groups (b, g, m) of {0,1} -> real code (b, n), whose signs count."""
        return self._joined(self.encoder(2 * groups - 1), self.length)

    def _grouped(self, word: Tensor) -> Tensor:
        """(b, w) -> (b, g, w / g rounded up), filled with zeros."""
        each = -(-word.shape[1] // self.groups)
        filled = functional.pad(word, (0, each * self.groups - word.shape[1]))
        return filled.reshape(-1, each, self.groups).transpose(1, 2)

    def _joined(self, groups: Tensor, width: int) -> Tensor:
        """The inverse: (b, g, w / g rounded up) -> (b, w)."""
        return groups.transpose(1, 2).flatten(1)[:, :width]


def _perceptron(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))


def _squashed(logits: Tensor) -> Tensor:
    wide = logits if logits.dtype == torch.float64 else logits.float()
    mean = wide.abs().mean(1, keepdim=True)
    return ((SHARPNESS * wide / torch.where(mean == 0, 1, mean)).tanh() / math.tanh(SHARPNESS)).float()
