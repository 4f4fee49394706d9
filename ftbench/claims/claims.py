"""A claims file: what results are expected to show, said before the run that is judged by it.

``ftbench.claims.judge`` holds the claims against a results folder; docs/claims.md explains the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from ftbench.benchfile.document import Document, KeyPath, dotted, read
from ftbench.benchfile.explain import explain
from ftbench.benchfile.reference import Section
from ftbench.benchfile.schema import NamePattern
from ftbench.errors import BadInput, nearest

QUANTITIES = {
    "bit accuracy": "raw_bit_accuracy",
    "word accuracy": "raw_word_accuracy",
    "payload bit accuracy": "payload_bit_accuracy",
    "payload word accuracy": "payload_word_accuracy",
}
"""As a claim writes them -> the end of their name in ``tables/main.csv``. Payload: after the channel code."""
VIEWS = ("marked", "swapped", "unmarked")
SOURCES = Literal["paper", "re-implementation", "goal", "protocol"]

_ACCURACY = re.compile(rf"(?:(?P<view>{'|'.join(VIEWS)}) )?(?P<what>{'|'.join(QUANTITIES)})(?: after (?P<fake>.+))?")
_METRIC = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Measure:
    """What a claim is about: bits or words read from a view of the image, or a metric of the marked image."""

    text: str
    view: str = ""
    """One of VIEWS, or the name of a deepfake; empty for a metric."""
    quantity: str = ""
    """The end of its name in ``tables/main.csv``; empty for a metric."""
    metric: str = ""

    @property
    def is_rate(self) -> bool:
        """Whether claims state it in per cent, and differences of it in points."""
        return not self.metric


def measure(text: str) -> Measure:
    """``"marked bit accuracy"``, ``"payload word accuracy after faceswap"``, ``"psnr"``. Raises ValueError."""
    plain = " ".join(text.split())
    found = _ACCURACY.fullmatch(plain)
    if found and bool(found["view"]) != bool(found["fake"]):
        return Measure(plain, found["view"] or found["fake"], QUANTITIES[found["what"]])
    if _METRIC.fullmatch(plain.lower()):
        return Measure(plain, metric=plain.lower())
    known = [f"{view} {what}" for view in VIEWS for what in QUANTITIES]
    meant = nearest(plain, known, count=1)
    hint = f"did you mean {meant[0]!r}?" if meant else "write such as 'swapped bit accuracy' or a metric's name"
    raise ValueError(
        f"{text!r} is no measure; {hint} (bit, word, payload bit or payload word accuracy: marked, swapped or "
        "unmarked before it, or after it 'after' and a deepfake's name)"
    )


def _measurable(text: str) -> str:
    measure(text)
    return text


Value = str | int | float
Selection = dict[str, Value | list[Value]]
Pick = str | Selection
"""A selection of settings by their columns, or the name of one under ``settings``."""
Name = Annotated[str, Field(pattern=NamePattern, max_length=80)]
MeasureText = Annotated[str, AfterValidator(_measurable)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Ordering(Section):
    """One setting above another, paired over images, the whole interval above the margin, in every seed."""

    higher: Pick = Field(description="the setting that is higher")
    lower: Pick = Field(description="the setting that is lower")
    measure: MeasureText = Field(description="of what")
    by_at_least: float = Field(0.0, ge=0, allow_inf_nan=False, description="points of a rate, units of a metric")


class Limits(Section):
    """What a value, a mean over seeds where there are several, must lie within."""

    at_least: float | None = Field(None, allow_inf_nan=False)
    at_most: float | None = Field(None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _some(self) -> Limits:
        if self.at_least is None and self.at_most is None:
            raise ValueError("no limit is given; add at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least:g} is above at_most {self.at_most:g}")
        return self


class Bound(Limits):
    """A measure within limits, in every setting that the selection finds."""

    of: Pick = Field(description="the settings")
    measure: MeasureText = Field(description="of what; a rate in per cent")

    @model_validator(mode="after")
    def _in_per_cent(self) -> Bound:
        if measure(self.measure).is_rate:
            for limit in (self.at_least, self.at_most):
                if limit is not None and (limit > 100 or limit < 0 or 0 < limit <= 1):
                    raise ValueError(f"a rate is written in per cent, 0 to 100, and {limit:g} is hardly meant so")
        return self


class Difference(Limits):
    """One measure minus another of the same setting, within limits."""

    of: Pick = Field(description="the settings")
    measure: MeasureText = Field(description="what is subtracted from")
    minus: MeasureText = Field(description="what is subtracted; limits are in points of a rate")

    @model_validator(mode="after")
    def _rates(self) -> Difference:
        for text in (self.measure, self.minus):
            if not measure(text).is_rate:
                raise ValueError(f"only accuracies are subtracted from one another, and {text!r} is none")
        return self


class Claim(Section):
    """One sentence that results can bear out or not."""

    name: Name
    says: Words = Field(description="the claim, in one sentence")
    source: SOURCES = Field(description="who says so: paper, re-implementation, goal (of this project), protocol")
    found: Words = Field(description="what the source says, in our own words")
    scales: Annotated[list[str], Field(min_length=1)] | None = Field(None, description="scales meant; default: all")
    data: Annotated[list[str], Field(min_length=1)] | None = Field(None, description="data sets meant; default: all")
    when: Selection = Field(default_factory=dict, description="columns that every selection of the claim has too")
    ordering: Ordering | None = None
    bound: Bound | None = None
    difference: Difference | None = None

    @model_validator(mode="after")
    def _one_check(self) -> Claim:
        given = [name for name in ("ordering", "bound", "difference") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a claim has one of ordering, bound and difference, and this has {len(given)}")
        return self

    @property
    def check(self) -> Ordering | Bound | Difference:
        """The one that is given."""
        found = self.ordering or self.bound or self.difference
        assert found is not None
        return found

    def picks(self) -> Iterator[tuple[KeyPath, Pick]]:
        """Every selection of the check, with its place within the claim."""
        for kind in ("ordering", "bound", "difference"):
            for key in ("higher", "lower", "of"):
                pick = getattr(getattr(self, kind), key, None)
                if pick is not None:
                    yield (kind, key), pick


class Claims(Section):
    """A claims file."""

    benchmark: Annotated[str, Field(pattern=NamePattern)] = Field(description="whose results are judged")
    settings: dict[Name, Selection] = Field(default_factory=dict, description="selections by name")
    claims: Annotated[list[Claim], Field(min_length=1)]

    def selection(self, claim: Claim, pick: Pick) -> Selection:
        """A selection in full: the named one's columns, and the claim's ``when``."""
        return {**claim.when, **(self.settings[pick] if isinstance(pick, str) else pick)}


def load(path: Path) -> Claims:
    """Read a claims file; raises BadInput with file, line and key of whatever is wrong with it."""
    document = read(path)
    try:
        claims = Claims.model_validate(document.data)
    except ValidationError as error:
        raise BadInput(explain(error, document, Claims)) from error
    problems = list(_problems(claims, document))
    if problems:
        raise BadInput("\n".join(problems))
    return claims


def _problems(claims: Claims, document: Document) -> Iterator[str]:
    first: dict[str, int] = {}
    for index, claim in enumerate(claims.claims):
        at: KeyPath = ("claims", index)
        if claim.name in first:
            place = document.place((*at, "name"))
            yield f"{place}: the claim {claim.name} stands twice, first on line {first[claim.name]}; rename one"
        first.setdefault(claim.name, document.place((*at, "name")).line)
        for where, pick in claim.picks():
            if isinstance(pick, str) and pick not in claims.settings:
                meant = nearest(pick, claims.settings, count=1)
                hint = f"did you mean {meant[0]}?" if meant else f"named are: {', '.join(claims.settings) or 'none'}"
                path = (*at, *where)
                yield f"{document.place(path)}: {dotted(path)} names no setting {pick!r}; {hint}"
