"""Which BCH codes there are, how one is shortened, and generators in plain integers: no torch here.

The codes are binary, primitive and narrow-sense (Hocquenghem 1959; Bose and Ray-Chaudhuri 1960): for n = 2^m − 1
and α a root of a primitive polynomial of GF(2^m), a codeword is a polynomial with the roots α, α², …, α^2t.
The primitive polynomials are the textbook's (Lin and Costello, *Error Control Coding*).

Words are written highest power first: bit 0 is the coefficient of x^(n−1), and a codeword is its payload followed
by n − k check bits.
"""

from __future__ import annotations

from dataclasses import dataclass

PRIMITIVE = {15: 0b10011, 31: 0b100101, 63: 0b1000011, 127: 0b10001001}
"""n -> the primitive polynomial; bit i is its coefficient of x^i."""

CORRECTS = {
    (15, 7): 2,
    (31, 16): 3,
    (31, 21): 2,
    (63, 16): 11,
    (63, 30): 6,
    (127, 15): 27,
    (127, 29): 21,
    (127, 64): 10,
}
"""(n, k) -> t, the number of misread bits that are always put right."""


@dataclass(frozen=True)
class Code:
    """A listed code (n, k) without the first ``dropped`` bits of its payload.

    Shortening: a payload of k − s bits is coded as if s zeros stood before it. Those zeros also open the codeword,
    so they need not be sent: n − s bits are, and the words of the shorter code lie no nearer to each other.
    """

    n: int
    k: int
    dropped: int = 0

    @property
    def length(self) -> int:
        """Bits sent: n − s."""
        return self.n - self.dropped

    @property
    def bits(self) -> int:
        """Bits of the payload: k − s."""
        return self.k - self.dropped

    @property
    def corrects(self) -> int:
        """t, the number of misread bits that are always put right."""
        return CORRECTS[self.n, self.k]

    @property
    def distance(self) -> int:
        """2t + 1: different words differ in at least so many bits."""
        return 2 * self.corrects + 1


def at_least_one(bits: int) -> int:
    """The same number. Raises ValueError below 1."""
    if bits < 1:
        raise ValueError(f"a payload of {bits} bits cannot be coded: give at least 1")
    return bits


def choose(bits: int, n: int) -> Code:
    """The smallest listed code of length ``n`` that holds ``bits``, shortened to them.

    Raises ValueError when ``bits`` is below 1 or no listed code of this length holds as much.
    """
    fitting = [k for length, k in CORRECTS if length == n and k >= at_least_one(bits)]
    if not fitting:
        codes = ", ".join(f"({length},{k})" for length, k in CORRECTS)
        raise ValueError(
            f"no BCH code of length {n} holds a payload of {bits} bits; as (length, payload) there are {codes}"
        )
    return Code(n, min(fitting), min(fitting) - bits)


def powers(n: int) -> list[int]:
    """α⁰ … α^(n−1) in GF(n + 1), each as an integer whose bit i is the coefficient of x^i."""
    found = [1]
    while len(found) < n:
        found.append(_remainder(found[-1] << 1, PRIMITIVE[n]))
    return found


def generator_polynomial(code: Code) -> int:
    """The product of the different minimal polynomials of α … α^2t; bit i is the coefficient of x^i."""
    product = 1
    # An even power is the conjugate of a lower one, and has its minimal polynomial.
    for coset in {_coset(i, code.n) for i in range(1, 2 * code.corrects, 2)}:
        minimal = _minimal_polynomial(coset, code.n)
        shifted = [product << i for i in range(minimal.bit_length()) if minimal >> i & 1]
        product = 0
        for term in shifted:
            product ^= term
    return product


def generator_rows(code: Code) -> list[list[int]]:
    """The generator matrix [I P] of the shortened code: ``bits`` rows of ``length`` zeros and ones.

    Row i is the codeword of the payload that has bit i alone.
    """
    polynomial = generator_polynomial(code)
    rows = [1 << i for i in reversed(range(code.length - code.bits, code.length))]
    rows = [row ^ _remainder(row, polynomial) for row in rows]
    return [[row >> i & 1 for i in reversed(range(code.length))] for row in rows]


def _remainder(dividend: int, divisor: int) -> int:
    while dividend.bit_length() >= divisor.bit_length():
        dividend ^= divisor << dividend.bit_length() - divisor.bit_length()
    return dividend


def _coset(exponent: int, n: int) -> frozenset[int]:
    """The exponents of the conjugates of α^exponent."""
    return frozenset(exponent * 2**i % n for i in range(n.bit_length()))


def _minimal_polynomial(coset: frozenset[int], n: int) -> int:
    """∏ (x + α^e) over the coset, whose coefficients are 0 and 1; bit i is that of x^i."""
    power = powers(n)
    logarithm = {element: exponent for exponent, element in enumerate(power)}
    product = [1]
    for root in coset:
        scaled = [power[(logarithm[c] + root) % n] if c else 0 for c in product]
        product = [high ^ low for high, low in zip([0, *product], [*scaled, 0], strict=True)]
    return sum(coefficient << i for i, coefficient in enumerate(product))
