"""Is the mark there, and whose is it? Exact tests of a payload that was read.

The payload of each image was drawn uniformly, apart from whatever is done to the image. So the matches of an unmarked
image's reading with it are binomial with p = ½ whatever the decoder, the attack and the code are, biased or not. That
is said of *payload* bits: of k of them there are 2^k, and no test on n code bits can be surer than 2^-k.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray


@lru_cache
def smallest_match(bits: int, fpr: float) -> int | None:
    """Smallest m with P(Bin(bits, ½) >= m) <= fpr, counted in whole numbers; None where 2^-bits > fpr.

    The threshold on matching bits at which an unmarked image is taken for a marked one with a chance of at
    most ``fpr``, whatever the decoder, because its payload was drawn uniformly. Raises ValueError unless
    bits >= 1 and 0 < fpr <= 1.

    >>> smallest_match(30, 1e-6)
    28
    >>> smallest_match(15, 1e-6) is None  # 2^-15 is more than one in a million
    True
    """
    if bits < 1 or not 0 < fpr <= 1:
        raise ValueError(f"{bits} bits at a false-positive rate of {fpr} have no threshold")
    allowed = Fraction(fpr) * 2**bits
    tail = 0
    for matches in range(bits, -1, -1):
        tail += math.comb(bits, matches)
        if tail > allowed:
            return None if matches == bits else matches + 1
    return 0


def p_value(matches: ArrayLike, bits: int, registered: int = 1) -> NDArray[np.float64]:
    """min(1, M · P(Bin(bits, ½) >= matches)) for each number of matching bits, any shape.

    ``registered`` is M, the payloads that the read one was compared with (Bonferroni's bound). Raises
    ValueError when a number is outside 0..bits or M is below 1.
    """
    found = np.asarray(matches)
    if bits < 1 or registered < 1 or (found < 0).any() or (found > bits).any():
        raise ValueError(f"matches must be within 0..{bits} and registered payloads at least 1")
    tail: NDArray[np.float64] = np.minimum(1.0, registered * scipy.special.bdtrc(found - 1.0, bits, 0.5))
    return tail


@lru_cache(maxsize=64)
def weighted_tail(weights: tuple[int, ...]) -> NDArray[np.float64]:
    """P(W >= w) for w from 0 to the sum of ``weights``, where W is the weight of the bits that match by chance.

    An exact test of a reading whose decoder is surer of some bits than of others: the weights may be any function of
    the reading, since a payload that was drawn uniformly matches each bit with ½ whatever the reading is. Weights of 1
    give the binomial's tail, the ranks 1 to k that of Wilcoxon's signed-rank test (Biometrics Bulletin 1, 1945). Raises
    ValueError where there are none, or one is negative.

    >>> weighted_tail((1, 1)).tolist()
    [1.0, 0.75, 0.25]
    """
    if not weights or min(weights) < 0:
        raise ValueError("weights of bits are whole numbers, 0 or more, and at least one")
    chance = np.zeros(sum(weights) + 1)
    chance[0] = 1.0
    for weight in weights:
        matched = np.roll(chance, weight)
        chance = (chance + matched) / 2
    tail: NDArray[np.float64] = np.cumsum(chance[::-1])[::-1]
    tail.flags.writeable = False
    return tail


def capacity(bits: int, ber: float) -> float:
    """k · (1 - H₂(BER)): the payload bits that a perfect code could carry over a symmetric channel.

    Rises again above a BER of ½, where reading the bits inverted is better. Raises ValueError outside 0..1.
    """
    if bits < 1 or not 0 <= ber <= 1:
        raise ValueError(f"{bits} bits at a bit error rate of {ber} have no capacity")
    entropy = float(scipy.special.entr(ber) + scipy.special.entr(1 - ber)) / math.log(2)
    return bits * (1 - entropy)


def false_positive_rate(bits: int, matches: int) -> float:
    """P(Bin(bits, ½) >= matches), counted in whole numbers: the exact rate at this threshold.

    >>> false_positive_rate(8, 8) == 2**-8
    True
    """
    return float(Fraction(sum(math.comb(bits, m) for m in range(max(0, matches), bits + 1)), 2**bits))


def traced_share(matches: ArrayLike, bits: int, registered: int) -> NDArray[np.float64]:
    """At least how sure it is that the right one of M registered payloads is nearest, for each number of matching bits.

    max(0, 1 - (M-1) · P(Bin(bits, ½) >= matches)): each of the others, drawn uniformly, is as near by chance, and the
    union bound adds their chances up; one that is as near counts against it. Raises ValueError as ``p_value`` does.
    """
    if registered == 1:
        return np.ones(np.shape(matches))
    share: NDArray[np.float64] = 1.0 - p_value(matches, bits, registered - 1)
    return share
