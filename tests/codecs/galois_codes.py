"""galois's BCH codes: the independent reference."""

from __future__ import annotations

from functools import cache

import galois
import numpy as np
from torch import Tensor

from ftbench_codecs.bch import CORRECTS

LISTED = list(CORRECTS)


@cache
def reference(n: int, k: int) -> galois.BCH:
    # Compiling the field's arithmetic takes longer than doing without.
    modulus = galois.matlab_primitive_poly(2, n.bit_length())
    field = galois.GF(n + 1, irreducible_poly=modulus, compile="python-calculate")
    return galois.BCH(n, k, extension_field=field)


def bits(tensor: Tensor) -> np.ndarray:
    return tensor.numpy().astype(np.uint8)


def encoded(n: int, k: int, payload: Tensor) -> np.ndarray:
    return np.asarray(reference(n, k).encode(galois.GF2(bits(payload))))


def decoded(n: int, k: int, words: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Payloads, and errors put right in each word; -1: more than the algebra can."""
    payload, errors = reference(n, k).decode(galois.GF2(bits(words)), errors=True)
    return np.asarray(payload), np.asarray(errors)
