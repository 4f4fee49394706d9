"""A benchmark of two small pairs whose decoder does, once, what a file beside it says: in training or in a test."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BENCHMARK = """\
name: small
plugins: [told.py]
dataset: {name: procedural-faces, identities: 2, images_per_identity: 40, size: 32}
message: {bits: 4}
matrix:
  encoder: {name: compact, channels: 8, blocks: 1, attenuation: 0}
  decoder: {name: told}
  simulator: none
  loss: [{target_psnr: 20}, {target_psnr: 30}]
train: {steps: 60, batch_size: 8, validate_every: 20, ema: 0}
evaluate:
  simulators: [none]
  draws: 1
  distortions: [identity]
compute: {device: cpu, precision: float32, threads: 1}
scales:
  small: {}
"""
PART = """
import os
import signal
from pathlib import Path

import ftbench

HERE = Path(__file__).parent


class Settings(ftbench.Parameters):
    doomed: bool = False


@ftbench.hookimpl
def ftbench_decoders():
    yield ftbench.Decoder(name="told", factory=f"{__name__}:told", summary="does what it is told", parameters=Settings)


def told(size, bits, doomed):
    import torch

    class Told(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.read = torch.nn.Sequential(
                torch.nn.Conv2d(3, 16, 3, 2, 1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(),
                torch.nn.Dropout(0.1), torch.nn.Linear(256, bits),
            )
            self.calls = 0

        def forward(self, image):
            self.calls += 1
            if self.calls == 25:
                if doomed:
                    os.abort()
                self.listen("training")
            return self.read(image)

        def train(self, on=True):
            if not on and self.calls == 0:
                self.listen("test")
            return super().train(on)

        def listen(self, where):
            note = HERE / where
            try:
                name, process = note.read_text().split()
                note.unlink()
            except (OSError, ValueError):
                return
            # The run itself, or the one that this process works for.
            os.kill({"own": os.getpid(), "parent": os.getppid()}[process], getattr(signal, name))

    return Told()
"""


@dataclass(frozen=True)
class Small:
    """The benchmark in a folder."""

    folder: Path
    command: Sequence[str]

    @classmethod
    def made(cls, folder: Path, command: Sequence[str]) -> Small:
        """Write its two files."""
        (folder / "small.yaml").write_text(BENCHMARK, encoding="utf-8")
        (folder / "told.py").write_text(PART, encoding="utf-8")
        return cls(folder, command)

    def tell(self, where: str, what: str) -> None:
        """``where``: training or test; ``what``: a signal, and to whom."""
        (self.folder / where).write_text(what, encoding="utf-8")

    def run(self, out: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run it in a process of its own."""
        arguments = ("run", "small.yaml", "--allow-plugin", "told.py", "--out", out, *options)
        return subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=600,
        )

    def made_in(self, out: str) -> dict[str, bytes]:
        """What decides tables, of every cell: weights, curves, rows and samples."""
        store = self.folder / out / ".store"
        return {
            str(file.relative_to(store)): file.read_bytes()
            for file in sorted(store.glob("*/*"))
            if file.suffix in (".safetensors", ".csv", ".gz", ".npz")
        }

    def tables(self, out: str) -> dict[str, bytes]:
        """Tables and rows."""
        folder = self.folder / out / "small" / "procedural-faces-small"
        return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.glob("*/*.[cm]*"))}
