"""What an examination says: findings, notes, and why a part could not be examined."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One broken promise."""

    check: str
    """Which check found it, such as ``range``."""
    promised: str
    """What the contract or the record promises."""
    happened: str
    """What was seen instead, with numbers."""
    where: str
    """``file:line`` of the frame that raised inside the part's package, else of its factory."""

    def __str__(self) -> str:
        return f"{self.check}: promised {self.promised}; {self.happened} ({self.where})"


@dataclass(frozen=True)
class Report:
    """All that an examination of one part says."""

    part: str
    """``encoder unet-resnet18``."""
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    """What was left out or done otherwise, and why: no broken promises."""


class ContractBroken(AssertionError):
    """A part breaks promises; the text has one line a promise."""

    def __init__(self, report: Report) -> None:
        self.report = report
        lines = [f"{report.part} breaks {len(report.findings)} promise{'s' * (len(report.findings) != 1)}:"]
        super().__init__("\n  ".join([*lines, *map(str, report.findings)]))


class CannotExamine(ValueError):
    """The part cannot be built from these parameters, and is not at fault; the text says what to give."""
