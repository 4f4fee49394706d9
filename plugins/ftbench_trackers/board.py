"""Event files of a run: one TensorBoard run a cell, beside one for the run as a whole.

``<log>/train/<label>-<identity>`` holds a curve, ``<log>/evaluate/…`` a row of the main table, ``<log>`` itself the
settings and the charts. An identity has one folder for ever: what is logged again hides what was there from the same
step on (``purge_step``), so a resumed training is one curve.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from ftbench_trackers.names import folder_name, numbers_of, settings_of
from ftbench_trackers.places import charts

VAL = "val_"


class Board:
    """Writes one run. ``log`` is its folder, ``title`` what it is called there."""

    def __init__(self, log: Path, title: str, settings: Mapping[str, Any]) -> None:
        self.log = log
        self.writers: dict[str, SummaryWriter] = {}
        """Open curves by identity of their cell."""
        self.whole = SummaryWriter(str(log), purge_step=0)
        self._say("settings", f"# {title}\n\n```json\n{json.dumps(settings, indent=2, ensure_ascii=False)}\n```")

    def curve(self, cell: str, label: str, kind: str, step: int, values: Mapping[str, float]) -> None:
        """One row of a curve, on disk when this returns."""
        writer = self.writers.get(cell)
        if writer is None:
            # What was logged at later steps came after the checkpoint that this training goes on from.
            writer = self.writers[cell] = SummaryWriter(str(self._folder(cell, label, kind)), purge_step=step)
        for name, value in values.items():
            if name != "step":
                writer.add_scalar(tag(kind, name), value, step)
        writer.flush()

    def close(self, cell: str) -> None:
        """A curve is complete, as far as this run takes it."""
        if writer := self.writers.pop(cell, None):
            writer.close()

    def finish(self, folder: Path, results: Sequence[Mapping[str, Any]]) -> None:
        """Rows of the main table as scalars and hyperparameters, charts as images; then close."""
        for row in results:
            self._row(row)
        for chart in charts(folder):
            with Image.open(chart) as picture:
                self.whole.add_image(f"figures/{chart.stem}", np.asarray(picture.convert("RGB")), 0, dataformats="HWC")
        self._close()

    def stop(self, reason: str) -> None:
        """Close what is open, saying why there are no results."""
        self._say("stopped", reason)
        self._close()

    def _row(self, row: Mapping[str, Any]) -> None:
        values = {f"results/{name}": value for name, value in numbers_of(row).items()}
        shown = {name: value for name, value in values.items() if name.endswith("_value")}
        writer = SummaryWriter(str(self._folder(row["cell"], row["label"], "evaluate")), purge_step=0)
        for name, value in values.items():
            writer.add_scalar(name, value, 0)
        # ``add_hparams`` would open a folder of its own, named by the time.
        events: Any = writer.file_writer
        for summary in hparams(settings_of(row), shown):
            events.add_summary(summary)
        writer.close()

    def _folder(self, cell: str, label: str, kind: str) -> Path:
        return self.log / kind / folder_name(label, cell)

    def _say(self, name: str, text: str) -> None:
        self.whole.add_text(name, text, 0)
        self.whole.flush()

    def _close(self) -> None:
        for writer in (*self.writers.values(), self.whole):
            writer.close()
        self.writers.clear()


def tag(kind: str, name: str) -> str:
    """``val_psnr`` of a train cell -> ``val/psnr``; ``loss`` of a fit -> ``fit/loss``."""
    group = "val" if name.startswith(VAL) else "train"
    return f"{group if kind == 'train' else 'fit' if group == 'train' else 'fit-val'}/{name.removeprefix(VAL)}"
