"""The repetition code, of which no code at all is the case of a single copy."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ftbench_codecs.tensors import require_logits, require_payload


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """The payload of ``bits`` bits written ``times`` times over: bit i stands at i, i + k, i + 2k, …

    The copies of one bit lie k apart, because decoders misread neighbours together: a burst of up to k code
    bits then costs every bit one copy at most.
    """

    bits: int
    times: int

    def encode(self, payload: Tensor) -> Tensor:
        """Payload (b, k) of {0,1} -> code (b, k · times). Raises ValueError on another shape or other values."""
        require_payload(payload, self.bits, self._name)
        return payload.repeat(1, self.times)

    def decode(self, logits: Tensor) -> Tensor:
        """Read logits (b, k · times) -> payload (b, k) of {0,1}.

        The sign of the summed logits: the most likely payload when the reads are independent and the
        logits are log-odds, up to scale. With hard ±1 logits it is the majority. A sum of exactly 0 reads
        as 0, so a uniform payload loses half of its ties. Raises ValueError on another shape and on logits
        that are not finite.
        """
        require_logits(logits, self.bits * self.times, self._name)
        return (logits.reshape(-1, self.times, self.bits).sum(1) > 0).float()

    @property
    def _name(self) -> str:
        return f"code of {self.bits} bits × {self.times}"


def bare(*, bits: int) -> Repetition:
    """No code: n = k, each bit read by the sign of its logit."""
    return Repetition(bits=bits, times=1)
