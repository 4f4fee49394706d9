"""What docs/deepfakes.md quotes: which deepfakes are what they say."""

from __future__ import annotations

from collections.abc import Iterator

from tests.quoted.kept import table


def quotes() -> Iterator[str]:
    """Every row of the table of confirmed deepfakes."""
    for one in table("field/many_identities-small", "confirmed"):
        share, low, high, chance, right = (
            f"{100 * float(one[key]):.1f}" for key in ("share", "low", "high", "chance", "witness_accuracy")
        )
        yield f"| `{one['simulator']}` | {share} [{low}, {high}] | {chance} | {right} |"
