"""Images, ONNX files and files of weights, whole ones and bombs, hurt byte by byte, and what reads them."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from benchmarks.reliability import made_hostile as made
from benchmarks.reliability.draws import drawn
from benchmarks.reliability.guard import Tried, tried
from ftbench.contract.tensorfile import read_tensors
from ftbench.errors import BadInput
from ftbench.marking import pictures
from ftbench.storage import checkpoint
from ftbench.storage.store import UNFINISHED, CellFolder, Damaged
from ftbench_datasets.images import UnreadableImage, decode
from ftbench_exported.description import describe
from ftbench_exported.files import Unusable
from ftbench_exported.source import photograph, vector

PICTURES = (UnreadableImage, BadInput, Unusable)
LARGE = (0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
"""What numbers in headers become."""
Trials = Iterator[tuple[Tried, bytes]]


def hurt(whole: Sequence[bytes]) -> SearchStrategy[bytes]:
    """Files cut, flipped, with bytes put in, taken out or repeated, or a number in the header made large."""

    @st.composite
    def one(draw: DrawFn) -> bytes:
        content = bytearray(draw(st.sampled_from(whole)))
        for _ in range(draw(st.sampled_from([1, 1, 2, 8]))):
            # Headers are short and decide most.
            most = draw(st.sampled_from([64, 1024, len(content)]))
            at = draw(st.integers(0, max(0, min(most, len(content)) - 1)))
            how = draw(st.sampled_from(["flip", "number", "cut", "put", "take", "repeat"]))
            if how == "flip" and content:
                content[at] ^= 1 << draw(st.integers(0, 7))
            elif how == "number":
                order = draw(st.sampled_from("<>"))
                content[at : at + 4] = struct.pack(f"{order}I", draw(st.sampled_from(LARGE)))
            elif how == "cut":
                del content[at:]
            elif how == "put":
                content[at:at] = draw(st.binary(max_size=16))
            elif how == "take":
                del content[at : at + draw(st.integers(1, 64))]
            elif how == "repeat":
                content[at:at] = content[at : at + 32] * draw(st.sampled_from([1, 500]))
        return bytes(content)

    return one()


def images(folder: Path, times: int, seed: int) -> Trials:
    """Images of every kind and mode, and bombs, to each of the readers."""
    file = folder / "hostile.image"

    def looked_at(content: bytes) -> None:
        file.write_bytes(content)
        refused(
            lambda: decode(content), lambda: pictures.read(content), lambda: photograph(str(file), 32), but=PICTURES
        )

    whole = [*made.pictures(), *made.bombs()]
    yield from drawn(
        st.sampled_from(whole) | hurt(whole), lambda one: tried(lambda: looked_at(one), folder), times, seed
    )


def networks(folder: Path, times: int, seed: int) -> Trials:
    """ONNX files."""
    file = folder / "hostile.onnx"

    def looked_at(content: bytes) -> None:
        file.write_bytes(content)
        refused(lambda: describe(file), but=(Unusable,))

    whole = [*made.networks()]
    yield from drawn(
        st.sampled_from(whole) | hurt(whole), lambda one: tried(lambda: looked_at(one), folder), times, seed
    )


def weights(folder: Path, times: int, seed: int) -> Trials:
    """Safetensors files, checkpoints and numpy's arrays."""
    readers = {
        "hostile.safetensors": lambda file: read_tensors(str(file)),
        "hostile.npy": lambda file: vector(str(file)),
        UNFINISHED: lambda file: checkpoint.read(CellFolder(file.parent), lambda *_: None),
    }

    def looked_at(content: bytes) -> None:
        for name in readers:
            (folder / name).write_bytes(content)
        refused(
            *(functools.partial(read, folder / name) for name, read in readers.items()),
            but=(BadInput, Unusable, Damaged),
        )

    whole = [*made.weights()]
    yield from drawn(
        st.sampled_from(whole) | hurt(whole), lambda one: tried(lambda: looked_at(one), folder), times, seed
    )


def refused(*reads: Callable[[], object], but: tuple[type[Exception], ...]) -> None:
    """Call all; raise one sentence of those that were refused with an error of theirs."""
    said = []
    for read in reads:
        try:
            read()
        except but as error:
            said.append(str(error))
    if said:
        raise BadInput("; ".join(said))


KINDS: dict[str, Callable[[Path, int, int], Trials]] = {"image": images, "ONNX": networks, "weight": weights}
