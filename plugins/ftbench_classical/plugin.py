"""Methods without training: records and parameters only, nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

import ftbench

LIBRARY = "the invisible-watermark library, https://github.com/ShieldMnt/invisible-watermark"
RIVAGAN = (
    f"Zhang, Xu, Cuesta-Infante, Veeramachaneni, Robust Invisible Video Watermarking with Attention, 2019; by {LIBRARY}"
)
# The library, and the weights that lie in its wheel without terms of their own, are MIT; so is RivaGAN's own code.
LICENCE = "MIT"


class WaveletParameters(ftbench.Parameters):
    """Parameters of ``dwt-dct`` and ``dwt-dct-svd``; encoder and decoder must be given the same."""

    scale: float = Field(
        36.0,
        ge=4,
        le=255,
        description="step of the quantiser, in levels of the U plane's wavelet band (0 to 510); the decoder's must "
        "be the encoder's",
    )


@ftbench.hookimpl
def ftbench_encoders() -> Iterator[ftbench.Encoder]:
    """Yield the three that write."""
    yield ftbench.Encoder(
        name="dwt-dct",
        factory="ftbench_classical.networks:DwtDctEncoder",
        objection="ftbench_classical.objections:object_to_wavelet",
        summary="quantises the largest wavelet coefficient of each block; no training",
        parameters=WaveletParameters,
        licence=LICENCE,
        trainable=False,
        pairs_with=("dwt-dct",),
        reference=LIBRARY,
    )
    yield ftbench.Encoder(
        name="dwt-dct-svd",
        factory="ftbench_classical.networks:DwtDctSvdEncoder",
        objection="ftbench_classical.objections:object_to_wavelet",
        summary="quantises the largest singular value of each block's DCT; no training",
        parameters=WaveletParameters,
        licence=LICENCE,
        trainable=False,
        pairs_with=("dwt-dct-svd",),
        reference=LIBRARY,
    )
    yield ftbench.Encoder(
        name="rivagan",
        factory="ftbench_classical.networks:RivaganEncoder",
        objection="ftbench_classical.objections:object_to_rivagan",
        summary="RivaGAN with the library's weights, 32 bits; no training",
        licence=LICENCE,
        trainable=False,
        max_bits=32,
        pairs_with=("rivagan",),
        reference=RIVAGAN,
    )


@ftbench.hookimpl
def ftbench_decoders() -> Iterator[ftbench.Decoder]:
    """Yield the three that read."""
    yield ftbench.Decoder(
        name="dwt-dct",
        factory="ftbench_classical.networks:DwtDctDecoder",
        objection="ftbench_classical.objections:object_to_wavelet",
        summary="reads dwt-dct: blocks vote on each bit; no gradient",
        parameters=WaveletParameters,
        licence=LICENCE,
        trainable=False,
        differentiable=False,
        reference=LIBRARY,
    )
    yield ftbench.Decoder(
        name="dwt-dct-svd",
        factory="ftbench_classical.networks:DwtDctSvdDecoder",
        objection="ftbench_classical.objections:object_to_wavelet",
        summary="reads dwt-dct-svd: blocks vote on each bit; no gradient",
        parameters=WaveletParameters,
        licence=LICENCE,
        trainable=False,
        differentiable=False,
        reference=LIBRARY,
    )
    yield ftbench.Decoder(
        name="rivagan",
        factory="ftbench_classical.networks:RivaganDecoder",
        objection="ftbench_classical.objections:object_to_rivagan",
        summary="reads rivagan by the library's weights; no gradient",
        licence=LICENCE,
        trainable=False,
        differentiable=False,
        reference=RIVAGAN,
    )
