"""A model as ONNX, for other languages: two networks, and in JSON what is done around them."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ftbench.errors import BadInput, CannotWrite, told
from ftbench.marking import presence
from ftbench.marking.trained import Trained
from ftbench.storage.store import write_atomically

OPSET = 18
"""The first that can shrink without aliasing."""
ENCODER, DECODER, AROUND = "encoder.onnx", "decoder.onnx", "around.json"
NEEDED = ("onnx", "onnxruntime", "onnxscript")
BATCH = 3
APART = 1e-3
"""How far the runtime may be from torch, in shares of the full range of a pixel and in logits."""


def export(trained: Trained, folder: Path) -> dict[str, float]:
    """Write ``encoder.onnx``, ``decoder.onnx`` and ``around.json``; file -> largest difference from torch.

    Each network is run by onnxruntime before anything is written. Raises BadInput where the libraries are missing, a
    network cannot be exported or does not agree, CannotWrite where the folder cannot be written.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(f"export needs {', '.join(missing)}; install with pip install 'ftbench[export]'")
    draw = torch.Generator().manual_seed(0)
    image = torch.rand(BATCH, 3, trained.size, trained.size, generator=draw)
    code_bits = trained.code("0" * trained.bits).shape[1]
    code = (torch.rand(BATCH, code_bits, generator=draw) > 0.5).float()
    given: dict[str, tuple[nn.Module, dict[str, Tensor], str]] = {
        ENCODER: (trained.pair.encoder, {"cover": image, "code": code}, "marked"),
        DECODER: (trained.pair.decoder, {"image": image}, "logits"),
    }
    files, apart = {}, {}
    for name, (network, inputs, output) in given.items():
        files[name] = _exported(network, inputs, output)
        apart[name] = _difference(files[name], network, inputs)
        if apart[name] > APART:
            raise BadInput(f"{name} differs by {apart[name]:.2g} from torch in onnxruntime, so it is not written")
    files[AROUND] = (json.dumps(around(trained, code_bits), indent=1, ensure_ascii=False) + "\n").encode()
    for name, data in files.items():
        _write(folder / name, data)
    return apart


def around(trained: Trained, code_bits: int) -> dict[str, Any]:
    """All that a program in another language does before and after the two networks."""
    side = trained.size
    return {
        "form": 1,
        "model": trained.label,
        "key": trained.key,
        "networks": {
            ENCODER: {
                "cover": f"float32 (b, 3, {side}, {side}), RGB in [0, 1]",
                "code": f"float32 (b, {code_bits}) of 0 and 1",
                "marked": "as cover",
            },
            DECODER: {"image": f"float32 (b, 3, {side}, {side}), RGB in [0, 1]", "logits": f"float32 (b, {code_bits})"},
        },
        "payload": {
            "bits": trained.bits,
            "check": trained.tag,
            "check_is": "the first bits of HMAC-SHA256(key, 'payload:' + the bits before it as text of 0 and 1), the "
            "highest bit of the first byte first; a mark is there where they agree",
            "public_key": presence.PUBLIC.decode(),
            "code_of": _example(trained),
        },
        "before": f"turn the picture as its EXIF says; squeeze it as a whole to {side}×{side} with a bicubic filter "
        "(a = -0.5, as wide as the picture shrinks, as Pillow's resize does), clip to [0, 1]",
        "marking": [
            "change = 255 · (marked - cover), at the network's size",
            "sent = change; 8 times: sent = sent + change - squeezed(enlarged(sent)), which keeps the finest detail",
            "result = clip(round(picture + f · enlarged(sent)), 0, 255), enlarged to the picture's size, bicubic "
            "(a = -0.75, half-pixel centres)",
            "f is the factor at which the PSNR over all values of the picture is as wanted: the error never falls as "
            "f grows, so halve an interval",
        ],
        "psnr_db": trained.target_psnr,
        "reading": "bit i of the code is 1 where logit i is above 0",
        "searching": "for a picture that was cut or turned, read other frames of it too; multiply false positives by "
        "the payloads that were checked",
    }


def _example(trained: Trained) -> dict[str, str]:
    """A payload and its code, which for a code of the same length is itself."""
    payload = ("0110" * trained.bits)[: trained.bits]
    return {payload: "".join("1" if bit > 0.5 else "0" for bit in trained.code(payload)[0].tolist())}


def _exported(network: nn.Module, inputs: dict[str, Tensor], output: str) -> bytes:
    import onnx

    try:
        # torch's exporter warns of its own future and prints of its progress.
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                network,
                tuple(inputs.values()),
                input_names=list(inputs),
                output_names=[output],
                opset_version=OPSET,
                dynamic_shapes=tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs),
                dynamo=True,
                verbose=False,
            )
        if program is None:
            raise BadInput("torch gave no program")
        onnx.checker.check_model(program.model_proto)
        data: bytes = program.model_proto.SerializeToString()
        return data
    except Exception as error:
        raise BadInput(f"this model cannot be written as ONNX: {told(error)[:300]}") from error


def _difference(data: bytes, network: nn.Module, inputs: dict[str, Tensor]) -> float:
    """Largest difference between onnxruntime and torch, over a batch and a single image."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    largest = 0.0
    for count in (BATCH, 1):
        some = {name: tensor[:count] for name, tensor in inputs.items()}
        (found,) = session.run(None, {name: tensor.numpy() for name, tensor in some.items()})
        with torch.no_grad():
            expected = network(*some.values()).numpy()
        largest = max(largest, float(np.abs(found - expected).max()))
    return largest


def _write(target: Path, data: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, lambda path: path.write_bytes(data))
    except OSError as error:
        raise CannotWrite(f"cannot write {target}: {error.strerror or error}") from error
