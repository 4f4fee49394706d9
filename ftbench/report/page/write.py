"""``report.html``: tables, figures and where each number comes from, in one file that asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ftbench.plaintext import shown
from ftbench.report.files import write_text
from ftbench.report.page.drawn import SAMPLES, Figure, drawn, room
from ftbench.report.page.printed import printed
from ftbench.report.page.sheet import Sheet, sheets
from ftbench.report.result import Stated
from ftbench.report.seeds import SEED, without_seed
from ftbench.report.table import Table
from ftbench.report.tables import caption_text

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE = "report.html"
KEPT = "The rows behind these tables are not kept: numbers stand here as they were printed, and are sorted by that."
MANY = 200
"""Cells from which on a page says once what is the same for all of a kind, and not with each."""
SHORT = 8
"""Letters of a cell's key at least that the page's links name it by."""


def write_page(
    folder: Path, tables: Sequence[Table], caption: Stated, manifest: Mapping[str, Any], title: str = ""
) -> Path:
    """Write ``report.html`` beside the tables and figures of a results folder, whole or not at all; its path."""
    figures, drawings = _pictures(folder)
    return write_text(folder / PAGE, page(tables, caption, manifest, figures, title, drawings=drawings))


def write_kept_page(folder: Path, tables: Mapping[str, str], manifest: Mapping[str, Any]) -> Path:
    """Write ``report.html`` of a folder without rows from ``tables``, name -> Markdown, in their order; its path.

    Raises ValueError where one is no printed table.
    """
    settings = _settings(list(map(_cell, manifest.get("cells", []))))
    made = [printed(text, name, settings) for name, text in tables.items()]
    sheets = [sheet for one in made for sheet in one.sheets]
    figures, drawings = _pictures(folder)
    caption = f"{made[0].caption} {KEPT}" if made else KEPT
    return write_text(folder / PAGE, _drawn(sheets, caption, manifest, figures, drawings))


def _pictures(folder: Path) -> tuple[dict[str, bytes], ...]:
    return tuple(
        {path.stem: path.read_bytes() for path in sorted((folder / "figures").glob(f"*.{kind}"))}
        for kind in ("png", "svg")
    )


def page(
    tables: Sequence[Table],
    caption: Stated,
    manifest: Mapping[str, Any],
    figures: Mapping[str, bytes],
    title: str = "",
    again: str = "",
    drawings: Mapping[str, bytes] | None = None,
) -> str:
    """The page's text. ``figures``: stem of a file -> PNG, ``drawings`` the SVG of some.

    Names of parts, people and files stay text. ``again``: how its numbers are made once more, where no run of one
    benchmark makes them.
    """
    cells = [_cell(cell) for cell in manifest.get("cells", [])]
    keys = _keys(cells)
    seeds = {cell["key"]: dict(cell["facts"]).get(SEED, "") for cell in cells if cell["kind"] == "evaluate"}
    shown_tables = [table for table in tables if table.printed]
    said = caption_text(shown_tables[0], caption) if shown_tables else shown(caption.line())
    made = [sheet for table in shown_tables for sheet in sheets(table, keys, seeds)]
    lead = next((table.lead for table in shown_tables if table.lead), ())
    return _drawn(made, said, manifest, figures, drawings or {}, title, again, lead)


def _keys(cells: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Label of a setting -> key of its evaluation."""
    return {cell["label"]: cell["key"] for cell in cells if cell["kind"] == "evaluate"}


def _settings(cells: Sequence[Mapping[str, Any]]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Label of an evaluation, and of all that differ from it in their seed alone -> key and seed of each."""
    alone: dict[str, tuple[tuple[str, str], ...]] = {}
    together: dict[str, tuple[tuple[str, str], ...]] = {}
    for cell in cells:
        if cell["kind"] == "evaluate":
            seed = dict(cell["facts"]).get(SEED, "")
            named = without_seed(cell["label"], seed)
            alone[cell["label"]] = ((cell["key"], seed),)
            together[named] = (*together.get(named, ()), (cell["key"], seed))
    return alone | together


def _drawn(
    made: Sequence[Sheet],
    caption: str,
    manifest: Mapping[str, Any],
    figures: Mapping[str, bytes],
    drawings: Mapping[str, bytes],
    title: str = "",
    again: str = "",
    lead: Sequence[tuple[str, str]] = (),
) -> str:
    cells = [_cell(cell) for cell in manifest.get("cells", [])]
    anchors = _short(cell["key"] for cell in cells)
    for cell in cells:
        cell["anchor"] = anchors[cell["key"]]
    style, script = (_part(name) for name in ("page.css", "page.js"))

    def rendered(every: Sequence[Figure]) -> str:
        return template.render(
            title=shown(title) or _title(manifest),
            lead=lead,
            facts=list(_facts(manifest)),
            caption=caption,
            failed=[cell for cell in cells if cell["status"] == "failed"],
            stalled=[cell for cell in cells if cell["status"] == "stalled" and cell["kind"] != "evaluate"],
            sheets=made,
            pictures=[figure for figure in every if figure.stem == SAMPLES],
            figures=[figure for figure in every if figure.stem != SAMPLES],
            cells=cells,
            anchors=anchors,
            shared=_shared(cells) if len(cells) > MANY else {},
            again=shown(again) or _again(manifest),
            style=Markup(style),
            script=Markup(script),
            style_digest=_digest(style),
            script_digest=_digest(script),
        )

    template = _environment().get_template("page.html")
    # Without figures first: they have the room that words leave.
    words = rendered(())
    return rendered(list(drawn(figures, drawings, room(len(words.encode()))))) if figures else words


def _environment() -> Environment:
    # A run that finds its page standing does without.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("ftbench.report.page", "")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)


def _part(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What a content-security policy names an inline style or script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _title(manifest: Mapping[str, Any]) -> str:
    """Name, what the benchmark is about, and scale."""
    about = (manifest.get("configuration") or {}).get("title", "")
    name, scale = manifest.get("benchmark", ""), manifest.get("scale", "")
    of_val = ", val" if manifest.get("split") == "val" else ""
    return shown(f"{name}{f': {about}' if about else ''}, scale {scale}{of_val}")


def _facts(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    data, compute, code = (manifest.get(name) or {} for name in ("data", "compute", "code"))
    machine = manifest.get("machine") or {}
    made = manifest.get("cells", [])
    settings = [str(cell.get("label", "")) for cell in made if cell.get("kind") == "evaluate"]
    facts = {
        "data": f"{data.get('name', '')} ({str(data.get('digest', ''))[:12]})" if data else "",
        "picture size": f"{data.get('size', '')} px" if data else "",
        "seeds": ", ".join(map(str, (manifest.get("seeds") or {}).get("train", []))),
        "settings": f"{settings[0] if len(settings) == 1 else len(settings)}" if made else "",
        "worked for": _time(sum(float(cell.get("seconds") or 0) for cell in made)) if made else "",
        "on": f"{compute.get('device', '')}, {compute.get('precision', '')}, {machine.get('processor', '')}"
        if compute
        else "",
        "ftbench": f"{code.get('ftbench', '')} ({str(code.get('commit', ''))[:10] or 'no commit known'})",
        "written": str(manifest.get("written", ""))[:16].replace("T", " "),
    }
    for name, value in facts.items():
        if value:
            yield name, shown(value)


def _cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    key, kind = str(cell.get("identity", "")), str(cell.get("kind", ""))
    made = cell.get("made_with") or {}
    row = (cell.get("row") or {}).get("columns") or {}
    seconds = cell.get("seconds")
    facts = {
        **{str(name): str(value) for name, value in row.items()},
        "steps": f"{cell['steps']:,}" if "steps" in cell else "",
        "weights of step": f"{cell['best_step']:,}" if "best_step" in cell else "",
        "parameters": f"{cell['parameters']:,}" if "parameters" in cell else "",
        "images": str(cell.get("images", "")),
        "took": _time(float(seconds)) if seconds is not None else "",
        "code": str(made.get("commit", "")),
        "libraries": ", ".join(
            f"{name} {made[name]}" for name in ("python", "torch", "kornia", "timm") if name in made
        ),
        "remark": str(cell.get("remark", "")),
        "reason": str(cell.get("reason", "")),
        "cell": key,
    }
    return {
        "kind": shown(kind),
        "label": shown(str(cell.get("label", "")).removeprefix(f"{kind} ")),
        "status": shown(str(cell.get("status", ""))),
        "reason": shown(str(cell.get("reason", ""))),
        "key": shown(key),
        "facts": [(shown(name), shown(value)) for name, value in facts.items() if value],
        "inputs": [shown(str(needed)) for needed in cell.get("inputs", [])],
    }


def _short(keys: Iterable[str]) -> dict[str, str]:
    """Of each key as many letters as tell it from all others: it stands in every row of every table."""
    every = sorted(set(keys))
    length = next(n for n in range(SHORT, 10_000) if len({key[:n] for key in every}) == len(every))
    return {key: key[:length] for key in every}


def _shared(cells: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    """By kind of cell the facts that all of that kind have, where there are several: they are said once."""
    kinds: dict[str, list[list[tuple[str, str]]]] = {}
    for cell in cells:
        kinds.setdefault(cell["kind"], []).append(cell["facts"])
    return {
        kind: [fact for fact in facts[0] if all(fact in other for other in facts)]
        for kind, facts in kinds.items()
        if len(facts) > 1
    }


def _again(manifest: Mapping[str, Any]) -> str:
    on_val = " --set evaluate.split=val" if manifest.get("split") == "val" else ""
    return shown(
        "Each number is of one cell: a fit, a training or an evaluation, named by everything that it hangs on. To make "
        f"them again: ftbench run {manifest.get('benchmark', '')} --scale {manifest.get('scale', '')}{on_val}"
    )


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
