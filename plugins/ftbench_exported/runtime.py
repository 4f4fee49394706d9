"""onnxruntime, set up so that the same images give the same numbers, and batches in the pieces a network takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ftbench_exported.files import Unusable, checked, reason

Array = npt.NDArray[Any]
FATAL = 4
"""onnxruntime's log level: what it would print as an error is raised as one here."""


def open_session(data: bytes, *, threads: int, cuda: int | None, optimise: bool = True) -> Any:
    """An onnxruntime session of an ONNX file's bytes; raises what onnxruntime raises.

    ``cuda``: index of the GPU, where onnxruntime has a provider for it; None: the processor.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.use_deterministic_compute = True
    options.log_severity_level = FATAL
    # Threads that wait by spinning would take the processors from torch's between two calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Bytes that were checked as ONNX must not be taken for anything else.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    providers: list[Any] = ["CPUExecutionProvider"]
    if cuda is not None and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        exact = {"device_id": cuda, "use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"}
        providers.insert(0, ("CUDAExecutionProvider", exact))
    # Its second try on the processor after one on the processor would print, and fail alike.
    retry = {} if len(providers) > 1 else {"enable_fallback": 0}
    return onnxruntime.InferenceSession(data, options, providers=providers, **retry)


def _run(session: Any, outputs: tuple[str, ...], fed: Mapping[str, Array]) -> Any:
    """What the network gives. It runs in a thread beside, so that Ctrl-C and a time limit reach this one meanwhile."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(session.run, list(outputs), fed, options)
        try:
            # With a time limit, since Windows wakes no thread that waits without one.
            while not wait([running], timeout=1).done:
                pass
        except BaseException:
            # It looks at this between two steps; leaving the block waits for it.
            options.terminate = True
            raise
    return running.result()


class Runner:
    """A network, run on arrays. Copies share it: it holds no state but opened sessions.

    Args:
        file: the ONNX file.
        outputs: names of the outputs that are wanted.
        batch: number of images that the network insists on; None: any.
    """

    def __init__(self, file: Path, outputs: tuple[str, ...], batch: int | None) -> None:
        self.file, self.outputs, self.batch = file, outputs, batch
        self._sessions: dict[tuple[int, int | None], Any] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Runner:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_sessions": {}}

    def __call__(
        self,
        images: Mapping[str, Array],
        others: Mapping[str, Callable[[int], Array]],
        *,
        threads: int,
        cuda: int | None,
    ) -> tuple[Array, ...]:
        """Inputs with a row an image (b, …), and those made for a number of images -> the outputs (b, …).

        Raises ValueError with the network's reason, and when an output has another number of rows.
        """
        session = self._session(threads, cuda)
        count = len(next(iter(images.values())))
        step = self.batch or max(count, 1)
        pieces = [
            self._piece(session, {name: rows[start : start + step] for name, rows in images.items()}, others)
            for start in range(0, count, step)
        ]
        return tuple(np.concatenate(parts) for parts in zip(*pieces, strict=True))

    def _piece(
        self, session: Any, rows: Mapping[str, Array], others: Mapping[str, Callable[[int], Array]]
    ) -> list[Array]:
        count = len(next(iter(rows.values())))
        size = self.batch or count
        # Rows are repeated to fill a fixed batch, and what comes of them is thrown away.
        fed = {name: np.ascontiguousarray(np.resize(part, (size, *part.shape[1:]))) for name, part in rows.items()}
        fed |= {name: make(size) for name, make in others.items()}
        try:
            outputs: list[Array] = _run(session, self.outputs, fed)
        except Exception as error:
            shapes = ", ".join(f"{name} {part.shape}" for name, part in fed.items())
            raise ValueError(f"{self.file.name!r} failed on {shapes}: {reason(error)}") from error
        for given in outputs:
            if len(np.shape(given)) == 0 or len(given) != size:
                raise ValueError(
                    f"{self.file.name!r} gave {np.shape(given)} for {size} images; it must give a row an image"
                )
        return [given[:count] for given in outputs]

    def _session(self, threads: int, cuda: int | None) -> Any:
        key = (threads, cuda)
        if key not in self._sessions:
            try:
                self._sessions[key] = open_session(checked(self.file), threads=threads, cuda=cuda)
            except Unusable:
                raise
            except Exception as error:
                raise ValueError(f"onnxruntime cannot run {self.file.name!r}: {reason(error)}") from error
        return self._sessions[key]
