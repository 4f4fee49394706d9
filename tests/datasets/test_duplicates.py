import io

import numpy as np
import pytest
import skimage.data
from made import photo
from PIL import Image, ImageOps

from ftbench_datasets import originals
from ftbench_datasets.duplicates import clusters, view


def crops() -> list[Image.Image]:
    """Distinct views of the photographs that scikit-image brings."""
    found = []
    for name in (
        "astronaut",
        "chelsea",
        "coffee",
        "rocket",
        "brick",
        "grass",
        "gravel",
        "camera",
        "moon",
    ):
        image = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
        side = min(image.size) // 2
        for x, y in ((0, 0), (image.width - side, 0), (image.width // 4, image.height - side)):
            found.append(image.crop((x, y, x + side, y + side)))
    return found


def saved(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream)


def cut(image: Image.Image, left: float, top: float, side: float) -> Image.Image:
    edge = min(image.size)
    return image.crop(tuple(round(edge * part) for part in (left, top, left + side, top + side)))


COPIES = {
    "re-saved": lambda image: saved(image, 40),
    "half": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.BILINEAR),
    "doubled": lambda image: image.resize((image.width * 2, image.height * 2), Image.Resampling.LANCZOS),
    "3 % brighter": lambda image: image.point(lambda v: min(255, round(v * 1.03))),
    "10 % darker and re-saved": lambda image: saved(image.point(lambda v: round(v * 0.9)), 75),
    "without 5 %": lambda image: saved(cut(image, 0.02, 0.03, 0.95).resize(image.size), 85),
    "without 20 %, in a corner": lambda image: cut(image, 0.2, 0.0, 0.8),
    "without 12 % below": lambda image: image.crop((0, 0, image.width, round(image.height * 0.88))),
    "mirrored": lambda image: saved(ImageOps.mirror(image), 85),
    "mirrored and cut": lambda image: saved(cut(ImageOps.mirror(image), 0.06, 0.02, 0.9), 85),
    "framed": lambda image: saved(ImageOps.expand(image, image.width // 12, "white"), 85),
    "turned by 2°": lambda image: cut(image.rotate(2, Image.Resampling.BICUBIC), 0.04, 0.04, 0.92),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_photographs_are_known_as_such(name):
    # Nearly plain ones, such as the rocket's sky, and bricks, each like the next, may be missed.
    views = [image for image in crops() if np.asarray(image.convert("L")).std() > 20]
    count = len(views)
    assert count >= 20
    seen = np.stack([view(image) for image in (*views, *(COPIES[name](image).convert("RGB") for image in views))])
    groups = clusters(seen)
    assert all(len(group) == 2 and group[1] == group[0] + count for group in groups)
    assert len(groups) >= count - 2


def test_distinct_aligned_faces_are_not_taken_for_copies():
    faces = skimage.data.lfw_subset()[:100]
    seen = np.stack([view(Image.fromarray((face * 255).astype(np.uint8)).resize((96, 96))) for face in faces])
    assert clusters(seen) == []


def test_featureless_pictures_are_no_copies_of_each_other():
    plain = [Image.new("RGB", (64, 64), colour) for colour in ("black", "red", "#808080")]
    shaded = [Image.linear_gradient("L").resize((96, 96)), Image.linear_gradient("L").point(lambda v: v // 2 + 20)]
    assert clusters(np.stack([view(image) for image in (*plain, *shaded)])) == []


def test_all_copies_of_one_photograph_are_one_group_however_they_are_made():
    # More of each kind than any of them looks at, so that the nearest are all of its own kind.
    ways = [*(lambda image, q=q: saved(image, q) for q in range(60, 90, 5)), ImageOps.mirror]
    ways += [lambda image, q=q: saved(cut(image, 0.0, 0.0, 0.8), q) for q in range(60, 90, 5)]
    ways += [lambda image, q=q: saved(cut(ImageOps.mirror(image), 0.2, 0.2, 0.8), q) for q in range(60, 90, 5)]
    pictures = [photo(1, 160, 160), photo(2, 160, 160)]
    seen = np.stack([view(way(picture).convert("RGB")) for picture in pictures for way in ways])
    assert clusters(seen) == [list(range(len(ways))), list(range(len(ways), 2 * len(ways)))]


def test_many_copies_of_one_image_need_no_more_than_a_block_of_memory():
    assert clusters(np.tile(view(photo(1)), (700, 1, 1))) == [list(range(700))]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_pictures_are_few_groups(count):
    assert clusters(np.zeros((count, 64, 64), dtype=np.uint8)) == []


LESSER = {
    "re-saved": (lambda image: saved(image, 80), 23.0),
    "saved again at 90": (lambda image: saved(image, 90), 11.5),
    "cut, without loss": (lambda image: cut(image, 0.02, 0.03, 0.95), None),
    "cut and enlarged again": (lambda image: cut(image, 0.02, 0.03, 0.95).resize(image.size), None),
    "half": (lambda image: image.resize((image.width // 2, image.height // 2)), None),
    "mirrored": (lambda image: saved(ImageOps.mirror(image), 90), 11.5),
    "framed": (lambda image: saved(ImageOps.expand(image, image.width // 12, "white"), 80), 23.0),
}


@pytest.mark.parametrize("name", LESSER)
def test_what_was_cut_shrunk_or_saved_with_loss_is_no_original(name):
    way, step = LESSER[name]
    for image in crops()[:12]:
        # As a JPEG of quality 95 where the copy is one, else without loss.
        first, own = (image, None) if step is None else (saved(image, 95), 5.77)
        one, other = originals.ranks([first, way(first.convert("RGB"))], [own, step])
        assert one > other


def test_a_copy_without_loss_of_a_lossy_file_counts_for_no_more():
    image = saved(crops()[0], 60).convert("RGB")
    one, other = originals.ranks([image, ImageOps.mirror(image)], [46.0, None])
    assert one == other
