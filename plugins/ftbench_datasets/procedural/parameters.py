"""Parameters of ``procedural-faces``; light enough for listing."""

from __future__ import annotations

from pydantic import Field

import ftbench


class ProceduralFacesParameters(ftbench.Parameters):
    """How many people, how many pictures of each, and which draw of them."""

    identities: int = Field(default=2, ge=1, le=100_000, description="people shown")
    images_per_identity: int = Field(default=300, ge=1, le=1_000_000, description="pictures of each person")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="another seed is another set of people")
