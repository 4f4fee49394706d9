"""Payloads and seeds: uniform, independent, and the same everywhere."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import ftbench
from ftbench.console import Console
from ftbench.machine import randomness
from ftbench.machine.randomness import PURPOSES, derive, generator, payload
from ftbench.publish.seeds import seeds_of
from ftbench.runner import executor
from ftbench.runner.opening import Request, open_benchmark
from tests.interrupted import Small

HOME = Path(ftbench.__file__).parent
DRAWING = {"derive", "generator", "_inputs"}
WITHOUT_PURPOSE = {"plan/cells.py"}
"""A seed of seeds: whose, not what for."""


def drawn_for() -> Iterator[tuple[str, list[str]]]:
    """Every call in ftbench that makes a seed: where it stands, and the texts among its names."""
    for file in HOME.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in DRAWING:
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                if texts or not any(isinstance(a, ast.Starred) for a in node.args):
                    yield f"{file.relative_to(HOME).as_posix()}", texts


def test_each_seed_is_for_a_purpose_and_the_page_names_them_all() -> None:
    found = [(place, texts) for place, texts in drawn_for() if place not in WITHOUT_PURPOSE]
    assert len(found) > 20
    odd = [(place, texts) for place, texts in found if len(texts) != 1 or texts[0] not in PURPOSES]
    # In publish/seeds.py they are names of a table.
    assert [place for place, _ in odd if place != "publish/seeds.py"] == []
    used = {texts[0] for _, texts in found if texts} | {"payload", "metric"}
    assert used == set(PURPOSES)
    page = (HOME.parent / "docs" / "reproducible.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z -]+)` \|", page, re.M)) == set(PURPOSES)


def test_the_seeds_of_a_manifest_are_those_that_cells_drew_from(
    tmp_path: Path, ftbench_command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[tuple[object, ...], int] = {}

    def noting(*names: object) -> int:
        return drawn.setdefault(names, derive(*names))

    honest = [module for name, module in sys.modules.items() if name.startswith("ftbench.")]
    for module in honest:
        if vars(module).get("derive") is derive and module is not sys.modules[seeds_of.__module__]:
            monkeypatch.setattr(module, "derive", noting)
    assert randomness.derive is noting
    small = Small.made(tmp_path, ftbench_command)
    opened = open_benchmark(
        Request(
            str(small.folder / "small.yaml"),
            out=tmp_path / "out",
            allowed=[small.folder / "told.py"],
            assignments=[
                "train.steps=2",
                "matrix.loss={target_psnr: 20}",
                "matrix.simulator={name: faceswap, width: 0.06, latent: 16}",
                "fit.steps=2",
                "evaluate.simulators=[{name: faceswap, width: 0.06, latent: 16}]",
            ],
        ),
        Console(quiet=True),
    )
    for module in [module for name, module in sys.modules.items() if name.startswith("ftbench.")]:
        if vars(module).get("derive") is derive and module.__name__ not in (__name__, seeds_of.__module__):
            monkeypatch.setattr(module, "derive", noting)
    done: Any = executor.run(opened.plan, opened.bench)
    assert not done.failed
    unused = {}
    for cell in opened.plan.cells:
        for purpose, seed in seeds_of(cell).items():
            if seed not in drawn.values() and purpose != "payload":
                unused[cell.kind, purpose] = seed
    # There is no choice among one simulator.
    assert set(unused) == {("train", "simulator")}


def test_a_seed_hangs_on_every_name_and_on_their_borders() -> None:
    assert len({derive(0, "a"), derive(1, "a"), derive(0, "b"), derive("0a"), derive("0", "a", "")}) == 5
    assert 0 <= derive("x") < 2**63


def test_generators_repeat() -> None:
    import torch

    assert torch.equal(torch.rand(5, generator=generator("a", 1)), torch.rand(5, generator=generator("a", 1)))


def test_payloads_are_as_documented() -> None:
    # Written out with hashlib, as another program would read them.
    stream = hashlib.shake_128(b"payload\x1f3\x1f2\x1fkey").digest(2)
    expected = [int(bit) for bit in f"{int.from_bytes(stream, 'big'):016b}"[:15]]
    assert payload("key", 3, 2, 15).tolist() == expected


def test_payloads_are_uniform_and_independent() -> None:
    drawn = np.stack([payload(f"image {i}", 0, draw, 16) for i in range(500) for draw in range(4)])
    ones = drawn.sum()
    assert stats.binomtest(int(ones), drawn.size).pvalue > 0.001
    # Matches between payloads of different images follow Bin(16, 1/2): what exact false-positive rates rest on.
    matches = (drawn[:1000] == drawn[1000:]).sum(axis=1)
    observed = np.bincount(matches, minlength=17)
    expected = stats.binom.pmf(np.arange(17), 16, 0.5) * 1000
    pooled = [slice(0, 5), *(slice(i, i + 1) for i in range(5, 12)), slice(12, 17)]
    assert stats.chisquare([observed[s].sum() for s in pooled], [expected[s].sum() for s in pooled]).pvalue > 0.001
