from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ftbench.report import report_tables
from ftbench.report.crossed import ACROSS
from ftbench.report.page import page
from ftbench.report.page.drawn import PICTURES
from ftbench.report.page.printed import printed
from ftbench.report.page.sheet import Row, sheets
from ftbench.report.page.write import MANY
from ftbench.report.result import Caption
from ftbench.report.table import ABSENT
from ftbench.report.tables import ONE_IMAGE, caption_text, markdown
from ftbench.storage.results import PSNR_SSIM, CellResult
from tests.conftest import Said
from tests.report.kept_rows import ROOT, manifest_of, metrics_of, results_of

KEPT = ("paper/two_identity-small", "field/many_identities-small")
WITHOUT_ROWS = (
    "paper/two_identity-medium", "field/many_identities-medium", "transfer/many_identities-medium",
    "field-256/portraits-small", "field/many_identities-small",
)  # fmt: skip
HOSTILE = "<script>alert(1)</script>\" onload='x' &amp; \x1b[31m"


class Seen(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def manifest(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"benchmark": "paper", "scale": "small", "data": {"name": "faces", "digest": "0" * 64, "size": 32},
            "seeds": {"train": [0]}, "cells": list(cells)}  # fmt: skip


def cell(label: str, status: str = "done", **more: Any) -> dict[str, Any]:
    return {"kind": "evaluate", "label": label, "identity": hashlib.sha256(label.encode()).hexdigest(),
            "inputs": [], "status": status, **more}  # fmt: skip


def made(results: list[CellResult], caption: Caption, *cells: dict[str, Any], **figures: bytes) -> str:
    tables = [printed for printed, _ in report_tables(results, PSNR_SSIM)]
    return page(tables, caption, manifest(*cells), figures)


def noise(side: int) -> bytes:
    held = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


def test_the_policy_allows_this_style_this_script_and_nothing_else(result: CellResult, caption: Caption) -> None:
    text = made([result], caption, cell("one"))
    [policy] = [str(meta["content"]) for meta in Seen(text).all("meta") if "http-equiv" in meta]
    for tag in ("style", "script"):
        [inside] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", text)


def test_hostile_names_stay_text(result: CellResult, caption: Caption) -> None:
    hurt = replace(result, label=HOSTILE, settings={**result.settings, "encoder": HOSTILE})
    other = replace(result, cell="f" * 64)
    told = cell(HOSTILE, "failed", reason=HOSTILE)
    seen = Seen(made([hurt, other], replace(caption, data=HOSTILE), told))
    assert len(seen.all("script")) == 1
    assert not [tag for tag, attributes in seen.tags if any(name.startswith("on") for name in attributes)]
    assert "<script>alert(1)</script>" in "".join(seen.words)
    assert "\x1b" not in "".join(seen.words)


def test_failed_and_stalled_cells_stand_on_top(result: CellResult, caption: Caption) -> None:
    fit = {**cell("net", "stalled"), "kind": "train"}
    text = made([result], caption, cell("one"), cell("two", "failed", reason="no memory"), fit)
    before = text[: text.index("<main")]
    assert "no memory" in before
    assert "do not trust" in before
    assert "one" not in re.findall(r'class="trouble".*?</section>', before, re.DOTALL)[0].split("two")[0]


def test_every_printed_number_is_there_with_its_interval(result: CellResult, caption: Caption) -> None:
    seen = Seen(made([result], caption, cell("one")))
    intervals = [str(entry["data-i"]) for entry in seen.all("td") if "data-i" in entry]
    tables = [printed for printed, _ in report_tables([result], PSNR_SSIM) if printed.printed]
    entries = [entry for table in tables for column in table.columns if column.digits is not None
               for entry in table.frame[column.key] if entry.estimate is not None]  # fmt: skip
    assert entries
    assert len(intervals) >= len(tables)
    # Of how many images is said above, and again only where there are others.
    assert all(re.fullmatch(r"\S+ \[[^\]]+, [^\]]+\]( n=\d+)?.*", interval) for interval in intervals)
    assert "n = 2 where nothing else stands" in " ".join(seen.words)


def test_a_hundred_cells_and_their_figures_fit_a_megabyte(result: CellResult, caption: Caption) -> None:
    many = [replace(result, cell=f"{number:064x}", label=f"setting {number}",
                    settings={**result.settings, "encoder": f"encoder {number}"}) for number in range(100)]  # fmt: skip
    tables = [printed for printed, _ in report_tables(many, PSNR_SSIM) if printed.name != "pairs"]
    told = manifest(*(cell(one.label) for one in many))
    text = page(tables, caption, told, {"curves": noise(1500), "samples": noise(1500)})
    assert len(text.encode()) < 1_000_000
    sources = [str(image["src"]) for image in Seen(text).all("img")]
    assert len(sources) == 2
    assert sum(map(len, sources)) < PICTURES * 4 / 3 + 200


def of_many(result: CellResult, number: int) -> str:
    many = []
    for place in range(number):
        key, name = hashlib.sha256(str(place).encode()).hexdigest(), f"net {place:03}"
        many.append(replace(result, cell=key, label=name, settings={**result.settings, "encoder": name}))
    tables = [printed for printed, _ in report_tables(many, PSNR_SSIM) if printed.name != "pairs"]
    told = [
        cell(one.label, identity=one.cell, row={"columns": one.settings}, made_with={"torch": "2.14"}) for one in many
    ]
    return page(tables, Words("Made up."), manifest(*told), {})


def test_many_methods_stand_below_each_other_and_lead_to_their_cells(result: CellResult) -> None:
    seen = Seen(of_many(result, ACROSS + 1))
    [attacks] = [table for table in seen.all("table") if table["data-name"] == "attacks"]
    assert attacks
    kinds = [(span["colspan"], span.get("scope")) for span in seen.all("th") if "colspan" in span]
    # A name, then what is read of marked images, after a deepfake, after JPEG and of covers, each below its kind.
    assert ("1", None) in kinds
    assert ("2", "colgroup") in kinds
    targets = {str(details["id"]) for details in seen.all("details") if "id" in details}
    links = {str(link["href"]).removeprefix("#") for link in seen.all("a") if "cell-" in str(link.get("href"))}
    assert len(targets) == ACROSS + 1
    assert links == targets
    across = Seen(of_many(result, ACROSS))
    assert not [span for span in across.all("th") if span.get("scope") == "colgroup"]


def test_what_hundreds_of_cells_share_is_said_once(result: CellResult) -> None:
    text = " ".join(Seen(of_many(result, MANY + 1)).words)
    assert "The same for every cell of kind evaluate:" in text
    assert text.count("torch 2.14") == 1
    assert text.count("net 007") > 1
    few = " ".join(Seen(of_many(result, 3)).words)
    assert few.count("torch 2.14") == 3


def kept_page(folder: str) -> str:
    told = manifest_of(folder)
    tables = [printed for printed, _ in report_tables(results_of(folder), metrics_of(folder))]
    figures = {file.stem: file.read_bytes() for file in (ROOT / folder / "figures").glob("*.png")}
    return page(tables, Words(told["caption"]), told, figures)


@pytest.mark.parametrize("folder", WITHOUT_ROWS)
def test_a_folder_without_rows_has_a_page_of_what_was_printed(folder: str, tmp_path: Path, said: Said) -> None:
    """Every number of every kept file, and the settings' links, whatever pieces the tables were printed in."""
    kept = tmp_path / "kept"
    shutil.copytree(ROOT / folder, kept)
    assert said("report", kept)[0] == 0
    seen = Seen((kept / "report.html").read_text(encoding="utf-8"))
    words = Counter(" ".join(seen.words).split())
    for file in sorted((kept / "tables").glob("*.md")):
        rows = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        numbers = Counter(re.findall(r"(?<=[| ])\d+\.\d+(?= ±| −)", "\n".join(rows)))
        assert numbers or not rows
        assert not numbers - words, file.name
    sorts = [float(str(entry["data-v"])) for entry in seen.all("td") if "data-v" in entry]
    assert len(sorts) > 20
    targets = {str(details["id"]) for details in seen.all("details") if "id" in details}
    links = {str(link["href"]).removeprefix("#") for link in seen.all("a") if "cell-" in str(link.get("href"))}
    assert links
    assert links <= targets
    # Every setting's head, or the name of its row, leads to the cells that its numbers are of.
    evaluated = [one for one in manifest_of(folder)["cells"] if one["kind"] == "evaluate"]
    assert {f"cell-{one['identity'][:8]}" for one in evaluated} <= links


def test_printed_names_are_found_by_what_they_were() -> None:
    made = {"swap w=1 30 dB": (("a", "0"), ("b", "1")), "swap w=1, long and longer 30 dB": (("c", "0"),)}
    text = "**T.** Said.\n\n| | 30 dB | odd |\n|-|-:|-:|\n| x | 1 | 2 |\n\nIn the name of every method: swap w=1."
    [sheet] = printed(text, "t", made).sheets
    assert [head.cells for head in sheet.heads] == [(), made["swap w=1 30 dB"], ()]
    text = "**T.** Said.\n\n| | swap w=1 30 dB 2 seeds STALLED |\n|-|-:|\n| swap w=1, l … (a) | 1 |\n\n"
    [sheet] = printed(text + "In full: (a) swap w=1, long and longer 30 dB (reached 29.00 dB).", "t", made).sheets
    assert sheet.heads[1].cells == made["swap w=1 30 dB"]
    assert sheet.rows[0].entries[0].cell == "c"


def test_no_page_is_made_of_a_table_that_changed(tmp_path: Path, said: Said) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(ROOT / "transfer/many_identities-medium", kept)
    table = kept / "tables" / "main.md"
    table.write_text(table.read_text(encoding="utf-8").replace("9", "8"), encoding="utf-8")
    code, text = said("report", kept)
    assert code == 2
    assert "main.md has changed since it was written, so no page is made of it" in " ".join(text.split())
    assert not (kept / "report.html").exists()
    table.write_text("| no | title |\n", encoding="utf-8")
    told = json.loads((kept / "manifest.json").read_text(encoding="utf-8"))
    (kept / "manifest.json").write_text(json.dumps({**told, "files": {}}), encoding="utf-8")
    code, text = said("report", kept)
    assert code == 2
    assert "main does not begin with a title and a caption" in " ".join(text.split())


def test_printed_pieces_stand_beside_each_other_again(caption: Caption, result: CellResult) -> None:
    """What a table prints and what a page makes of that are the same words, groups, best entries and notes."""
    many = [replace(result, cell=f"{place:064x}", label=f"net | {place} *of* many",
                    settings={**result.settings, "encoder": f"net {place}"}) for place in range(9)]  # fmt: skip
    table = next(made for made, _ in report_tables(many, PSNR_SSIM) if made.name == "attacks")
    text = markdown(table, caption)
    assert text.count("|-") > 1, "more than one piece"
    read = printed(text, "attacks", {})
    assert read.caption == caption_text(table, caption)
    [sheet] = read.sheets
    [own] = sheets(table, {}, {})
    assert [head.text for head in sheet.heads] == [head.text for head in own.heads]
    told, mine = ([[row.group] + [(entry.text, entry.best) for entry in row.entries] for row in one.rows]
                  for one in (sheet, own))  # fmt: skip
    assert told == mine
    assert set(own.notes) <= set(sheet.notes)


@dataclass(frozen=True)
class Words:
    text: str

    def line(self) -> str:
        return self.text


def test_headings_lead_to_the_cells_that_numbers_are_of(result: CellResult, caption: Caption) -> None:
    seeds = [replace(result, cell=f"{seed}" * 64, label=f"one seed {seed}", settings={**result.settings, "seed": seed})
             for seed in "01"]  # fmt: skip
    told = [cell(one.label, identity=one.cell, row={"columns": one.settings}) for one in seeds]
    seen = Seen(made(seeds, caption, *told))
    targets = {str(details["id"]) for details in seen.all("details") if "id" in details}
    links = [str(link["href"]).removeprefix("#") for link in seen.all("a") if "How" in str(link.get("aria-label"))]
    assert {f"cell-{one.cell[:8]}" for one in seeds} == set(links)
    assert set(links) <= targets


def test_no_row_is_empty(result: CellResult, caption: Caption) -> None:
    tables = [printed for printed, _ in report_tables([result], PSNR_SSIM) if printed.printed]
    for table in tables:
        for sheet in sheets(table, {}, {}):
            groups = [row.group for row in sheet.rows if row.group]
            assert len(groups) == len(set(groups))
            for row, following in itertools.pairwise([*sheet.rows, Row(group="end")]):
                assert row.entries or following.entries, "a heading without rows"
                assert row.group or any(entry.text != ABSENT for entry in row.entries[1:])


def test_one_image_and_a_metric_without_a_number_are_said_where_they_are(
    many: Callable[..., CellResult], caption: Caption
) -> None:
    one = many("a", np.asarray([33.0]), np.asarray([1]))
    text = " ".join(Seen(made([one], caption, cell("set a"))).words)
    assert ONE_IMAGE in text
    assert "33.00 ±n/a" in text
    some = many("b", np.asarray([33.0, np.nan, 35.0, np.inf]), np.asarray([1, 0, 0, 2]))
    text = " ".join(Seen(made([some], caption, cell("set b"))).words)
    assert ONE_IMAGE not in text
    # Two of four are left, and why.
    assert re.search(r"34\.00 ±\S+ n=2 \(1 identical, 1 not a number\)", text)
    # The rest stands: 3 of 4 × 8 bits are wrong.
    assert "90.6" in text


def _place(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("label", "kind", "simulator", "distortion"))


@pytest.mark.parametrize("folder", KEPT)
def test_a_page_of_kept_results_has_their_numbers(folder: str) -> None:
    """Rows were made up to have the kept rates: the page shows those, in the columns of their methods."""
    tables = {printed.name: rows for printed, rows in report_tables(results_of(folder), metrics_of(folder))}
    with (ROOT / folder / "tables" / "attacks.csv").open(encoding="utf-8", newline="") as file:
        kept = {_place(row): float(row["raw_bit_accuracy_value"]) for row in csv.DictReader(file)}
    found = tables["attacks"].frame
    assert len(found) == len(kept)
    for row in found.to_dict("records"):
        assert row["raw_bit_accuracy"].estimate.value == pytest.approx(kept[_place(row)], abs=1 / (97 * 8))
    text = kept_page(folder)
    assert len(text.encode()) < 1_000_000
    assert text.count("<figure>") == 2
