"""A signal in a training keeps a checkpoint of that very step; elsewhere it stops what goes on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

from ftbench import stopping
from ftbench.stopping import Stopped
from ftbench.storage import checkpoint
from ftbench.storage.store import UNFINISHED
from ftbench.train import loop
from tests.small_pair import run, task

NAMES = [number.name for number in stopping.SIGNALS]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Signals are heeded as in the command line, and as before when the test is over."""
    before = {number: signal.getsignal(number) for number in stopping.SIGNALS}
    monkeypatch.setattr(stopping, "_heard", stopping._Heard())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stopping.listen()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A training that nothing stopped, and its summary."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(folder)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(("name", "at"), [*((name, 32) for name in NAMES), ("SIGTERM", 0), ("SIGTERM", 59)])
def test_a_training_that_a_signal_stopped_ends_in_the_same_weights(
    name: str, at: int, tmp_path: Path, undisturbed: tuple[Path, dict[str, Any]]
) -> None:
    whole, summary = undisturbed
    made = task()
    honest = made.losses

    def told_meanwhile(network: nn.Module, step: int) -> Iterator[tuple[Tensor, dict[str, Tensor | float]]]:
        for loss, values in honest(network, step):
            if step == at:
                signal.raise_signal(getattr(signal, name))
            yield loss, values

    made.losses = told_meanwhile  # type: ignore[method-assign]
    with pytest.raises(Stopped, match=name):
        run(tmp_path / "stopped", made=made)
    _, kept = checkpoint.unpacked((tmp_path / "stopped" / UNFINISHED).read_bytes())
    assert kept["step"] == at + 1
    assert stopping.exit_code() == (75 if name == "SIGUSR1" else 128 + getattr(signal, name))
    stopping._heard.number = None
    assert run(tmp_path / "stopped") == summary
    for file in (loop.WEIGHTS, loop.CURVE):
        assert (tmp_path / "stopped" / file).read_bytes() == (whole / file).read_bytes()


@pytest.mark.usefixtures("heard")
def test_a_signal_stops_at_once_what_keeps_no_checkpoint() -> None:
    assert not stopping.asked()
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGTERM)
    assert stopping.asked()
    assert stopping.sentence() == "stopped by SIGTERM; the same command again goes on from here"


@pytest.mark.usefixtures("heard")
def test_one_press_that_is_heard_twice_is_one_and_a_second_press_waits_for_nothing() -> None:
    @stopping.between_steps()
    def works() -> None:
        # A terminal tells parent and child, and the parent tells the child.
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        reached.append("a safe place")
        stopping._heard.last -= 2 * stopping.ONE_PRESS
        signal.raise_signal(signal.SIGINT)
        reached.append("too far")

    reached: list[str] = []
    with pytest.raises(Stopped):
        works()
    assert reached == ["a safe place"]
    assert stopping.sentence() == "interrupted; the same command again goes on from here"


@pytest.mark.usefixtures("heard")
def test_a_signal_that_comes_while_the_last_step_is_written_stops_afterwards() -> None:
    written: list[str] = []

    @stopping.between_steps()
    def writes() -> None:
        signal.raise_signal(signal.SIGTERM)
        written.append("weights")

    with pytest.raises(Stopped):
        writes()
    assert written


@pytest.mark.usefixtures("heard")
def test_what_was_ignored_before_is_ignored() -> None:
    number = stopping.SIGNALS[-1]
    signal.signal(number, signal.SIG_IGN)
    stopping.listen()
    signal.raise_signal(number)
    assert not stopping.asked()
