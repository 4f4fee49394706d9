"""A mark is found where a picture was cut, framed, mirrored or turned; and no more often in others than is allowed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy import stats
from torch import Tensor

from ftbench.errors import BadInput
from ftbench.marking import anysize, finding, given, payloads, presence, tracing
from ftbench.marking.placements import WHOLE, Placement, Way, common, everywhere
from ftbench.marking.search import Word
from ftbench.marking.trained import Trained
from ftbench.marking.windows import Windows
from tests.marking.calls import Command, photo
from tests.marking.carriers import photograph

# This pair never learned to see a picture in the midst of black, as those of the catalogue do.
GREY = Way(outside="mean")
LONG = finding.Rules(bound=1e-3, seconds=60, way=GREY)


def pixels(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()


def marked(trained: Trained, payload: str, shape: tuple[int, int] = (200, 260), seed: int = 0) -> Image.Image:
    cover = pixels(Image.fromarray(photograph(*shape, seed=seed)))
    done = anysize.mark(trained.pair, cover, trained.code(payload), trained.size, trained.target_psnr)
    return Image.fromarray(done.permute(1, 2, 0).numpy())


def jpeg(image: Image.Image, quality: int = 75) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda image: image,
    "mirrored": ImageOps.mirror,
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned and mirrored": lambda image: ImageOps.mirror(image.transpose(Image.Transpose.ROTATE_270)),
    "upside down": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "framed": lambda image: ImageOps.expand(image.resize((200, 150)), (30, 50, 10, 90), "white"),
    "cut in the middle": lambda image: image.crop((26, 20, 234, 180)),
    "cut at a corner": lambda image: image.crop((0, 0, 210, 160)).resize((400, 300)),
    "cut at one side": lambda image: image.crop((54, 0, 260, 200)),
    "mirrored, cut at a corner": lambda image: ImageOps.mirror(image.crop((52, 40, 260, 200))),
    "tilted": lambda image: image.rotate(4, Image.Resampling.BICUBIC),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_mark_is_found_without_an_expected_payload(change: str, wide: Trained) -> None:
    payload = presence.completed("0110100110110001", 16, presence.PUBLIC)
    sent = pixels(jpeg(CHANGES[change](marked(wide, payload))))
    found = finding.find(wide, sent, finding.Candidates(), LONG)
    assert (found.marked, found.payload) == (True, payload)
    assert found.chance is not None
    assert found.chance <= LONG.bound
    assert found.placement.is_whole == (change in ("as it is", "tilted"))
    # The same picture under another key is not marked.
    other = finding.find(wide, sent, finding.Candidates(), replace(LONG, key=b"another key"))
    assert other.marked is False


def test_where_the_mark_was_found_is_said(wide: Trained) -> None:
    payload = given.draw(wide, presence.PUBLIC)
    framed = ImageOps.expand(ImageOps.mirror(marked(wide, payload)), (30, 60, 50, 40), "black")
    place = finding.find(wide, pixels(framed), finding.Candidates(), LONG).place
    assert place["mirrored"] is True
    for side, true in {"left": 30, "top": 60, "right": 290, "bottom": 260}.items():
        assert place[side] == pytest.approx(true, abs=8)


def test_where_a_known_payload_reads_best_is_asked_of_all_that_is_looked_at(wide: Trained) -> None:
    payload = given.draw(wide, presence.PUBLIC)
    sent = pixels(marked(wide, payload).crop((52, 40, 260, 200)))
    known = finding.Candidates((finding.Known(payload),))
    # As if a crop had been read as a whole.
    whole = finding.find(wide, sent, known, replace(LONG, seconds=0))
    assert whole.placement.is_whole
    found = tracing.aligned(wide, whole, sent, LONG)
    assert found is not None
    for side, true in {"left": -52, "top": -40, "right": 208, "bottom": 160}.items():
        assert found.place[side] == pytest.approx(true, abs=8)
    # Where the time is over before, its own frame may not have been looked at.
    ticks = iter(range(10**6))
    assert tracing.aligned(wide, whole, sent, replace(LONG, seconds=1, clock=lambda: float(next(ticks)))) is None


def test_two_tests_are_counted_as_two(wide: Trained) -> None:
    payload = given.draw(wide, presence.PUBLIC)
    known = finding.Candidates((finding.Known(given.draw(wide, presence.PUBLIC)),))
    for seed, image in enumerate((pixels(marked(wide, payload)), noise(0))):
        rules = replace(LONG, seconds=0)
        alone, both = (finding.find(wide, image, some, rules) for some in (finding.Candidates(), known))
        assert alone.chance is not None
        assert both.chance is not None
        assert alone.marked == both.marked == (seed == 0)
        # Of an unmarked picture the check has had its tries, and the comparison its half of the bound.
        assert both.chance == (2 * alone.chance if both.marked else alone.chance + LONG.bound / 2)


def test_without_time_the_whole_picture_is_looked_at_alone(wide: Trained) -> None:
    payload = given.draw(wide, presence.PUBLIC)
    whole = marked(wide, payload)
    short = finding.Rules(seconds=0)
    assert finding.find(wide, pixels(whole), finding.Candidates(), short).marked is True
    assert finding.find(wide, pixels(ImageOps.mirror(whole)), finding.Candidates(), short).marked is False


def noise(seed: int) -> Tensor:
    """Unmarked pictures of several kinds."""
    draw = np.random.default_rng(seed)
    shape = (int(draw.integers(40, 120)), int(draw.integers(40, 120)))
    kinds: list[NDArray[np.uint8]] = [
        photograph(*shape, seed=seed),
        draw.integers(0, 256, (*shape, 3)).astype(np.uint8),
        np.kron(draw.integers(0, 256, (8, 8, 3)), np.ones((10, 12, 1))).astype(np.uint8),
    ]
    return torch.from_numpy(kinds[seed % 3]).permute(2, 0, 1).contiguous()


def test_unmarked_pictures_count_as_marked_no_more_often_than_allowed(wide: Trained) -> None:
    # A short check and a loose bound, so that accidents happen in a test's time: 25 payloads of 256 are tried.
    loose, rules, count = replace(wide, tag=8), finding.Rules(bound=0.1, seconds=60), 80
    assert presence.allowed_tries(8, 0.1) == 25
    results = [finding.find(loose, noise(seed), finding.Candidates(), rules) for seed in range(count)]
    wrong = sum(result.marked is True for result in results)
    assert 0 < wrong <= stats.binom.ppf(1 - 1e-4, count, 0.1)
    assert all(result.chance is not None and result.chance <= 0.1 for result in results)


def test_p_values_of_a_search_are_no_smaller_than_chance(wide: Trained) -> None:
    bare, rules, count = replace(wide, tag=0), finding.Rules(bound=1e-9, seconds=60), 30
    small = 0
    for seed in range(count):
        known = tuple(finding.Known(payloads.draw(32)) for _ in range(40))
        match = finding.find(bare, noise(seed), finding.Candidates(known), rules).match
        assert match is not None
        assert match.p_value is not None
        small += match.p_value <= 0.2
    assert small <= stats.binom.ppf(1 - 1e-4, count, 0.2)


def test_a_registered_payload_is_found_in_a_cut_picture_with_bits_lost(wide: Trained) -> None:
    bare = replace(wide, tag=0)
    payload = payloads.draw(32)
    lost = "".join("10"[int(bit)] if place == 7 else bit for place, bit in enumerate(payload))
    sent = pixels(ImageOps.mirror(marked(bare, lost)))
    candidates = finding.Candidates(tuple(finding.Known(one) for one in (payloads.draw(32), payload)))
    found = finding.find(bare, sent, candidates, finding.Rules(bound=1e-4, seconds=60))
    assert found.match is not None
    assert found.match.known.payload == payload
    assert found.match.equal == 31
    assert found.placement.mirrored
    # Two drawn payloads; and of the third stage at most 16 readings, which has a quarter of the error. At worst the
    # decoder is surest of the lost bit: the rest of the ranks is then at least 496 of 528.
    assert found.match.p_value is not None
    ranks = np.arange(1, 33) * np.where(np.arange(32) == 31, -1, 1)
    worst = stats.wilcoxon(ranks, alternative="greater", method="exact").pvalue
    assert found.match.p_value <= 2 * 16 * 4 * worst * (1 + 1e-9)


def test_a_bit_that_the_decoder_is_unsure_of_costs_little_evidence(wide: Trained) -> None:
    payload, other = payloads.draw(32), payloads.draw(32)
    known = finding.Candidates((finding.Known(other), finding.Known(payload)))
    ranks = tuple(int(rank) for rank in np.random.default_rng(0).permutation(32) + 1)
    values = []
    for rank in (1, 32):
        place = ranks.index(rank)
        read = "".join("10"[int(bit)] if at == place else bit for at, bit in enumerate(payload))
        match = known.match([Word(read, WHOLE, 0.0, ranks)], tries=1)
        assert (match.known.payload, match.equal) == (payload, 31)
        assert match.p_value is not None
        values.append(match.p_value / 2)
    # Beside "all right" there is one reading that is as good or better, and all sets of a sum up to 32 otherwise.
    assert values[0] == pytest.approx(2 / 2**32)
    assert values[1] == pytest.approx(sum(sets_of(total) for total in range(33)) / 2**32)
    # Bits that all count alike, as behind a code: the binomial's.
    match = known.match([Word(read, WHOLE, 0.0, (1,) * 32)], tries=1)
    assert match.p_value == pytest.approx(2 * stats.binom.sf(30, 32, 0.5))


def sets_of(total: int) -> int:
    """Sets of different whole numbers from 1 to 32 with this sum."""
    counts = [1] + [0] * total
    for number in range(1, min(total, 32) + 1):
        for place in range(total, number - 1, -1):
            counts[place] += counts[place - number]
    return counts[total]


def test_frames_are_cut_as_pillow_cuts_them() -> None:
    picture = Image.fromarray(photograph(120, 160))
    windows = Windows(pixels(picture), 32)
    for placement, image in (
        (Placement(0.25, 0.25, 0.75, 0.75), picture.crop((40, 30, 120, 90))),
        (Placement(mirrored=True), ImageOps.mirror(picture)),
        # Turned clockwise in the picture: turned back for the frame.
        (Placement(turns=1), picture.transpose(Image.Transpose.ROTATE_90)),
        (Placement(turns=1, mirrored=True), ImageOps.mirror(picture.transpose(Image.Transpose.ROTATE_90))),
        (Placement(angle=6.0), picture.rotate(6, Image.Resampling.BICUBIC)),
    ):
        expected = anysize.fit(pixels(image), 32)[0, :, 4:-4, 4:-4]
        torch.testing.assert_close(windows.cut([placement])[0, :, 4:-4, 4:-4], expected, atol=0.05, rtol=0)
    torch.testing.assert_close(windows.cut([WHOLE]), anysize.fit(pixels(picture), 32))


def test_what_a_frame_shows_beyond_the_picture(wide: Trained) -> None:
    picture = pixels(Image.fromarray(photograph(96, 128)))
    at = Placement(left=-0.5, right=0.5)
    black, grey = (Windows(picture, 32, way).cut([at])[0] for way in (Way("black"), GREY))
    torch.testing.assert_close(black[:, :, :15], torch.zeros(3, 32, 15))
    mean = picture.float().mean(dim=(1, 2), keepdim=True) / 255
    torch.testing.assert_close(grey[:, :, :15], mean.expand(3, 32, 15), atol=0.01, rtol=0)
    # What lies within the picture is the same.
    torch.testing.assert_close(black[:, :, 18:], grey[:, :, 18:])


@pytest.mark.parametrize("step", [0.15, 0.1, 0.05])
def test_a_crop_from_anywhere_is_near_a_place_that_is_looked_at(step: float) -> None:
    places = everywhere(Way(step=step))
    for part in (0.7, 0.8, 0.9):
        crops = [one for one in places if abs(1 / one.width - part) < 1e-6 and abs(one.width - one.height) < 1e-6]
        for x, y in np.random.default_rng(0).uniform(0, 1, (40, 2)):
            # In sides of the frame: where it begins, as seen from the crop.
            over = 1 - part
            away = min(max(abs(-one.left * part - over * x), abs(-one.top * part - over * y)) for one in crops)
            assert away <= 0.75 * step + 1e-9


def test_common_places_come_before_rare_ones_and_none_twice() -> None:
    places = [*common((0.1, 0.1, 0.9, 0.9)), *everywhere()]
    assert WHOLE not in places
    assert len(common(None)) < len(everywhere())
    assert len(set(everywhere())) == len(everywhere())


def test_the_command_line_says_marked_or_not(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    photo(tmp_path / "b.png", seed=3)
    (tmp_path / "key").write_text("eight or more bytes\n", encoding="utf-8")
    options = ("--tag", "6", "--key", "key")
    assert ftbench_here("embed", model, "a.png", *options, "--payload", "10").code == 0
    # Six bits in eight are no evidence, and it must be said that they are not.
    said = ftbench_here("extract", model, "marked/a.png", *options)
    assert (said.code, "cannot be kept by a check of 6 bits" in said.err) == (2, True)
    asked = ("--false-positives", "0.02", "--seconds", "0", "--json")
    read = json.loads(ftbench_here("extract", model, "marked/a.png", *options, *asked).out)[0]
    assert (read["mark"], read["false_positives"]) == ("marked", 1 / 64)
    assert read["payload"].startswith("0b10")
    wrong = json.loads(ftbench_here("extract", model, "marked/a.png", "--tag", "6", *asked).out)[0]
    assert wrong["mark"] == "no mark found"


@pytest.mark.parametrize(("text", "says"), [(None, "cannot be read"), ("short", "has 5 bytes and needs 8")])
def test_a_key_that_is_none_is_one_sentence(
    text: str | None, says: str, ftbench_here: Command, model: Path, tmp_path: Path
) -> None:
    photo(tmp_path / "a.png")
    if text is not None:
        (tmp_path / "key").write_text(text, encoding="utf-8")
    for command in ("embed", "extract"):
        said = ftbench_here(command, model, "a.png", "--key", "key")
        assert (said.code, says in said.err) == (2, True)
        assert len(said.err.strip().splitlines()) == 1
    assert not (tmp_path / "marked").exists()


def test_a_check_is_a_keyed_digest_of_the_other_bits(wide: Trained) -> None:
    # Of Python's own hmac, spelled out: HMAC-SHA256 by RFC 2104.
    import hashlib

    block = b"k" * 20 + bytes(44)
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + b"payload:0101").digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()
    assert presence.tag_of("0101", 12, b"k" * 20) == f"{int(outer[:3], 16):012b}"
    assert given.whole("0x1234", wide, b"a key of mine") == presence.completed(f"{0x1234:016b}", 16, b"a key of mine")
    full = presence.completed("01" * 8, 16, presence.PUBLIC)
    assert given.whole(full, wide, presence.PUBLIC) == full
    with pytest.raises(BadInput, match="are not the check of the others"):
        given.whole(full, wide, b"a key of mine")
    with pytest.raises(BadInput, match="--tag 32 leaves no payload"):
        given.with_tag(wide, 32)
