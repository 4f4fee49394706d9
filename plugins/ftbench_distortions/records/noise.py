"""Random damage of values, pixel by pixel."""

from __future__ import annotations

from pydantic import Field

import ftbench


class GaussianNoiseParameters(ftbench.Parameters):
    """Parameters of ``gaussian-noise``."""

    sigma: float = Field(0.1, ge=0, le=1, description="standard deviation, white being 1; 0 changes nothing")


class SpeckleParameters(ftbench.Parameters):
    """Parameters of ``speckle``."""

    sigma: float = Field(0.2, ge=0, le=2, description="standard deviation, of the value itself; 0 changes nothing")


class PoissonNoiseParameters(ftbench.Parameters):
    """Parameters of ``poisson-noise``."""

    photons: float = Field(100.0, ge=1, le=1e6, description="mean count that white stands for; lower is harsher")


class SaltAndPepperParameters(ftbench.Parameters):
    """Parameters of ``salt-and-pepper``."""

    share: float = Field(
        0.1, ge=0, le=1, description="chance of each pixel to turn black or white, evenly; 0 changes nothing"
    )


RECORDS = (
    ftbench.Distortion(
        name="gaussian-noise",
        factory="ftbench_distortions.noise:GaussianNoise",
        summary="Independent Gaussian noise on every value",
        parameters=GaussianNoiseParameters,
        differentiable=True,
        category="noise",
        strength="sigma",
    ),
    ftbench.Distortion(
        name="speckle",
        factory="ftbench_distortions.noise:Speckle",
        summary="Gaussian noise that grows with the value, so that black stays black",
        parameters=SpeckleParameters,
        differentiable=True,
        category="noise",
        strength="sigma",
    ),
    ftbench.Distortion(
        name="poisson-noise",
        factory="ftbench_distortions.noise:PoissonNoise",
        summary="Every value counted in photons, as in a photograph taken in little light",
        parameters=PoissonNoiseParameters,
        differentiable=False,
        category="noise",
        strength="photons",
    ),
    ftbench.Distortion(
        name="salt-and-pepper",
        factory="ftbench_distortions.noise:SaltAndPepper",
        summary="A random share of pixels set to black or white",
        parameters=SaltAndPepperParameters,
        differentiable=True,
        category="noise",
        strength="share",
    ),
)
