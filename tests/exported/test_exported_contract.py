"""The three parts keep what ``ftbench.contract.records`` promises, by the project's own kit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from exported_nets import BITS, Exports, blend

from ftbench.parts.catalogue import Plugins
from ftbench.testing import check


def test_simulators(plugins: Plugins, exports: Exports, tmp_path: Path) -> None:
    record = plugins.find("simulator", "exported").record
    check(record, size=64, model=str(exports.open_size), input_range="signed")
    check(record, size=64, model=str(exports.fixed), input_range="signed", resize_to=48)
    check(record, size=64, model=str(blend(tmp_path / "four.onnx", (4, 3, 64, 64))))


@pytest.mark.parametrize("more", [{}, {"resize_to": 40}])
def test_encoders(plugins: Plugins, exports: Exports, more: dict[str, Any]) -> None:
    record = plugins.find("encoder", "exported").record
    check(record, size=64, bits=BITS, model=str(exports.writes), message="signed", result="residual", **more)


def test_decoders(plugins: Plugins, exports: Exports) -> None:
    check(plugins.find("decoder", "exported").record, size=64, bits=BITS, model=str(exports.reads))
