"""Why a cell failed, for people and for the next run."""

from __future__ import annotations

from collections.abc import Iterator

from ftbench.errors import BadInput, FailsAgain, FtbenchError, NotANumber, told
from ftbench.machine.calltime import CallTookTooLong
from ftbench.machine.memory import ran_out
from ftbench.storage.failure import FailureKind


def failure_of(error: Exception) -> tuple[FailureKind, str]:
    """What kind of failure an error is, and its reason in words."""
    kind = _kind(error)
    if kind == "memory":
        return kind, (
            "the memory does not hold half a batch either; give a smaller one, such as --set train.batch_size=16 or "
            "--set fit.batch_size=16, more parts with --set train.accumulate=4, or use narrower networks"
        )
    if kind == "device":
        return kind, (
            f"the GPU can no longer be used ({told(error)}); the last checkpoint is kept, and the same command goes on "
            "from there"
        )
    return kind, str(error) if isinstance(error, FtbenchError) else f"{type(error).__name__}: {error}"


def _kind(error: Exception) -> FailureKind:
    chain = list(_chain(error))
    if ran_out(error):
        return "memory"
    if any(type(one).__name__ == "AcceleratorError" for one in chain):
        return "device"
    if any(isinstance(one, CallTookTooLong) for one in chain):
        return "time"
    if any(isinstance(one, BadInput | OSError | ImportError) for one in chain):
        return "surroundings"
    if isinstance(error, NotANumber):
        return "not a number"
    return "exception" if isinstance(error, FailsAgain) or not isinstance(error, FtbenchError) else "unknown"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
