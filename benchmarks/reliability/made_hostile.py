"""Whole files of every kind, and such as were made to do harm: what hurting begins with."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.torch import save

from ftbench.storage import checkpoint
from ftbench_datasets.images import FORMATS

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB", "HSV")


def pictures() -> Iterator[bytes]:
    """One of every kind and mode that Pillow writes, and animated ones."""
    ramp = np.arange(24 * 32 * 3, dtype=np.uint8).reshape(24, 32, 3)
    sound = Image.fromarray(ramp)
    for kind in FORMATS:
        for mode in MODES:
            held = io.BytesIO()
            try:
                (sound.convert("L").convert(mode) if mode[0] in "IF" else sound.convert(mode)).save(held, kind)
            except (OSError, ValueError, KeyError):
                continue
            yield held.getvalue()
        if kind in ("GIF", "PNG", "WEBP", "TIFF", "AVIF"):
            held = io.BytesIO()
            sound.save(held, kind, save_all=True, append_images=[sound.rotate(90 * n) for n in range(5)])
            yield held.getvalue()


def bombs() -> Iterator[bytes]:
    """Small files of large pictures or texts, and files that go in a circle."""
    for width, height in ((60_000, 60_000), (1, 2**31 - 1), (2**31 - 1, 1), (9_000, 9_000), (13_000, 13_000)):
        rows = zlib.compress(bytes(min(height, 9_000) * (min(width, 9_000) + 1)), 9)
        yield _png(width, height, 0, (b"IDAT", rows))
    text = zlib.compress(bytes(200_000_000), 9)
    yield _png(8, 8, 0, (b"zTXt", b"note\0\0" + text), (b"IDAT", zlib.compress(bytes(72))))
    yield _png(8, 8, 0, (b"iCCP", b"note\0\0" + text), (b"IDAT", zlib.compress(bytes(72))))
    yield b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + _gif_frame() + b";"
    yield b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + bytes(6) + _gif_frame() * 20_000 + b";"
    yield b"P6 40000 40000 255\n" + bytes(100)
    yield b"P3 8 8 255\n" + b"9" * 1_000_000
    yield (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 200, 0, 0, 54, 40, 60_000, -60_000, 1, 1, 0, 0, 0, 0, 0, 0) + bytes(99)
    )
    held = io.BytesIO()
    Image.new("L", (8, 8)).save(held, "TIFF")
    tiff = bytearray(held.getvalue())
    first = struct.unpack_from("<I", tiff, 4)[0]
    last = first + 2 + 12 * struct.unpack_from("<H", tiff, first)[0]
    tiff[last : last + 4] = struct.pack("<I", first)
    yield bytes(tiff)


def networks() -> Iterator[bytes]:
    """Sound ONNX files, and such as are large, deep, endless or look elsewhere."""
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    kernel = numpy_helper.from_array(np.ones((3, 3, 3, 3), np.float32), "w")
    conv = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    yield _model([conv], [image], [out], [kernel])
    yield _model([helper.make_node("Sigmoid", ["x"], ["y"])], [image], [out])
    chain = [helper.make_node("Relu", [f"x{n}" if n else "x"], [f"x{n + 1}" if n < 1999 else "y"]) for n in range(2000)]
    yield _model(chain, [image], [out])
    shape = numpy_helper.from_array(np.array([2**40], np.int64), "s")
    yield _model([helper.make_node("ConstantOfShape", ["s"], ["y"])], [image], [out], [shape])
    lying = numpy_helper.from_array(np.ones(4, np.float32), "w")
    lying.dims[:] = [2**31, 2**31]
    yield _model([helper.make_node("Add", ["x", "w"], ["y"])], [image], [out], [lying])
    outside = numpy_helper.from_array(np.ones(1, np.float32), "w")
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../../../../etc/passwd")
    yield _model([helper.make_node("Add", ["x", "w"], ["y"])], [image], [out], [outside])
    yield _model([helper.make_node("Run", ["x"], ["y"], domain="evil")], [image], [out])
    yield from (_nested(depth, image, out) for depth in (3, 30))
    call = helper.make_node("f", ["x"], ["y"], domain="own")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    itself = helper.make_function("own", "f", ["x"], ["y"], [call], opsets)
    yield _model([call], [image], [out], functions=[itself])


def _nested(depth: int, image: onnx.ValueInfoProto, out: onnx.ValueInfoProto) -> bytes:
    """A network inside a branch inside a branch."""
    truth = numpy_helper.from_array(np.array(True), "c")
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    plain = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [result])
    inner = plain
    for _ in range(depth):
        chosen = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=plain)
        inner = helper.make_graph([chosen], "g", [], [result])
    return _model(list(inner.node), [image], [out], [truth])


def weights() -> Iterator[bytes]:
    """Files of tensors, arrays and checkpoints, and such as only look like them."""
    tensors = {"a.weight": torch.ones(4, 3), "b": torch.arange(3), "c": torch.ones(2, dtype=torch.bfloat16)}
    yield save(tensors)
    yield save(tensors, {"note": "x" * 300})
    yield checkpoint.packed({"network": tensors}, {"step": 1})
    writers: tuple[Callable[[io.BytesIO], object], ...] = (
        lambda file: np.save(file, np.ones(512, np.float32)),
        lambda file: np.save(file, np.array([{}], dtype=object), allow_pickle=True),
        lambda file: np.savez(file, a=np.ones(3)),
        lambda file: torch.save(tensors, file),
    )
    for written in writers:
        held = io.BytesIO()
        written(held)
        yield held.getvalue()
    for shape in ("4611686018427387904,4", "4294967296", "-1", "0", "1e3", "[1]", '"8"'):
        yield _safetensors(f'{{"a":{{"dtype":"F32","shape":[{shape}],"data_offsets":[0,16]}}}}') + bytes(16)
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape},), }}\n".encode()
        yield b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(16)
    yield _safetensors("[" * 100_000)
    yield _safetensors('{"__metadata__":{"sha256":1,"numbers":[]}}')
    yield struct.pack("<Q", 2**63) + b"{"


def _safetensors(header: str) -> bytes:
    return struct.pack("<Q", len(header)) + header.encode()


def _png(width: int, height: int, colour: int, *chunks: tuple[bytes, bytes]) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _gif_frame() -> bytes:
    return b"," + struct.pack("<HHHHB", 0, 0, 8, 8, 0) + b"\x02\x02\x44\x01\x00"


def _model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initial: Sequence[onnx.TensorProto] = (),
    functions: Sequence[onnx.FunctionProto] = (),
) -> bytes:
    graph = helper.make_graph(nodes, "g", inputs, outputs, initial)
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid("own", 1)] if functions else [])]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions)
    content: bytes = made.SerializeToString()
    return content
