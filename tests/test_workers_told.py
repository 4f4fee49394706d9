"""Workers of a run that end at the very moment when they are told of it."""

from __future__ import annotations

import pytest
from distributed.comm.core import CommClosedError

from ftbench.cluster import local
from ftbench.errors import CellFailed


class Dying:
    """A client some of whose workers end while they are told."""

    def __init__(self, times: int) -> None:
        self.left, self.told = times, 0

    def register_plugin(self, own: object, name: str) -> None:
        if self.left:
            self.left -= 1
            raise CommClosedError("Stream is closed")
        self.told += 1


@pytest.mark.parametrize("times", [0, 1, local.TRIES - 1])
def test_a_worker_that_ends_while_it_is_told_is_told_again(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local.time, "sleep", lambda seconds: None)
    client = Dying(times)
    local._tell(client, object(), "own")  # type: ignore[arg-type]
    assert client.told == 1


def test_workers_that_all_end_as_they_start_end_the_run_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local.time, "sleep", lambda seconds: None)
    with pytest.raises(CellFailed, match="--jobs 1 does without them"):
        local._tell(Dying(local.TRIES), object(), "own")  # type: ignore[arg-type]
