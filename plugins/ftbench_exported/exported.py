"""What exported simulator, encoder and decoder share: an image goes into a network, and something comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ftbench_exported.description import Description
from ftbench_exported.pixels import pixels, resized
from ftbench_exported.runtime import Array, Runner
from ftbench_exported.wiring import Wiring, constant


class Exported(nn.Module):
    """An ONNX network between the harness's images and its own.

    Nothing in it is trained or kept, so it has no parameters, and copies of it share the opened network. It runs
    on the processor, or on the GPU that its images are on where onnxruntime has a provider for it.

    Args:
        network: what was found in the file.
        wiring: which input takes the image, which output is wanted.
        size: side of the benchmark's images.
        parameters: as in ``plugin.ExportedParameters``.
    """

    def __init__(self, network: Description, wiring: Wiring, size: int, parameters: Mapping[str, Any]) -> None:
        super().__init__()
        p = parameters
        self.wiring, self.size = wiring, size
        self.resizes, self.how, self.threads = bool(p["resize_to"]), p["resampling"], p["threads"]
        also = (p["mask_output"],) if p.get("mask_output") else ()
        self.runner = Runner(Path(p["model"]), (wiring.output.name, *also), wiring.batch)
        self.others: dict[str, Callable[[int], Array]] = {
            name: constant(network, name, value) for name, value in p["constants"].items()
        }
        self.into = pixels(p["input_range"], p["mean"], p["std"], colours=p["colours"], layout=p["layout"])
        # mean and std hold for the output too, unless it has a range of its own.
        own = p.get("output_range")
        mean, std = (None, None) if own else (p["mean"], p["std"])
        layout = p.get("output_layout") or p["layout"]
        self.out = pixels(own or p["input_range"], mean, std, colours=p["colours"], layout=layout)

    def compile(self, *arguments: Any, **options: Any) -> None:
        """Left alone: onnxruntime has optimised the network already, and torch cannot look into it."""

    def brought(self, image: Tensor) -> Tensor:
        """Image (b,3,h,w) of any precision -> (b,3,side,side), float32, in [0,1], as the network is shown it."""
        return resized(image.detach().float(), self.wiring.side, self.how).clamp(0, 1)

    def run(self, image: Tensor, rows: Mapping[str, Array]) -> tuple[Array, ...]:
        """Image (b,3,side,side) and further rows -> the outputs, as they are.

        Raises ValueError when the network fails.
        """
        fed = {self.wiring.image.name: self.into.write(image, self.wiring.image.dtype), **rows}
        return self.runner(fed, self.others, **self.where(image))

    def where(self, image: Tensor) -> dict[str, Any]:
        """Threads and device that a network is run with for an image."""
        cuda = (image.device.index or 0) if image.device.type == "cuda" else None
        return {"threads": self.threads or torch.get_num_threads(), "cuda": cuda}

    def run_image(self, image: Tensor, rows: Mapping[str, Array]) -> Array:
        """The same, of an output that is an image; raises ValueError when it is none, or of an unforeseen size."""
        return self.checked_image(self.run(image, rows)[0])

    def checked_image(self, given: Array) -> Array:
        """An output that is an image, as it is; raises ValueError when it is none, or of an unforeseen size."""
        file = self.runner.file.name
        square = given.ndim == 4 and given.shape[3 if self.out.last else 1] == 3
        height, width = (given.shape[1:3] if self.out.last else given.shape[2:4]) if square else (0, 1)
        if height != width:
            raise ValueError(f"{file!r} gave {given.shape}, which are no square images of 3 channels")
        if height != self.wiring.side and not self.resizes:
            raise ValueError(
                f"{file!r} gave images of {height} px for those of {self.wiring.side}; "
                f"write resize_to: {self.wiring.side} and what a simulator or a residual gives is resized"
            )
        return given
