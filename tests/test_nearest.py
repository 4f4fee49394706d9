"""The nearest of the names that there are."""

import pytest

from ftbench.errors import nearest


@pytest.mark.parametrize(
    ("word", "options", "expected"),
    [
        ("stpes", ["seed", "steps"], ["steps"]),
        ("unet", ["unet-resnet18", "conv7"], ["unet-resnet18"]),
        ("UNet_ResNet18", ["unet-resnet18", "conv7"], ["unet-resnet18"]),
        ("a", ["b", "ab"], []),
        ("zzz", ["steps"], []),
        ("", ["steps"], []),
        ("steps", [], []),
        ("jpg", ["jpeg", "jpeg", "jpeg2000"], ["jpeg"]),
        ("x" * 1_000_000, ["x", "y"], []),
    ],
)
def test_nearest(word, options, expected):
    assert nearest(word, options) == expected


def test_nearest_gives_the_best_first_and_no_more_than_asked():
    options = ["distortion", "distortions", "distorted", "distort"]
    assert nearest("distortions", options)[0] == "distortions"
    assert len(nearest("distortions", options, count=2)) == 2
