"""Two clocks, and what is said of a handful of measurements. Pure, but for the clocks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True)
class Took:
    """One measurement, in seconds."""

    wall: float
    cpu: float
    """Processor time of this process, all threads together: what a busy machine falsifies least."""

    def by(self, threads: int) -> float:
        """The clock to trust: processor time of one thread; of several, the wall's, since threads wait by spinning."""
        return self.cpu if threads == 1 else self.wall


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of n values."""

    n: int
    low: float
    median: float
    high: float

    def over(self, number: float) -> Spread:
        """``number`` divided by each: seconds become a rate, and the quartiles change places."""
        return Spread(self.n, number / self.high, number / self.median, number / self.low)


class Watch:
    """Started and stopped by hand, where the work is somebody else's loop."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """From now."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> Took:
        """Since the start."""
        return Took(time.perf_counter() - self._wall, time.process_time() - self._cpu)


def timed(work: Work) -> Took:
    """Time one call."""
    watch = Watch()
    work()
    return watch.stop()


def in_turn(works: Mapping[str, Work], repeats: int, warm: int = 1) -> dict[str, list[Took]]:
    """Each work ``repeats`` times, A B A B …, so that whatever else the machine does meets all of them alike.

    The first ``warm`` rounds are not counted.
    """
    took: dict[str, list[Took]] = {name: [] for name in works}
    for round_ in range(warm + repeats):
        for name, work in works.items():
            once = timed(work)
            if round_ >= warm:
                took[name].append(once)
    return took


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles, the ends included; of a single value, that value. Raises ValueError of none."""
    if not values:
        raise ValueError("nothing was measured")
    if len(values) == 1:
        return Spread(1, values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(len(values), low, median, high)


def ratios(theirs: Sequence[Took], ours: Sequence[Took], threads: int) -> Spread:
    """How many times faster ours is: the ratio of each round, theirs over ours."""
    pairs = zip(theirs, ours, strict=True)
    return spread([one.by(threads) / max(other.by(threads), 1e-9) for one, other in pairs])
