"""How often the intervals hold the truth, and how often equal methods are called different: a simulation.

``python benchmarks/coverage.py`` prints the tables that stand in ``docs/measures.md`` (a few minutes on one core;
``--repeats 100`` for a look). Every scenario has its own generator of seed 0, so that lines can be run alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import scipy
from numpy.typing import NDArray
from tabulate import tabulate

from ftbench.statistics.estimates import clustered_rate, difference_over_seeds, paired_difference, worst_rate

Floats = NDArray[np.float64]
Rng = np.random.Generator
IMAGES = (20, 50, 100, 500)
CONFIDENCE = 0.95


def uneven(rng: Rng, images: int, rate: float, agreement: float) -> Floats:
    """Each image's own chance that a bit is read (images,): beta, of this mean and intra-image correlation."""
    if agreement == 0:
        return np.full(images, rate)
    concentration = (1 - agreement) / agreement
    return rng.beta(rate * concentration, (1 - rate) * concentration, images)


def failing(rng: Rng, images: int, share: float, small: float) -> Floats:
    """A share of the images is read by chance alone, the others with a small error."""
    return np.where(rng.random(images) < share, 0.5, 1 - small)


Chances = Callable[[Rng, int], Floats]
RATES: dict[str, tuple[Chances, float, int, int]] = {
    "bits independent, 90 %": (lambda rng, n: uneven(rng, n, 0.9, 0), 0.9, 30, 1),
    "bits independent, 99.9 %": (lambda rng, n: uneven(rng, n, 0.999, 0), 0.999, 30, 1),
    "uneven images, 80 %": (lambda rng, n: uneven(rng, n, 0.8, 0.3), 0.8, 8, 16),
    "uneven images, 99 %": (lambda rng, n: uneven(rng, n, 0.99, 0.3), 0.99, 8, 16),
    "uneven images, 99 %, one draw": (lambda rng, n: uneven(rng, n, 0.99, 0.3), 0.99, 8, 1),
    "uneven images, 99.9 %": (lambda rng, n: uneven(rng, n, 0.999, 0.3), 0.999, 30, 1),
    "1 % of images at chance, others 99.9 %": (lambda rng, n: failing(rng, n, 0.01, 0.001), 0.994011, 30, 16),
    "0.1 % of images at chance, others 99.9 %": (lambda rng, n: failing(rng, n, 0.001, 0.001), 0.9985011, 30, 16),
    "5 % of images at chance, others 99.9 %": (lambda rng, n: failing(rng, n, 0.05, 0.001), 0.974055, 8, 16),
    "1 % of images at chance, draws 1 to 16": (lambda rng, n: failing(rng, n, 0.01, 0.001), 0.994011, 30, 0),
}


def read(rng: Rng, chances: Floats, bits: int, draws: int) -> tuple[Floats, Floats]:
    """Right bits and trials of each image; ``draws`` 0: from 1 to 16, by image."""
    trials = bits * (rng.integers(1, 17, len(chances)) if draws == 0 else np.full(len(chances), draws))
    return rng.binomial(trials, chances).astype(float), trials.astype(float)


def rates(repeats: int) -> Iterator[list[str]]:
    """A line a scenario: how often the interval of a rate holds it, for each number of images."""
    for name, (chances, truth, bits, draws) in RATES.items():
        shown = []
        for images in IMAGES:
            rng = np.random.default_rng(0)
            made = [clustered_rate(*read(rng, chances(rng, images), bits, draws), chance=0.5) for _ in range(repeats)]
            shown.append(f"{np.mean([one.low <= truth <= one.high for one in made]):.3f}")
        yield [name, str(bits), str(draws or "1 to 16"), *shown]


Pair = Callable[[Rng, int], tuple[Floats, Floats]]


def accuracies(first: Chances, second: Chances, bits: int, draws: int) -> Pair:
    """Bits read of two methods that have nothing of an image in common."""

    def drawn(rng: Rng, images: int) -> tuple[Floats, Floats]:
        pair = [rng.binomial(bits * draws, chances(rng, images)) / (bits * draws) for chances in (first, second)]
        return pair[0], pair[1]

    return drawn


def alike(chances: Chances, bits: int, draws: int) -> Pair:
    """Bits read of two methods that are one."""
    return accuracies(chances, chances, bits, draws)


def _either(rng: Rng, images: int) -> tuple[Floats, Floats]:
    return 1 - (rng.random(images) < 0.01) / 32, 1 - (rng.random(images) < 0.01) / 32


def _small(rng: Rng, n: int) -> Floats:
    return uneven(rng, n, 0.999, 0)


ALIKE: dict[str, Pair] = {
    "1 % of images fail by 1/32, for either": _either,
    "1 % of images at chance, for either; 8 bits": alike(lambda rng, n: failing(rng, n, 0.01, 0.0), bits=8, draws=1),
    "uneven, 99.9 %; 30 bits": alike(lambda rng, n: uneven(rng, n, 0.999, 0.3), bits=30, draws=1),
    "uneven, 99 %; 8 bits, 16 draws": alike(lambda rng, n: uneven(rng, n, 0.99, 0.3), bits=8, draws=16),
    "uneven, 80 %; 8 bits, 16 draws": alike(lambda rng, n: uneven(rng, n, 0.8, 0.3), bits=8, draws=16),
    "independent, 99 %; 30 bits": alike(lambda rng, n: uneven(rng, n, 0.99, 0), bits=30, draws=1),
}
UNLIKE: dict[str, tuple[Pair, float]] = {
    "second fails on 1 % of images, by 1/32": (lambda rng, n: (np.ones(n), 1 - (rng.random(n) < 0.01) / 32), 0.01 / 32),
    "second at chance on 1 % of images": (lambda rng, n: (np.ones(n), 1 - (rng.random(n) < 0.01) / 2), 0.005),
    "second at chance on 0.1 % of images": (lambda rng, n: (np.ones(n), 1 - (rng.random(n) < 0.001) / 2), 0.0005),
    "second at chance on 5 % of images": (lambda rng, n: (np.ones(n), 1 - (rng.random(n) < 0.05) / 2), 0.025),
    "98 % against 99 %, uneven; 8 bits, 16 draws": (
        accuracies(lambda r, n: uneven(r, n, 0.98, 0.3), lambda r, n: uneven(r, n, 0.99, 0.3), 8, 16),
        -0.01,
    ),
    "second at chance on 1 %, both else 99.9 %; 30 bits, 16 draws": (
        accuracies(_small, lambda rng, n: failing(rng, n, 0.01, 0.001), 30, 16),
        0.00499,
    ),
}


def pairs(repeats: int) -> Iterator[list[str]]:
    """A line a scenario: how often a difference's interval holds it, and how often it is called different."""
    cases = {name: (pair, 0.0) for name, pair in ALIKE.items()} | UNLIKE
    for name, (pair, truth) in cases.items():
        shown = []
        for images in IMAGES:
            rng = np.random.default_rng(0)
            made = [paired_difference(*pair(rng, images), reach=0.5) for _ in range(repeats)]
            covered = np.mean([one.low <= truth <= one.high for one in made])
            called = np.mean([not one.low <= 0 <= one.high for one in made])
            shown.append(f"{covered:.3f}, {called:.3f}")
        yield [name, *shown]


def trainings(rng: Rng, seeds: int, images: int, spread: float) -> Floats:
    """Accuracies (seeds, images) of one method, whose seeds differ by ``spread`` and images by 0.03."""
    difficulty = rng.normal(0, 0.03, images)
    return 0.9 + rng.normal(0, spread, (seeds, 1)) + difficulty + rng.normal(0, 0.02, (seeds, images))


def methods(repeats: int) -> Iterator[list[str]]:
    """How often two alike methods are called different, by one training of each and over several seeds."""
    for spread in (0.0, 0.01, 0.05):
        called = []
        for seeds in (1, 2, 3, 5):
            rng = np.random.default_rng(0)
            found = 0
            for _ in range(repeats):
                a, b = (trainings(rng, seeds, 100, spread) for _ in range(2))
                one = (
                    paired_difference(a[0], b[0], reach=0.5)
                    if seeds == 1
                    else difference_over_seeds(a, b, paired=True, reach=0.5)
                )
                found += not one.low <= 0 <= one.high
            called.append(f"{found / repeats:.3f}")
        yield [f"{100 * spread:g} points", *called]


WORST: dict[str, tuple[Sequence[float], int, int]] = {
    "12 alike, 95 %": ([0.95] * 12, 8, 1),
    "12 alike, 99.9 %": ([0.999] * 12, 30, 1),
    "12 alike, 80 %, 16 draws": ([0.8] * 12, 8, 16),
    "12 from 90 to 99 %": (list(np.linspace(0.9, 0.99, 12)), 8, 4),
    "one at 85 %, 11 at 99 %": ([0.85] + [0.99] * 11, 8, 4),
    "4 alike, 95 %": ([0.95] * 4, 8, 4),
}


def worst(repeats: int) -> Iterator[list[str]]:
    """How often the interval of the worst of several attacks holds the lowest rate; in brackets the chosen one's own.

    Attacks share each image's difficulty: half of what makes an image uneven is common to all of them.
    """
    for name, (truths, bits, draws) in WORST.items():
        shown = []
        for images in IMAGES:
            rng = np.random.default_rng(0)
            held = own = 0
            for _ in range(repeats):
                common = rng.random(images) < 0.5
                same = rng.random(images)
                read_rightly, trials = [], np.full(images, float(bits * draws))
                for truth in truths:
                    concentration = (1 - 0.3) / 0.3
                    place = np.where(common, same, rng.random(images))
                    chances = scipy.special.betaincinv(truth * concentration, (1 - truth) * concentration, place)
                    read_rightly.append(rng.binomial(bits * draws, chances).astype(float))
                chosen, one = worst_rate(np.stack(read_rightly), np.stack([trials] * len(truths)))
                alone = clustered_rate(read_rightly[chosen], trials)
                held += one.low <= min(truths) <= one.high
                own += alone.low <= min(truths) <= alone.high
            shown.append(f"{held / repeats:.3f} [{own / repeats:.3f}]")
        yield [name, str(bits), str(draws), *shown]


def main() -> None:
    """Print the four tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000, help="simulated evaluations a number (default 1000)")
    repeats = parser.parse_args().repeats
    images = [f"n = {number}" for number in IMAGES]
    print(f"Seed 0, {repeats} repeats a number.\n\nA rate's 95 % interval holds the truth:\n")
    print(tabulate(rates(repeats), ["images", "bits", "draws", *images], "github", disable_numparse=True))
    print("\nA difference's 95 % interval holds the truth, and is called different:\n")
    print(tabulate(pairs(repeats), ["first and second", *images], "github", disable_numparse=True))
    print("\nThe worst of several attacks: the interval holds the lowest true rate [the chosen one's own interval]:\n")
    print(tabulate(worst(repeats), ["attacks", "bits", "draws", *images], "github", disable_numparse=True))
    print("\nTwo alike methods, 100 images, are called different:\n")
    headings = ["between seeds", "one training each", "2 seeds", "3 seeds", "5 seeds"]
    print(tabulate(methods(repeats), headings, "github", disable_numparse=True))


if __name__ == "__main__":
    main()
