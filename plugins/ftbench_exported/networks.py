"""The factories: ONNX networks behind the harness's contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

import ftbench
from ftbench_exported.description import Port
from ftbench_exported.donors import DonorPicture, DonorVector, donor_maker
from ftbench_exported.exported import Exported
from ftbench_exported.files import MISSING, Unusable, installed
from ftbench_exported.framing import Cut, Paste, cut_out, read_mask
from ftbench_exported.pixels import pixels, resized
from ftbench_exported.plugin import DecoderParameters, EncoderParameters, SimulatorParameters
from ftbench_exported.roles import as_decoder, as_encoder, as_simulator, second
from ftbench_exported.runtime import Array
from ftbench_exported.source import is_vector, photograph, source_side, vector
from ftbench_exported.wiring import filled, port_named

FIXED = 256
"""Pixels of a photograph whose face is put into every image."""
SUREST = 1e-6
"""Distance that probabilities are held at from 0 and 1, so that every logit is finite."""


class ExportedSimulator(Exported):
    """``(image (b,3,s,s) in [0,1], the inputs) -> fake (b,3,s,s)``, clamped to [0,1], without gradient.

    Of the inputs ``identity`` is there, ``donor`` where a recipe puts in a face that is not fixed, ``landmarks`` and
    ``donor_landmarks`` where each picture's own are used. With a template the face alone is shown to the network and
    pasted back; with an enhancer the outcome, in 8 bits, goes through that as well. Raises ValueError with a sentence
    when the network cannot be used so, or fails on an image; what is not a number stays so.

    Args:
        size: side of the benchmark's images.
        parameters: as in ``plugin.SimulatorParameters``, whose defaults hold.
    """

    def __init__(self, *, size: int, **parameters: Any) -> None:
        network, wiring, p = as_simulator(size, _whole(SimulatorParameters, parameters))
        super().__init__(network, wiring, size, p)
        self.cut = Cut(p["align"], wiring.side, p["framing"] == "landmarks") if p["align"] else None
        self.paste = Paste(self.cut, p) if self.cut else None
        self.donor = donor_maker(network, p)
        self.then = ExportedSimulator(size=size, **second(p)) if p["enhancer"] else None
        self.source = p["source_input"]
        self.identity = port_named(network, p["identity_input"], "") if p["identity_input"] else None
        self.fixed: Tensor | None = None
        self.row: Array | None = None
        if p["source"] and self.donor:
            self.fixed = torch.from_numpy(photograph(p["source"], FIXED)).permute(2, 0, 1)[None] / 255
        elif p["source"]:
            port = port_named(network, p["source_input"], "")
            if is_vector(p["source"]):
                given = vector(p["source"]).astype(port.dtype)
            else:
                kind = p["source_range"]
                mean, std = (None, None) if kind else (p["mean"], p["std"])
                look = pixels(kind or p["input_range"], mean, std, colours=p["colours"], layout=p["layout"])
                side = source_side(network, port, p["layout"], wiring.side)
                face = torch.from_numpy(photograph(p["source"], side)).permute(2, 0, 1)[None] / 255
                given = look.write(face, port.dtype)
            self.others[port.name] = filled(network, port, given)

    @torch.no_grad()
    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Run the network on every image."""
        rows = {self.identity.name: self._who(inputs["identity"], self.identity)} if self.identity else {}
        if self.donor:
            rows[self.source] = self._face(self.donor, image, inputs)
        fake = (self._in_place(image.float(), inputs, rows) if self.cut else self._whole(image, rows)).clamp(0, 1)
        if self.then:
            # As tools hand pictures on from one network to the next.
            return cast(Tensor, self.then((fake * 255).round() / 255, inputs))
        return fake.contiguous()

    def share(self) -> Tensor:
        """How much of a pixel of an aligned crop may be changed, 0 to 1: (1,1,s,s), or (1,1,1,1) where all is."""
        own = self.paste.reach(self.size) if self.paste else torch.ones(1, 1, 1, 1)
        return 1 - (1 - own) * (1 - self.then.share()) if self.then else own

    def _face(self, made: DonorVector | DonorPicture, image: Tensor, inputs: Mapping[str, Tensor]) -> Array:
        """What the network takes of the faces that are put in: a row an image."""
        if self.fixed is None:
            return made(inputs["donor"], inputs.get("donor_landmarks"), **self.where(image))
        if self.row is None:
            self.row = made(self.fixed.to(image.device), None, **self.where(image))
        return np.repeat(self.row, len(image), axis=0)

    def _whole(self, image: Tensor, rows: Mapping[str, Array]) -> Tensor:
        fake = self.out.read(self.run_image(self.brought(image), rows)).to(image.device)
        return resized(fake, self.size, self.how)

    def _in_place(self, image: Tensor, inputs: Mapping[str, Tensor], rows: Mapping[str, Array]) -> Tensor:
        assert self.cut
        assert self.paste
        side = self.cut.side
        way = self.cut.way(image.shape[-1], inputs.get("landmarks"))
        face = cut_out(image, way, side)
        given, *masks = self.run(face.clamp(0, 1), rows)
        fake = resized(self.out.read(self.checked_image(given)).to(image.device), side, self.how).clamp(0, 1)
        own = read_mask(masks[0], side, self.runner.file.name).to(image.device) if masks else None
        return self.paste(image, face, fake, way, own)

    def _who(self, identity: Tensor, port: Port) -> Array:
        who: Array = identity.cpu().numpy()
        people = port.dims[1] if len(port.dims) == 2 else 1
        if people in (None, 1):
            return who.reshape(-1, *[1] * (len(port.dims) - 1)).astype(port.dtype)
        if int(who.max()) >= people:
            raise ValueError(f"{self.runner.file.name!r} knows {people} people, and the data has more")
        one_hot: Array = np.eye(people, dtype=port.dtype)[who]
        return one_hot


class ExportedEncoder(Exported):
    """``(cover (b,3,s,s) in [0,1], code (b,n) of {0,1}) -> marked image (b,3,s,s)`` in [0,1], without gradient.

    A network of another size changes the cover it is shown, brought to that size; the change is brought back
    and added to the cover itself, which thus keeps its detail. Raises ValueError as ``ExportedSimulator`` does.

    Args:
        size: side of the benchmark's images.
        bits: n, length of the code.
        parameters: as in ``plugin.EncoderParameters``, whose defaults hold.
    """

    def __init__(self, *, size: int, bits: int, **parameters: Any) -> None:
        p = _whole(EncoderParameters, parameters)
        network, wiring, message = as_encoder(size, bits, p)
        super().__init__(network, wiring, size, p)
        self.message, self.signed, self.residual = message, p["message"] == "signed", p["result"] == "residual"
        # A marked image of another size than the cover shown says nothing of the cover's pixels.
        self.resizes = self.resizes and self.residual

    @torch.no_grad()
    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        """Run the network on every cover."""
        shown, cover = self.brought(cover), cover.float()
        message = code.detach().float()
        message = 2 * message - 1 if self.signed else message
        rows = {self.message.name: message.cpu().numpy().astype(self.message.dtype)}
        given = self.run_image(shown, rows)
        if not self.residual and self.wiring.side == self.size:
            return self.out.read(given).to(cover.device).clamp(0, 1).contiguous()
        change = (self.out.read_change(given) if self.residual else self.out.read(given)).to(cover.device)
        change = change if self.residual else change - shown
        return (cover + resized(change, self.size, self.how)).clamp(0, 1).contiguous()


class ExportedDecoder(Exported):
    """``image (b,3,s,s) in [0,1] -> logits (b,n)``, without gradient.

    Probabilities become their logits, bits of {0,1} become -1 and 1; a logit and what is -1 or 1 stay as they are.
    Raises ValueError as ``ExportedSimulator`` does.

    Args:
        size: side of the benchmark's images.
        bits: n, length of the code.
        parameters: as in ``plugin.DecoderParameters``, whose defaults hold.
    """

    def __init__(self, *, size: int, bits: int, **parameters: Any) -> None:
        p = _whole(DecoderParameters, parameters)
        network, wiring = as_decoder(size, bits, p)
        super().__init__(network, wiring, size, p)
        self.bits, self.result = bits, p["result"]

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Run the network on every image."""
        given, *_ = self.run(self.brought(image), {})
        if given.shape != (len(image), self.bits):
            raise ValueError(
                f"{self.runner.file.name!r} gave {given.shape}, and the code has {self.bits} bits an image"
            )
        values = torch.from_numpy(np.array(given, dtype=np.float32)).to(image.device)
        if self.result == "probabilities":
            return torch.logit(values.clamp(SUREST, 1 - SUREST))
        return 2 * values - 1 if self.result == "bits" else values


def _whole(declared: type[ftbench.Parameters], given: Mapping[str, Any]) -> dict[str, Any]:
    if not installed():
        raise Unusable(MISSING)
    return dict(declared(**given))
