import io
from itertools import combinations, pairwise

import numpy as np
import pytest
import skimage.data
from made import photo
from PIL import Image

from ftbench_datasets.duplicates import SAME, agreement, clusters, fingerprint


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


COPIES = {
    "re-saved": lambda image: saved(image, 40),
    "half": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.BILINEAR),
    "doubled": lambda image: image.resize((image.width * 2, image.height * 2), Image.Resampling.LANCZOS),
    "3 % brighter": lambda image: image.point(lambda v: min(255, round(v * 1.03))),
    "10 % darker and re-saved": lambda image: saved(image.point(lambda v: round(v * 0.9)), 75),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_photographs_are_known_as_such(name):
    views = crops()
    same = agreement(
        np.stack([fingerprint(view) for view in views]),
        np.stack([fingerprint(COPIES[name](view).convert("RGB")) for view in views]),
    )
    assert same.diagonal().min() > SAME + 0.1
    assert same[~np.eye(len(views), dtype=bool)].max() < SAME - 0.1


def test_distinct_aligned_faces_are_not_taken_for_copies():
    faces = skimage.data.lfw_subset()[:100]
    prints = np.stack([fingerprint(Image.fromarray((face * 255).astype(np.uint8))) for face in faces])
    same = agreement(prints, prints)
    assert same[~np.eye(100, dtype=bool)].max() < SAME - 0.2
    assert clusters(prints) == []


def test_agreement_is_one_minus_twice_the_share_of_signs_that_differ():
    rng = np.random.default_rng(0)
    one, other = rng.choice([-1, 1], (2, 7, 255)).astype(np.int8)
    differ = (one[:, None] != other[None]).mean(2)
    np.testing.assert_allclose(agreement(one, other), 1 - 2 * differ, atol=1e-6)


def test_featureless_pictures_are_no_copies_of_each_other():
    plain = [Image.new("RGB", (64, 64), colour) for colour in ("black", "red", "#808080")]
    prints = np.stack([fingerprint(image) for image in plain])
    assert not prints.any()
    assert clusters(prints) == []


def test_clusters_are_the_connected_components_of_likeness():
    rng = np.random.default_rng(3)
    prints = rng.choice([-1, 1], (900, 255)).astype(np.int8)
    # Chains across blocks of rows: each link flips 20 of 255 signs, so only neighbours agree.
    for chain in ([5, 300, 650, 880], [6, 7], [899, 2, 500], [100, 101, 102]):
        for before, here in pairwise(chain):
            prints[here] = prints[before]
            prints[here, rng.choice(255, 20, replace=False)] *= -1
    parent = list(range(900))

    def root(row: int) -> int:
        while parent[row] != row:
            row = parent[row]
        return row

    for one, other in combinations(range(900), 2):
        if int((prints[one] != prints[other]).sum()) <= 255 * (1 - SAME) / 2:
            parent[root(other)] = root(one)
    expected = {frozenset(r for r in range(900) if root(r) == top) for top in {root(r) for r in range(900)}}
    assert {frozenset(group) for group in clusters(prints)} == {group for group in expected if len(group) > 1}
    assert len(clusters(prints)) == 4


def test_four_thousand_copies_of_one_image_need_no_more_than_a_block_of_links():
    prints = np.tile(fingerprint(photo(1)), (4000, 1))
    assert clusters(prints) == [list(range(4000))]
