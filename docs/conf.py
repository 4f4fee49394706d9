"""The documentation site: ``python -m sphinx -W --keep-going -b html docs build/docs``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "plugins")]

import ftbench  # noqa: E402

project = "ftbench"
author = "the ftbench maintainers"
version = release = ftbench.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.intersphinx"]
html_theme = "furo"
html_title = f"ftbench {version}"
exclude_patterns = ["make_*"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"
# Nothing is fetched while the site is built: it builds without a network.
intersphinx_mapping: dict[str, Any] = {}
OUTSIDE = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+|make_[^)#\s]+)(#[^)\s]*)?\)")


def _without_links_outside(app: Any, docname: str, source: list[str]) -> None:
    """Links to files of the repository that are no pages become their paths, which must be there."""
    from sphinx.util import logging

    def named(link: re.Match[str]) -> str:
        text, target = link.group(1), link.group(2)
        if not (HERE / docname).parent.joinpath(target).exists():
            logging.getLogger(__name__).warning("%s: there is no %s", docname, target)
        path = target.removeprefix("../")
        return f"`{path}`" if text.strip("`") in path else f"{text} (`{path}`)"

    source[0] = OUTSIDE.sub(named, source[0])


def setup(app: Any) -> None:
    """Register what this site does of its own."""
    app.connect("source-read", _without_links_outside)
