"""The command line: subjects by name, or one of the other commands that README.md lists."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.lines import Line, table, written
from benchmarks.speed.setup import named
from ftbench.errors import FtbenchError

Subject = Callable[..., Iterator[Line]]


def subjects() -> dict[str, Subject]:
    """Every subject that is timed, in the order of a run without names; each imports what it needs."""
    from benchmarks.speed import apart, children, faces, grid, parts, peak, quality, step

    return {
        "step-small": step.subject("step-small", "small"),
        "step-field": step.subject("step-field", "field"),
        "step-paper": apart.subject("step-paper", "paper"),
        "share": peak.share,
        "marking": parts.marking,
        "distortions": parts.kind_of("distortion"),
        "simulators": parts.kind_of("simulator"),
        "metrics": parts.kind_of("metric"),
        "quality": quality.quality,
        "faces": faces.faces,
        "grid": grid.grid,
        "start-up": children.start_up,
        "planning": children.planning,
        "rerun": children.rerun,
        "memory": children.memory,
    }


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; the exit code: 1 where a ratio was lost, 2 for bad input."""
    asked = _parsed(arguments)
    try:
        return int(asked.work(asked) or 0)
    except FtbenchError as error:
        print(error, file=sys.stderr)
        return 2


def _time(asked: argparse.Namespace) -> None:
    known = subjects()
    lines: list[Line] = []
    for name in named(asked.names, list(known)):
        print(f"{name} …", file=sys.stderr)
        found = list(known[name](**_settings(asked)))
        print(table(found), "\n", flush=True)
        lines += found
        if asked.json:
            written(lines, asked.json)


def _settings(asked: argparse.Namespace) -> dict[str, Any]:
    return {
        "threads": tuple(asked.threads),
        "repeats": asked.repeats,
        "warm": asked.warm,
        "kept": asked.kept,
        "whole": asked.whole,
    }


def _check(asked: argparse.Namespace) -> int:
    from benchmarks.speed import check

    return check.main(asked.store, asked.json)


def _curves(asked: argparse.Namespace) -> None:
    from benchmarks.speed import curves

    print(curves.main(asked.scale, asked.seeds, asked.steps))


def _arrive(asked: argparse.Namespace) -> None:
    from benchmarks.speed import arrive

    print(arrive.main(asked.scale, asked.data, asked.out, asked.reads, asked.psnr, asked.times))


def _growth(asked: argparse.Namespace) -> None:
    from benchmarks.speed import growth

    print(growth.main(asked.figure, asked.repeats))


def _shares(asked: argparse.Namespace) -> None:
    from benchmarks.speed import shares

    print(shares.main(asked.scale, asked.repeats, asked.warm))


def _against(asked: argparse.Namespace) -> None:
    from benchmarks.speed import against

    print(against.main(asked.checkout, asked.name, asked.rounds, asked.repeats, asked.warm, asked.threads[0]))


def _alone(asked: argparse.Namespace) -> None:
    from benchmarks.speed import apart

    print(json.dumps(apart.alone(asked.side, asked.scale, asked.threads[0], asked.repeats, asked.warm)))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    # Other commands are told apart by the first word, so that subjects need none.
    first = arguments[0] if arguments else ""
    parser.add_argument("--repeats", type=int, default=10, help="measurements of each")
    parser.add_argument("--warm", type=int, default=2, help="rounds before the first that counts")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="such as 1 2")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    if first == "check":
        parser.add_argument("command")
        parser.add_argument("--store", action="store_true", help="keep today's ratios as those to be held")
        parser.set_defaults(work=_check)
    elif first == "curves":
        parser.add_argument("command")
        parser.add_argument("--scale", default="small")
        parser.add_argument("--seeds", type=int, default=3)
        parser.add_argument("--steps", type=int, default=300)
        parser.set_defaults(work=_curves)
    elif first == "arrive":
        parser.add_argument("command")
        parser.add_argument("--scale", default="small")
        parser.add_argument("--data", required=True, help="folder of two people's faces")
        parser.add_argument("--out", type=Path, default=Path("results"), help="where both runs are kept")
        parser.add_argument("--reads", type=float, default=0.96, help="share of bits after the swap")
        parser.add_argument("--psnr", type=float, default=30.0)
        parser.add_argument("--times", type=float, default=20.0, help="our operations that the other may take")
        parser.set_defaults(work=_arrive)
    elif first == "growth":
        parser.add_argument("command")
        parser.add_argument("--figure", type=Path, default=Path("docs/figures/cost.png"))
        parser.set_defaults(work=_growth)
    elif first == "shares":
        parser.add_argument("command")
        parser.add_argument("scale", nargs="?", default="field")
        parser.set_defaults(work=_shares)
    elif first == "alone":
        parser.add_argument("command")
        parser.add_argument("side", choices=("ours", "plain"), help="whose steps to time in this process")
        parser.add_argument("scale")
        parser.set_defaults(work=_alone)
    elif first == "against":
        parser.add_argument("command")
        parser.add_argument("checkout", type=Path, help="another checkout of this repository")
        parser.add_argument("name", help="the subject")
        parser.add_argument("--rounds", type=int, default=5, help="processes of each, in turn")
        parser.set_defaults(work=_against)
    else:
        parser.add_argument("names", nargs="*", metavar="NAME", help="subjects; none: all of them")
        parser.add_argument("--kept", type=Path, help="results folder for rerun, to run quick.yaml only once")
        parser.add_argument("--whole", action="store_true", help="memory of a whole run, no steps cut")
        parser.set_defaults(work=_time)
    return parser.parse_args(arguments)
