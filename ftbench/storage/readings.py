"""``readings.npz``: payload, logits and attack of every reading of an evaluation, so that it is scored anew without a
network.

Logits are kept in half precision, and their signs as they were: what hangs on a sign alone comes out the same. What was
read by size as well, such as by a soft code, may differ where two readings lie a thousandth apart.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ftbench.errors import BadInput
from ftbench.storage.files import MOST_UNPACKED

if TYPE_CHECKING:
    import pandas as pd

READINGS = "readings.npz"
"""The file of an evaluation's cell. Cells of earlier releases have none, and stand without."""
FORM = 1
NAMED = ("image", "simulator", "distortion")
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, IndexError, zipfile.BadZipFile, zlib.error)

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class Readings:
    """Every reading of an evaluation; ``of`` are its rows' columns image, draw, simulator and distortion, in order."""

    of: pd.DataFrame
    logits: NDArray[np.float16]
    """(readings, n): positive means 1."""
    payload: Bits
    """(readings, k) of {0, 1}: what the image carried."""
    code: Bits
    """(readings, n) of {0, 1}."""

    @property
    def code_errors(self) -> NDArray[np.int64]:
        """(readings,): code bits that were read wrongly, each by its sign."""
        wrong: NDArray[np.int64] = ((self.logits > 0) != (self.code > 0)).sum(axis=1)
        return wrong

    def along(self, rows: pd.DataFrame) -> Readings:
        """The readings of ``rows``, in their order. Raises BadInput where they are not these."""
        import pandas as pd

        about = ["image", "draw", "simulator", "distortion"]
        own, asked = (pd.MultiIndex.from_frame(frame[about]) for frame in (self.of, rows))
        order = own.get_indexer(asked) if own.is_unique else np.full(len(rows), -1)
        if len(own) != len(asked) or (order < 0).any():
            raise BadInput("its readings are of other images or attacks than its rows; run the benchmark again")
        found = Readings(self.of.iloc[order], self.logits[order], self.payload[order], self.code[order])
        if not np.array_equal(found.code_errors, rows["code_errors"].to_numpy()):
            raise BadInput("its readings are not those that its rows were counted from; run the benchmark again")
        return found


def halved(logits: NDArray[np.float32]) -> NDArray[np.float16]:
    """Logits in half precision, none of which lost its sign or became infinite."""
    limit = np.finfo(np.float16)
    small = np.clip(logits, limit.min, limit.max).astype(np.float16)
    least = np.copysign(np.float16(limit.smallest_subnormal), logits).astype(np.float16)
    found: NDArray[np.float16] = np.where((small == 0) & (logits != 0), least, small)
    return found


def packed(rows: pd.DataFrame, logits: NDArray[np.float32], carried: pd.DataFrame, payload: Any, code: Any) -> bytes:
    """The file's content: ``rows`` and ``logits`` reading by reading; ``carried`` (image, draw), ``payload``, ``code``
    (carried, k or n) of {0, 1} for each image and draw."""
    import pandas as pd

    held: dict[str, Any] = {"form": FORM, "bits": payload.shape[1], "code_bits": code.shape[1]}
    places = {}
    for name in NAMED:
        places[name], names = pd.factorize(rows[name])
        held[name] = places[name].astype(np.int32)
        held[f"{name}s"] = np.asarray(names, dtype=np.str_)
    held["draw"] = rows["draw"].to_numpy().astype(np.int16)
    keys = pd.MultiIndex.from_arrays([carried["image"], carried["draw"]])
    asked = pd.MultiIndex.from_product([held["images"], sorted(set(carried["draw"]))])
    order = keys.get_indexer(asked)
    if (order < 0).any():
        raise ValueError("an image that was read has no payload")
    held["logits"] = halved(logits)
    for name, bits in (("payload", payload), ("code", code)):
        held[name] = np.packbits(np.asarray(bits, dtype=np.uint8)[order], axis=1)
    content = io.BytesIO()
    np.savez_compressed(content, **held)
    return content.getvalue()


def unpacked(content: bytes) -> Readings:
    """What ``packed`` made. Raises BadInput where the content is none, is cut, or is of a newer release."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(one.file_size for one in archive.infolist()) > MOST_UNPACKED:
                raise ValueError(f"they unpack to more than {MOST_UNPACKED / 2**30:.3g} GiB")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
        form = int(held["form"])
        if form > FORM:
            raise BadInput(f"readings of form {form} are of a newer ftbench, and this one knows {FORM}; update ftbench")
        return _of(held)
    except _UNREADABLE as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(f"the readings cannot be read ({said}); run the benchmark again") from None


def _of(held: Mapping[str, Any]) -> Readings:
    import pandas as pd

    columns = {name: held[f"{name}s"][held[name]].astype(object) for name in NAMED}
    of = pd.DataFrame({**columns, "draw": held["draw"].astype(np.int64)})
    draws = len(held["payload"]) // max(1, len(held["images"]))
    at = held["image"].astype(np.int64) * draws + np.searchsorted(np.unique(held["draw"]), held["draw"])
    bits = {
        name: np.unpackbits(held[name], axis=1, count=int(held[length]))[at]
        for name, length in (("payload", "bits"), ("code", "code_bits"))
    }
    logits = held["logits"]
    if logits.shape != (len(of), int(held["code_bits"])):
        raise ValueError(f"logits {logits.shape} of {len(of)} readings")
    return Readings(of, logits, bits["payload"], bits["code"])
