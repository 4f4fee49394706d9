"""What several tests share: a benchmark so small that its whole path takes seconds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ftbench.discovery import discover
from ftbench.plugins import Plugins

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores. Read when torch is first imported, which nothing above does.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

TINY = """\
name: tiny
dataset: {name: procedural-faces, identities: 2, images_per_identity: 40, size: 32}
message: {bits: 4}
matrix:
  encoder: {name: unet-resnet18, backbone_options: {channels: [8, 8, 8, 8]}, up_width: 0.02, stem_channels: 8}
  decoder: {name: conv7, width: 0.03}
  simulator: {name: faceswap, width: 0.06, latent: 16}
  loss:
    - {message: 1, image: 0.1}
    - {message: 10, image: 0.1}
fit: {steps: 6, batch_size: 8, validate_every: 3}
train: {steps: 40, batch_size: 8, validate_every: 20}
evaluate:
  simulators: [none, {name: faceswap, width: 0.06, latent: 16}]
  draws: 2
  distortions: [identity, {name: jpeg, quality: [90, 50]}]
compute: {device: cpu, precision: float32, threads: 1}
scales:
  small: {}
  longer:
    train: {steps: 400}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A benchmark file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    """Every installed part."""
    return discover()


@pytest.fixture(scope="session")
def ftbench_command() -> list[str]:
    """How a test calls the command line in a process of its own."""
    return [sys.executable, "-m", "ftbench"]
