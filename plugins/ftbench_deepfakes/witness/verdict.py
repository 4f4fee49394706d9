"""What a witness found."""

from __future__ import annotations

from dataclasses import dataclass

from ftbench.statistics.estimates import Estimate, wilson

NEEDED = 0.8
"""Share of held-out faces on which the effect must be confirmed for a simulator to count."""


@dataclass(frozen=True)
class Verdict:
    """How often a classifier trained apart from a simulator confirmed its effect. Raises ValueError for no counts."""

    simulator: str
    """The label in the tables."""
    effect: str
    """What was confirmed, in one sentence."""
    n: int
    """Fakes of held-out covers that were looked at, one a cover."""
    confirmed: int
    """Those of them that show the effect."""
    witness_accuracy: float
    """Share of real held-out pictures that the witness judges rightly, 0 to 1."""
    chance: float
    """Share that the same measure would confirm if each fake were its unchanged cover, 0 to 1."""
    note: str = ""
    """What a reader must know beside the numbers."""

    def __post_init__(self) -> None:
        if not 0 <= self.confirmed <= self.n or self.n < 1:
            raise ValueError(f"{self.confirmed} confirmed of {self.n} fakes are no count")
        for label in ("witness_accuracy", "chance"):
            if not 0 <= getattr(self, label) <= 1:
                raise ValueError(f"{label} is {getattr(self, label)}, and a share lies within 0 and 1")

    @property
    def confirmed_share(self) -> Estimate:
        """The share confirmed, with Wilson's interval at 95 %."""
        return wilson(self.confirmed, self.n)

    @property
    def holds(self) -> bool:
        """Whether the simulator counts: confirmed on at least ``NEEDED`` of the fakes."""
        return self.confirmed >= NEEDED * self.n
