"""The process that a plugin is examined in: it reads a request and writes events, a JSON object a line.

Whatever the plugin does to this process, what was written before stays; see ``ftbench.testing.apart``.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ftbench.machine import watchdog
from ftbench.testing import places
from ftbench.testing.finding import CannotExamine, Finding


def main(request_file: str, events_file: str, hang_file: str) -> None:
    """Do what the request says, then end the process, threads left behind or not."""
    request: dict[str, Any] = json.loads(Path(request_file).read_text(encoding="utf-8"))
    watchdog.end_with(request["parent"])
    with Path(events_file).open("a", encoding="utf-8") as events, Path(hang_file).open("w", encoding="utf-8") as hang:
        say = _Teller(events)
        leave = os._exit

        def told_exit(code: int) -> None:
            place = next((f for f in reversed(traceback.extract_stack()[:-1])), None)
            where = places.shown(place.filename, place.lineno or 1) if place else ""
            say("exit", code=code, where=where)
            leave(code)

        os._exit = told_exit  # type: ignore[assignment]
        try:
            _JOBS[request["job"]](request, say, hang)
        except BaseException:
            traceback.print_exc()
            leave(70)
        say("end")
        leave(0)


class _Teller:
    def __init__(self, file: Any) -> None:
        self.file = file

    def __call__(self, event: str, **values: Any) -> None:
        self.file.write(json.dumps({"event": event, **values}, default=str) + "\n")
        self.file.flush()


def _list(request: Mapping[str, Any], say: _Teller, hang: Any) -> None:
    from ftbench.testing.listing import examine_listing

    faulthandler.dump_traceback_later(request["seconds"], exit=True, file=hang)
    listing = examine_listing(request["name"], request["value"])
    for finding in listing.findings:
        say("finding", **asdict(finding))
    for record in listing.records:
        say("part", kind=record.kind, name=record.name, pairs_with=list(getattr(record, "pairs_with", ())))
    say("listed", torch=listing.torch)


def _list_beside_torch(request: Mapping[str, Any], say: _Teller, hang: Any) -> None:
    import ftbench.testing.world  # noqa: F401  (torch, before the time runs)
    from ftbench.testing.listing import examine_beside_torch

    faulthandler.dump_traceback_later(request["seconds"], exit=True, file=hang)
    for finding in examine_beside_torch(request["name"], request["value"]):
        say("finding", **asdict(finding))


def _examine(request: Mapping[str, Any], say: _Teller, hang: Any) -> None:
    from ftbench.errors import BadInput
    from ftbench.testing.dispatch import survey
    from ftbench.testing.listing import records_of
    from ftbench.testing.world import watched

    say("ready")
    listed: dict[str, Any] = {}
    for index, part in enumerate(request["parts"]):
        faulthandler.dump_traceback_later(request["seconds"], exit=True, file=hang)
        started = time.monotonic()
        if part["entry"] not in listed:
            # What listing changes here was found when it was examined; the next part must not meet it.
            with watched(torch_draws=False):
                listed[part["entry"]] = records_of(part["entry"], part["value"])
        record = next(r for r in listed[part["entry"]] if (r.kind, r.name) == (part["kind"], part["name"]))
        answer: dict[str, Any] = {"findings": [], "notes": [], "bad": ""}
        try:
            report = survey(record, request["size"], request["bits"], **request["parameters"])
            notes = [*report.notes, _fingerprint(record, part["distribution"])]
            answer |= {"findings": [asdict(finding) for finding in report.findings], "notes": notes}
        except CannotExamine as reason:
            answer["notes"] = [f"not examined: {reason}"]
        except BadInput as reason:
            answer["bad"] = str(reason)
        say("report", index=index, seconds=time.monotonic() - started, **answer)


def _fingerprint(record: Any, distribution: str) -> str:
    """What vouches for the part in the cells that use it, in a few words."""
    from ftbench.parts.fingerprint import fingerprint, packages_of
    from ftbench.vouching.evidence import code_of

    code = code_of(record.factory, packages_of(distribution, [record.factory]))
    version = getattr(record, "version", None)
    numbers = "no version declared" if version is None else f"version {version}"
    return f"fingerprint {fingerprint(code)} of {len(code)} file{'s' * (len(code) != 1)}, {numbers}"


_JOBS = {"list": _list, "list beside torch": _list_beside_torch, "examine": _examine}


def finding_of(event: Mapping[str, Any]) -> Finding:
    """The finding that an event tells of."""
    return Finding(*(str(event[name]) for name in ("check", "promised", "happened", "where")))


if __name__ == "__main__":
    main(*sys.argv[1:4])
