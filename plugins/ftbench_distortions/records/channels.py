"""Channels: what several changes in a row do on the way from a sender to a viewer."""

from __future__ import annotations

from pydantic import Field

import ftbench


class SocialNetworkParameters(ftbench.Parameters):
    """Parameters of ``social-network``."""

    quality: int = Field(80, ge=1, le=100, description="libjpeg's quality of the stored file; lower is harsher")
    scale: float = Field(0.75, gt=0, le=1, description="side of the stored file over that of the image, without side")
    side: int = Field(
        0, ge=0, le=8192, description="longest side of a stored file in pixels, smaller images stay; 0: by scale"
    )
    thumbnail: float = Field(
        0.75, gt=0, le=1, description="side of the thumbnail over that of the stored file; 1: the file is shown itself"
    )
    webp: int = Field(75, ge=0, le=100, description="libwebp's quality of what is shown")


class ScreenshotParameters(ftbench.Parameters):
    """Parameters of ``screenshot``."""

    scale: float = Field(0.8, ge=0.1, le=4, description="side of the shown picture over that of the image")
    border: float = Field(
        0.15, ge=0, le=1, description="most of the screen seen beyond each side, share of the shown picture; 0: none"
    )
    quality: int = Field(80, ge=1, le=100, description="libjpeg's quality of the screenshot; lower is harsher")


RECORDS = (
    ftbench.Distortion(
        name="social-network",
        factory="ftbench_distortions.channels:SocialNetwork",
        summary="A content network's chain: made smaller, stored as JPEG, shown as a WebP thumbnail",
        parameters=SocialNetworkParameters,
        differentiable=True,
        category="chain",
        strength="quality",
        reference="after Wu et al., Robust Image Forgery Detection over Online Social Network Shared Images, CVPR 2022",
    ),
    ftbench.Distortion(
        name="screenshot",
        factory="ftbench_distortions.channels:Screenshot",
        summary="Shown at another scale with some of the screen around it, and stored as JPEG",
        parameters=ScreenshotParameters,
        differentiable=True,
        category="chain",
        strength="border",
    ),
)
