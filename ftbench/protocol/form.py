"""What a robustness credential says, as a schema: ``docs/credential.schema.json`` is made of it."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FORM = 1
SCHEMA = f"urn:ftbench:credential:{FORM}"
Rate = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(_Part):
    """A value with its interval at 95 % over images, and over seeds where there are several."""

    value: float
    low: float | None = Field(description="null: without an end")
    high: float | None = Field(description="null: without an end")
    n: int = Field(ge=1, description="images")


class Quality(Interval):
    """How marked images look, the mean over images."""

    metric: str
    unit: str
    higher_is_better: bool


class TruePositives(Interval):
    """The share of marked images that are found at one exact rate of false positives."""

    false_positive_rate: Rate = Field(description="exact: P(Bin(bits, 1/2) >= matches)")
    asked: Rate = Field(description="the rate that it is at most")
    matches: int = Field(ge=1, description="payload bits that have to match")


class Attack(_Part):
    """One attack, and what was found after it."""

    kind: str = Field(description="of the protocol; empty: the protocol does not ask for it")
    simulator: str = Field(description="a deepfake or another way to remake a picture; none: without one")
    simulator_parameters: dict[str, Any] = Field(description="its strength among them; empty: none, or not said")
    distortion: str = Field(description="what was done afterwards; identity: nothing")
    distortion_parameters: dict[str, float | str]
    found: list[TruePositives]


class Method(_Part):
    """What marked and read."""

    label: str
    settings: dict[str, str]
    seeds: list[str]
    cells: list[Sha256] = Field(description="one a seed: everything that its numbers hang on, as a digest")


class Payload(_Part):
    """What an image carries."""

    bits: int = Field(ge=1)
    code_bits: int = Field(ge=1)
    floor: Rate = Field(description="2^-bits: the lowest rate of false positives that can be reached")


class Data(_Part):
    """The test images."""

    name: str
    digest: str
    size: int = Field(ge=1, description="pixels along a side")
    images: int = Field(ge=0)
    draws: int = Field(ge=0, description="payloads that each was marked with")
    people_held_out: int | None = Field(description="people whom they show and no training saw; null: not said")


class Standing(_Part):
    """How the method stands to the protocol."""

    version: int = Field(ge=1)
    state: Literal["ranked", "provisional", "outside"]
    lacks: list[str]
    score: Interval | None = Field(description="what a leaderboard ranks by; null where an attack is missing")


class Code(_Part):
    """What measured it."""

    ftbench: str
    commit: str


class Evidence(_Part):
    """What its numbers were made from."""

    manifest: Sha256 = Field(description="the digest that manifest.json gives itself")
    files: dict[str, Sha256] = Field(description="file within the results folder -> SHA-256 of its bytes")


class Signature(_Part):
    """By whom: over everything but this."""

    algorithm: Literal["Ed25519"] = "Ed25519"
    canonical: Literal["RFC 8785"] = "RFC 8785"
    public_key: str = Field(description="32 bytes, base64")
    value: str = Field(description="64 bytes, base64")


class Credential(_Part):
    """A robustness credential of one marking method."""

    type: Literal["ftbench robustness credential"] = "ftbench robustness credential"
    form: Literal[1] = 1
    issued: str = Field(description="UTC, ISO 8601")
    protocol: Standing
    method: Method
    payload: Payload
    data: Data
    quality: list[Quality]
    attacks: list[Attack]
    code: Code
    evidence: Evidence
    digest: Sha256 | Literal[""] = Field("", description="SHA-256 of all but this and the signature, by RFC 8785")
    signature: Signature | None = None


def schema_text() -> str:
    """The JSON schema, as the repository keeps it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **Credential.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
