"""Public face networks as their own tools run them: what they take, what they give, where that stands.

Facts were read in public code, named under ``code``; no file of these networks was at hand, so none was run. Names of
inputs are those of the files that FaceFusion publishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_FACEFUSION = "facefusion/facefusion: facefusion/processors/modules"
_SWAPPER, _ENHANCER = f"{_FACEFUSION}/face_swapper/core.py", f"{_FACEFUSION}/face_enhancer/core.py"
LENGTH = 512
"""Numbers of a face's vector, of every recogniser here."""


@dataclass(frozen=True)
class Vector:
    """The donor's face as a recogniser's vector, row by row."""

    input: str = "source"
    unit: bool = True
    """Its length is brought to 1."""
    matrix: bool = False
    """Multiplied with the last weights of the swapper's own file, and brought to length 1 again."""
    converted: bool = False
    """Made for another recogniser: a converter's file may translate."""


@dataclass(frozen=True)
class Picture:
    """The donor's face as a picture."""

    template: str
    side: int
    input: str = "source"
    range: str = "unit"


@dataclass(frozen=True)
class Recipe:
    """How one family of files is used."""

    kind: Literal["swap", "enhance"]
    template: str
    side: int
    takes: str
    """Range of the values that go in, as ``input_range``."""
    gives: str
    published: str
    code: str
    """Where the facts stand."""
    licence: str
    """Of the weights, as their publishers state it."""
    input: str = "target"
    source: Vector | Picture | None = None
    constants: Mapping[str, float] = field(default_factory=dict)
    unsure: str = ""
    """What the code does not tell, and nobody verified."""

    def parameters(self) -> dict[str, Any]:
        """What the recipe says of the parameters of ``exported``."""
        return {
            "align": self.template,
            "resize_to": self.side,
            "input_range": self.takes,
            "output_range": self.gives,
        }


def _enhancer(template: str, side: int, published: str, licence: str, **more: Any) -> Recipe:
    return Recipe("enhance", template, side, "signed", "signed", published, _ENHANCER, licence, input="input", **more)


RECIPES: dict[str, Recipe] = {
    "inswapper-128": Recipe(
        *("swap", "arcface-128", 128, "unit", "unit", "deepinsight/insightface"),
        code="deepinsight/insightface: python-package/insightface/model_zoo/inswapper.py",
        licence="non-commercial research",
        source=Vector(matrix=True),
    ),
    "simswap-256": Recipe(
        *("swap", "arcface-112-v1", 256, "imagenet", "unit", "neuralchen/SimSwap"),
        code=_SWAPPER,
        licence="non-commercial",
        source=Vector(converted=True),
    ),
    "simswap-512": Recipe(
        *("swap", "arcface-112-v1", 512, "unit", "unit", "neuralchen/SimSwap, the unofficial weights of 512 px"),
        code=_SWAPPER,
        licence="non-commercial",
        source=Vector(converted=True),
    ),
    "ghost-256": Recipe(
        *("swap", "arcface-112-v1", 256, "signed", "signed", "ai-forever/ghost, three sizes"),
        code=_SWAPPER,
        licence="Apache-2.0",
        source=Vector(unit=False, converted=True),
    ),
    "hififace-256": Recipe(
        *("swap", "mtcnn-512", 256, "signed", "signed", "GuijiAI, unofficial weights"),
        code=_SWAPPER,
        licence="unknown",
        source=Vector(converted=True),
        unsure="whether the file gives a mask beside the picture; name it under mask_output",
    ),
    "hyperswap-256": Recipe(
        *("swap", "arcface-128", 256, "signed", "signed", "facefusion/facefusion, three of them"),
        code=_SWAPPER,
        licence="ResearchRAIL",
        source=Vector(),
        unsure="whether the file gives a mask beside the picture; name it under mask_output",
    ),
    "uniface-256": Recipe(
        *("swap", "ffhq-512", 256, "signed", "signed", "xc-csc101/UniFace"),
        code=_SWAPPER,
        licence="unknown",
        source=Picture("ffhq-512", 256),
    ),
    "blendswap-256": Recipe(
        *("swap", "ffhq-512", 256, "unit", "unit", "mapooon/BlendFace"),
        code=_SWAPPER,
        licence="non-commercial",
        source=Picture("arcface-112", 112),
    ),
    "gfpgan": _enhancer("ffhq-512", 512, "TencentARC/GFPGAN, 1.2 to 1.4", "Apache-2.0"),
    "gpen-256": _enhancer("arcface-128", 256, "yangxy/GPEN", "non-commercial"),
    "gpen-512": _enhancer("ffhq-512", 512, "yangxy/GPEN", "non-commercial"),
    "restoreformer": _enhancer("ffhq-512", 512, "wzhouxiff/RestoreFormerPlusPlus", "Apache-2.0"),
    "codeformer": _enhancer("ffhq-512", 512, "sczhou/CodeFormer", "S-Lab-1.0", constants={"weight": 0.5}),
}


def listing() -> list[dict[str, str]]:
    """A row a recipe: what ``ftbench recipes`` prints."""
    return [
        {
            "recipe": name,
            "kind": one.kind,
            "template": one.template,
            "side": f"{one.side} px",
            "takes": one.takes,
            "gives": one.gives,
            "source": _said(one.source),
            "licence": one.licence,
            "published by": one.published,
            "facts from": one.code,
            "not verified": one.unsure or "that a file gives what its tool gives",
        }
        for name, one in RECIPES.items()
    ]


def _said(source: Vector | Picture | None) -> str:
    if source is None:
        return ""
    if isinstance(source, Picture):
        return f"picture, {source.template} at {source.side} px, {source.range}"
    words = ["vector", "of length 1" if source.unit else "as it is"]
    words += ["times the file's matrix"] * source.matrix + ["through a converter"] * source.converted
    return ", ".join(words)
