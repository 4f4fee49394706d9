"""Measures of one image against another, both 8-bit values as float (b, 3, h, w) in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass

from kornia.metrics import ssim
from torch import Tensor

from ftbench_metrics.objections import WINDOW


@dataclass(frozen=True)
class Psnr:
    """10 · log10(1 / MSE) in dB, the mean square error running over all pixels and channels of an image."""

    def __call__(self, reference: Tensor, image: Tensor) -> Tensor:
        """(b,) in float64; infinity where the images are identical, for the caller to count apart.

        Raises ValueError when the shapes differ.
        """
        _require_same_shape(reference, image)
        error = (reference.double() - image.double()).square().mean((1, 2, 3))
        return -10 * error.log10()


@dataclass(frozen=True)
class Ssim:
    """Structural similarity: Gaussian window of 11 px and sigma 1.5, K1 = .01, K2 = .03, data range 1.

    Each channel by itself over the places where the window fits whole, then the mean: scikit-image's
    ``structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)``.
    """

    def __call__(self, reference: Tensor, image: Tensor) -> Tensor:
        """(b,) in float64, 1 for identical images.

        Raises ValueError when the shapes differ or a side is shorter than the window.
        """
        _require_same_shape(reference, image)
        height, width = image.shape[-2:]
        if min(height, width) < WINDOW:
            raise ValueError(
                f"images of {height}×{width} px are smaller than SSIM's window of {WINDOW} px: "
                "use larger images or leave ssim out"
            )
        # Float32 is off by up to 3e-4 where bright images are flat, by 2e-5 elsewhere; float64 is seven times as
        # slow at 128 px.
        # kornia's own eps would lower dark images' values.
        similarity: Tensor = ssim(reference.float(), image.float(), WINDOW, 1.0, eps=0.0, padding="valid")
        return similarity.double().mean((1, 2, 3))


def _require_same_shape(reference: Tensor, image: Tensor) -> None:
    if reference.shape != image.shape or image.ndim != 4:
        raise ValueError(
            f"a reference of shape {tuple(reference.shape)} and an image of shape {tuple(image.shape)} "
            "cannot be compared: both must be (images, 3, height, width)"
        )
