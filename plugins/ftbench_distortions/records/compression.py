"""What storing an image does to it."""

from __future__ import annotations

from pydantic import Field

import ftbench


class JpegParameters(ftbench.Parameters):
    """Parameters of ``jpeg`` and ``jpeg-simulated``."""

    quality: int = Field(50, ge=1, le=100, description="libjpeg's quality; lower is harsher")


class WebpParameters(ftbench.Parameters):
    """Parameters of ``webp``."""

    quality: int = Field(50, ge=0, le=100, description="libwebp's quality of lossy files; lower is harsher")


RECORDS = (
    ftbench.Distortion(
        name="identity",
        factory="ftbench_distortions.compression:Identity",
        summary="Nothing happens to the image",
        differentiable=True,
        category="none",
    ),
    ftbench.Distortion(
        name="jpeg",
        factory="ftbench_distortions.compression:Jpeg",
        summary="Saved as an 8-bit JPEG file (4:2:0) and read again",
        parameters=JpegParameters,
        differentiable=False,
        category="compression",
        strength="quality",
        reference="ITU-T T.81; libjpeg-turbo by way of Pillow",
    ),
    ftbench.Distortion(
        name="jpeg-simulated",
        factory="ftbench_distortions.compression:JpegSimulated",
        summary="JPEG (4:2:0) without a file: rounding by a cubic that has a slope, a training form of jpeg",
        parameters=JpegParameters,
        differentiable=True,
        category="compression",
        strength="quality",
        reference="Reich et al., WACV 2024, after Shin and Song, 2017; kornia.enhance.jpeg_codec_differentiable",
    ),
    ftbench.Distortion(
        name="webp",
        factory="ftbench_distortions.compression:Webp",
        summary="Saved as an 8-bit lossy WebP file and read again",
        parameters=WebpParameters,
        differentiable=False,
        category="compression",
        strength="quality",
        reference="RFC 9649; libwebp by way of Pillow",
    ),
)
