"""What every code asks of the tensors that it is given."""

from __future__ import annotations

from torch import Tensor


def require_payload(payload: Tensor, bits: int, code: str) -> None:
    """Raise ValueError unless the payload is (b, bits) of {0,1}; ``code`` names the code in the sentence."""
    _require_width(payload, "payload", bits, code)
    if not ((payload == 0) | (payload == 1)).all():
        raise ValueError(f"the payload given to a {code} holds something else than 0 and 1")


def require_logits(logits: Tensor, length: int, code: str) -> None:
    """Raise ValueError unless the logits are (b, length), all finite; ``code`` names the code in the sentence."""
    _require_width(logits, "logits", length, code)
    if not logits.isfinite().all():
        raise ValueError(f"the logits given to a {code} are not all finite: the decoder that read them has diverged")


def _require_width(given: Tensor, what: str, width: int, code: str) -> None:
    if given.ndim != 2 or given.shape[1] != width:
        raise ValueError(f"{what} of shape {tuple(given.shape)} given to a {code}: the shape must be (images, {width})")
