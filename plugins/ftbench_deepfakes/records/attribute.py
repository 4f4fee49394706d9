"""Deepfakes by editing of an attribute."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import ftbench


class EditAttributeParameters(ftbench.Parameters):
    """Parameters of ``edit-attribute``."""

    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every convolution")
    attribute: Literal["hair", "skin", "light"] = Field(
        "hair", description="what changes: how light the hair or the skin is, or which side the light comes from"
    )
    towards: Literal["other", "more", "less"] = Field(
        "other",
        description="other: from where a picture is to the other end; more: lighter, or light from the left; less: "
        "darker, or from the right",
    )
    amount: float = Field(1.0, ge=0, le=1.2, description="share of the way to a usual picture of that end; 0 none")
    seed: int = Field(0, ge=0, description="another training of the same network: black-box tests")
    trained_on: Literal["train", "reserve"] = Field(
        "train", description="whose photos it is fitted on; reserve: people set aside by dataset.reserve"
    )


class EditAttributeGridParameters(EditAttributeParameters):
    """Parameters of ``edit-attribute-2``."""

    cells: int = Field(8, ge=4, le=64, description="cells along the side of the grid of colour transforms")


RECORDS: tuple[ftbench.Simulator, ...] = (
    ftbench.Simulator(
        name="edit-attribute",
        factory="ftbench_deepfakes.edit_attribute:EditAttribute",
        objection="ftbench_deepfakes.objections:object_to_edit",
        summary="attribute editing: lighter or darker hair or skin, or light from the other side, by a masked U-Net",
        parameters=EditAttributeParameters,
        differentiable=True,
        trainable=True,
        reference="Choi et al., StarGAN, CVPR 2018; Pumarola et al., GANimation, ECCV 2018",
    ),
    ftbench.Simulator(
        name="edit-attribute-2",
        factory="ftbench_deepfakes.edit_attribute_grid:EditAttributeGrid",
        objection="ftbench_deepfakes.objections:object_to_grid",
        summary="attribute editing by another architecture: a grid of colour transforms, looked up by place and tone",
        parameters=EditAttributeGridParameters,
        differentiable=True,
        trainable=True,
        reference="Gharbi et al., SIGGRAPH 2017",
    ),
)
