"""Networks exported once by torch's own exporter, beside the originals that made them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from exported_nets import BITS, Editor, Exports, Reader, Writer, seeded
from torch import nn


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    home = tmp_path_factory.mktemp("exports")
    editor, writer, reader = seeded(Editor), seeded(Writer, BITS), seeded(Reader, BITS)
    some, any_image = torch.export.Dim.DYNAMIC, (0, 2, 3)
    pixels = dict.fromkeys(any_image, some)
    made = Exports(
        *(editor, writer, reader),
        *(home / f"{name}.onnx" for name in ("open", "fixed", "beside", "writes", "reads")),
    )

    def export(network: nn.Module, arguments: tuple[Any, ...], file: Path, shapes: Any = None, **more: Any) -> None:
        torch.onnx.export(
            network,
            arguments,
            file,
            dynamo=True,
            dynamic_shapes=shapes,
            verbose=False,
            **{"external_data": False, **more},
        )

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        # The exporter's own, of its libraries.
        warnings.simplefilter("ignore")
        export(editor, (torch.rand(2, 3, 40, 40),), made.open_size, (pixels,))
        export(editor, (torch.rand(1, 3, 48, 48),), made.fixed)
        export(editor, (torch.rand(1, 3, 48, 48),), made.beside, external_data=True)
        rows = {0: some}
        export(writer, (torch.rand(2, 3, 40, 40), torch.rand(2, BITS)), made.writes, (pixels, rows))
        export(reader, (torch.rand(2, 3, 40, 40),), made.reads, (pixels,))
    return made
