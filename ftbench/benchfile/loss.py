"""What a benchmark file says of what a pair is trained for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ftbench.benchfile.reference import Section


class Loss(Section):
    """What a pair is trained for: readings against image quality, by weights or at a quality held exactly.

    With ``target_psnr`` or ``target_flip`` every residual is scaled so that the marked image has that PSNR, or that
    mean FLIP, to the cover; the message is learned at the curriculum's ``start_psnr`` or ``start_flip`` first. There
    is then no squared image error to weigh.
    """

    message: float = Field(1.0, ge=0, description="λ, weight of the binary cross-entropy of every reading")
    image: float | None = Field(
        None, ge=0, description="α, weight of the squared error of the marked image; default: 0.1 without a target"
    )
    target_psnr: float | None = Field(
        None, ge=10, le=60, description="dB that every marked image is held at, in training and in evaluation"
    )
    target_flip: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="mean FLIP that every marked image is held at instead, in training and in evaluation: equally "
        "visible, where a PSNR is equally far in squared levels",
    )
    structure: float = Field(0.0, ge=0, description="weight of 1 − SSIM of the marked image, a perceptual term")
    most_colour: float | None = Field(
        None,
        ge=0,
        description="mean colour difference, ΔE of CIE94, that a marked image may have; what is above it is added to "
        "the loss. A PSNR alone does not see tints",
    )
    specific: float = Field(
        0.0,
        ge=0,
        description="weight of how like a residual is to the mean of others with the same code (train.same_code), so "
        "that no average of an owner's pictures takes the mark off another",
    )
    adversarial: float = Field(
        0.0, ge=0, description="weight of a PatchGAN's verdict on the marked image, in units of the message term"
    )
    steps: int | None = Field(None, ge=1, description="steps of this setting; default: train.steps")
    ramp: float | None = Field(
        None, ge=0, le=1, description="ramp of this setting, a share of its steps; default: train.curriculum.ramp"
    )
    same_code: float | None = Field(
        None, ge=0, le=1, description="same_code of this setting, a share of its steps; default: train.same_code"
    )
    reduction: Literal["sum", "mean"] = Field(
        "sum", description="sum: over pixels and over bits of an image; mean: over them"
    )
    stated_at: int = Field(
        64,
        ge=8,
        description="side of the image, in pixels, that a summed α is meant for; at another side it is scaled "
        "so that it weighs the mean squared error of a pixel alike",
    )

    @model_validator(mode="after")
    def _one_rule_for_quality(self) -> Loss:
        if self.target_psnr is not None and self.target_flip is not None:
            raise ValueError("target_psnr and target_flip each hold the marked image; leave one out")
        if self.held and self.image:
            by = "target_psnr" if self.target_flip is None else "target_flip"
            raise ValueError(f"{by} holds the image error fixed, so image has nothing to weigh; leave one out")
        return self

    @property
    def held(self) -> bool:
        """Whether marked images are held at a quality."""
        return self.target_psnr is not None or self.target_flip is not None

    @property
    def quality(self) -> str:
        """What marked images are held at, as labels say it: ``38 dB``, ``FLIP 0.06`` or nothing."""
        if self.target_flip is not None:
            return f"FLIP {self.target_flip:g}"
        return "" if self.target_psnr is None else f"{self.target_psnr:g} dB"

    @property
    def limits_colour(self) -> bool:
        """Whether marked images may have no more than some colour difference."""
        return self.most_colour is not None

    def as_held(self) -> Loss:
        """What is left of it where nothing learns."""
        return Loss(target_psnr=self.target_psnr, target_flip=self.target_flip)

    @property
    def alpha(self) -> float:
        """α in force."""
        if self.image is None:
            return 0.0 if self.held else 0.1
        return self.image

    def image_weight(self) -> float:
        """The weight of the *mean* squared error of an image, in units of one summed message term."""
        return self.alpha * 3 * self.stated_at**2 if self.reduction == "sum" else self.alpha

    def message_weight(self, bits: int) -> float:
        """The weight of the *mean* binary cross-entropy over an image's bits, for each reading."""
        return self.message * bits if self.reduction == "sum" else self.message
