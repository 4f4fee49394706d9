"""The benchmark that tests a pair under every recipe, and the files that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.recipes.nets import converter, enhancer, recogniser, swapper
from ftbench_exported.recipes import RECIPES, Vector

RECOGNISER, CONVERTER = "recogniser.onnx", "converter.onnx"
MET = "inswapper-128"
"""What the pair is trained against, straight through."""
DRAWN: dict[str, Any] = {"name": "procedural-faces", "identities": 12, "images_per_identity": 30}
NAME = "recipes"


def write_files(folder: Path) -> None:
    """A made-up network of each recipe's signature, a recogniser and a converter into ``folder``."""
    for name, one in RECIPES.items():
        (swapper if one.kind == "swap" else enhancer)(folder / f"{name}.onnx", name)
    recogniser(folder / RECOGNISER)
    converter(folder / CONVERTER)


def entry(recipe: str, **more: Any) -> dict[str, Any]:
    """What a benchmark file says to use a recipe with those files."""
    source = RECIPES[recipe].source
    given = {"name": "exported", "recipe": recipe, "model": f"{recipe}.onnx"}
    if isinstance(source, Vector):
        given["recogniser"] = RECOGNISER
        if source.converted:
            given["converter"] = CONVERTER
    return {**given, **more}


def tests(landmarks: bool) -> list[dict[str, Any]]:
    """Every recipe, and a chain of two as tools run them; with ``landmarks`` that one by each picture's own."""
    chain = entry(MET, enhance="gfpgan", enhancer="gfpgan.onnx")
    return [*map(entry, RECIPES), {**chain, "framing": "landmarks"} if landmarks else chain]


def benchmark(*, size: int, steps: int, images: int, landmarks: bool) -> dict[str, Any]:
    """A benchmark as its file says it: a small pair, trained against a recipe and tested under all.

    Args:
        size: pixels of a side; 96 is about the least that every template takes.
        steps: of the training.
        images: of the test split that are used.
        landmarks: whether the data know where eyes, nose and mouth are.
    """
    return {
        "name": NAME,
        "title": "every recipe, with made-up networks of their signatures",
        "dataset": {**DRAWN, "size": size},
        "message": {"bits": 4},
        "matrix": {
            "encoder": {"name": "compact", "channels": 24, "blocks": 2, "attenuation": 0},
            "decoder": {"name": "compact", "channels": 24, "blocks": 2},
            "simulator": entry(MET),
            "loss": {"target_psnr": 32},
        },
        "train": {
            "steps": steps,
            "batch_size": 8,
            "ema": 0.98,
            "optimiser": {"learning_rate": 2e-3, "schedule": "stable-decay", "decay": 0.3},
            "curriculum": {"start_psnr": 16, "ramp": 0.6},
            "validate_every": max(steps // 4, 1),
        },
        "evaluate": {
            "simulators": ["none", *tests(landmarks)],
            "distortions": ["identity", {"name": "jpeg", "quality": 75}],
            "metrics": ["psnr"],
            "draws": 1,
            "limit": images,
        },
        "compute": {"device": "cpu", "threads": 1},
        "scales": {"small": {}},
    }
