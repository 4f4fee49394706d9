"""The built-in data sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

import ftbench
from ftbench_datasets.procedural.parameters import ProceduralFacesParameters


class FolderParameters(ftbench.Parameters):
    """Where the images lie and what a split keeps together."""

    path: ftbench.InputPath = Field(
        description="the folder: a sub-folder for each identity, or one image for each person; an index.csv "
        "of path, identity, split goes before both"
    )
    split_by: Literal["image", "identity"] = Field(
        default="image", description="whether a split takes single images or all images of an identity"
    )
    minimum_pixels: int = Field(
        default=16, ge=1, description="images whose shorter side has fewer pixels are set aside"
    )
    landmarks: bool = Field(
        default=False,
        description="take eyes, nose and mouth from ten columns of index.csv; images without are set aside",
    )
    detector: ftbench.InputPath = Field(
        default="",
        description="YuNet's .onnx file, which finds the landmarks that index.csv does not give; images in which it "
        "sees no face, or several, are set aside",
    )

    @model_validator(mode="after")
    def _landmarks_are_wanted(self) -> FolderParameters:
        if self.detector and not self.landmarks:
            raise ValueError("a detector finds landmarks; write landmarks: true beside it, or leave it out")
        return self


@ftbench.hookimpl
def ftbench_datasets() -> Iterator[ftbench.Dataset]:
    """A folder of photographs, and faces that are drawn on the spot."""
    yield ftbench.Dataset(
        name="folder",
        factory="ftbench_datasets.folder:FolderSource",
        summary="Photographs in a folder, split by content, near-duplicates kept together",
        parameters=FolderParameters,
        objection="ftbench_datasets.layout:objection",
    )
    yield ftbench.Dataset(
        name="procedural-faces",
        factory="ftbench_datasets.procedural.source:ProceduralFaces",
        summary="Drawn faces of any number of people, free of rights and of downloads",
        parameters=ProceduralFacesParameters,
    )
