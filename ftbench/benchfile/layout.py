"""What a benchmark file says of its tables."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ftbench.benchfile.reference import Section


class ReportSection(Section):
    """How tables are laid out; no number hangs on it."""

    rows: Literal["attack", "method"] | None = Field(None, description="what stands below each other; default: attack")
    columns: Literal["attack", "method"] | None = Field(None, description="what stands side by side: the other")

    @model_validator(mode="after")
    def _both_ways(self) -> Self:
        if self.rows is not None and self.rows == self.columns:
            raise ValueError(f"rows and columns are both {self.rows}; one is attack and the other method")
        return self

    @property
    def methods_across(self) -> bool:
        """Whether methods are columns."""
        return self.columns == "method" if self.rows is None and self.columns else self.rows != "method"
