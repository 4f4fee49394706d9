"""How the images of one cell look, image by image: what several tables show, worked out once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from ftbench.report.sample import Sample

MARKED_IMAGES = "marked"


@dataclass(frozen=True)
class Looks:
    """Quality rows of one cell."""

    rows: pd.DataFrame
    """As ``CellResult.quality``."""
    _found: dict[tuple[str, str, str | None], Sample | None] = field(default_factory=dict, repr=False)

    def sample(self, metric: str, of: str = MARKED_IMAGES, who: str | None = None) -> Sample | None:
        """A metric's value for each image, of one person or of all; None where nothing was measured."""
        key = metric, of, who
        if key not in self._found:
            rows = self._of.get(of)
            if rows is not None and who is not None:
                rows = rows[rows["identity"].astype(str) == who]
            self._found[key] = None if rows is None else quality_sample(rows, metric)
        return self._found[key]

    @cached_property
    def _of(self) -> dict[str, pd.DataFrame]:
        if self.rows.empty:
            return {}
        names = self.rows["of"].unique()
        if len(names) == 1:
            return {str(names[0]): self.rows}
        return {str(name): self.rows[self.rows["of"] == name] for name in names}


def quality_sample(rows: pd.DataFrame, metric: str) -> Sample | None:
    """A metric's value for each image, the mean of its finite draws."""
    if rows.empty or metric not in rows.columns:
        return None
    place, images = pd.factorize(rows["image"], sort=True)
    values = rows[metric].to_numpy(dtype=float)
    finite = np.isfinite(values)
    number = np.bincount(place[finite], minlength=len(images))
    total = np.bincount(place[finite], weights=values[finite], minlength=len(images))
    with np.errstate(invalid="ignore"):
        means = total / number
    draws = np.bincount(place, weights=np.square(rows["draw"].to_numpy(dtype=float) + 2), minlength=len(images))
    read = hash(tuple(images)), draws.tobytes()
    partial = number < np.bincount(place, minlength=len(images))
    return Sample(
        means[None],
        None,
        (read,),
        identical=int(np.isposinf(values).sum()),
        missing=int(np.isnan(values).sum()),
        partial=partial[None],
    )
