"""Records, contract, and what planning refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import ftbench
from ftbench.cli.bench import plan
from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from ftbench.testing import check

NAMES = ("dwt-dct", "dwt-dct-svd", "rivagan")
BENCHMARK = """\
name: classical
dataset: {name: procedural-faces, identities: 2, images_per_identity: 10, size: 256}
message: {bits: 30}
matrix: {encoder: rivagan, decoder: dwt-dct, simulator: none}
evaluate: {simulators: none}
compute: {device: cpu, precision: float32, threads: 1}
"""


def said(plugins: Plugins, name: str, *, size: int = 256, bits: int = 32) -> list[str | None]:
    records = (plugins.find("encoder", name).record, plugins.find("decoder", name).record)
    return [record.object_to(record.parameters(), size=size, bits=bits) for record in records]


@pytest.mark.parametrize("name", NAMES)
def test_records_say_what_the_methods_are(plugins: Plugins, name: str) -> None:
    encoder, decoder = plugins.find("encoder", name).record, plugins.find("decoder", name).record
    assert isinstance(encoder, ftbench.Encoder)
    assert isinstance(decoder, ftbench.Decoder)
    assert (encoder.trainable, decoder.trainable, decoder.differentiable) == (False, False, False)
    assert encoder.pairs_with == (name,)
    assert encoder.max_bits == (32 if name == "rivagan" else None)
    assert encoder.licence == decoder.licence == "MIT"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_each_keeps_the_contract(plugins: Plugins, kind: str, name: str) -> None:
    record = plugins.find(kind, name).record  # type: ignore[arg-type]
    # rivagan takes half a second an image; that its batches are what its images are, the library's own bits show.
    check(replace(record, max_batch=1) if name == "rivagan" else record, size=256, bits=32)


def test_listing_imports_nothing_heavy() -> None:
    script = (
        "import sys, ftbench_classical.plugin as plugin\n"
        "assert len([*plugin.ftbench_encoders(), *plugin.ftbench_decoders()]) == 6\n"
        "heavy = {'torch', 'numpy', 'cv2', 'pywt', 'imwatermark', 'onnxruntime', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_importing_the_library_leaves_the_environment_alone() -> None:
    # OpenCV writes LD_LIBRARY_PATH and Qt's variables when it is imported. Torch, slow to import, is stood in for.
    script = (
        "import os, sys, types; sys.modules['torch'] = types.ModuleType('torch')\n"
        "os.environ['LD_LIBRARY_PATH'] = '/nowhere'; before = dict(os.environ)\n"
        "import ftbench_classical.library\n"
        "assert dict(os.environ) == before"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_sizes_from_256_px(plugins: Plugins, name: str) -> None:
    small = "the classical methods take images of 256 px and up, and these have 255"
    assert said(plugins, name, size=255) == [small, small]
    assert [said(plugins, name, size=size) for size in (256, 257, 2048)] == [[None, None]] * 3


def test_bits_that_a_method_does_not_have(plugins: Plugins) -> None:
    for name in ("dwt-dct", "dwt-dct-svd"):
        assert said(plugins, name, bits=1) == said(plugins, name, bits=1024) == [None, None]
        many = "the code has 1025 bits, and an image of 256 px has 1024 blocks, which carry a bit each"
        assert said(plugins, name, bits=1025) == [many, many]
        assert said(plugins, name, size=264, bits=1025) == [None, None]
    for bits in (31, 33):
        other = f"rivagan carries 32 bits, no more and no fewer, and the code has {bits}"
        assert said(plugins, "rivagan", bits=bits) == [other, other]


@pytest.mark.parametrize("name", NAMES)
def test_without_the_extra_planning_says_what_to_install(
    plugins: Plugins, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imwatermark", None)
    missing = "the classical methods need the invisible-watermark library, which is not installed; "
    assert said(plugins, name) == [f"{missing}pip install 'ftbench[classical]'"] * 2


def test_without_onnxruntime_only_rivagan_is_refused(plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert (
        said(plugins, "rivagan")
        == ["rivagan needs onnxruntime, which is not installed; pip install 'ftbench[classical]'"] * 2
    )
    assert said(plugins, "dwt-dct") == [None, None]


def test_a_library_that_cannot_be_imported_is_told_with_its_reason(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "ftbench_classical.library", raising=False)
    for module in [name for name in sys.modules if name.partition(".")[0] == "cv2"]:
        monkeypatch.delitem(sys.modules, module)
    line = "libGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "cv2.py").write_text(f"raise ImportError({line!r})\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    told = f"the invisible-watermark library cannot be imported ({line}); "
    assert said(plugins, "dwt-dct") == [f"{told}put opencv-python-headless in the place of opencv-python"] * 2


def test_a_release_without_weights_is_refused(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftbench_classical import library

    monkeypatch.setitem(library.WEIGHTS, "decoder", tmp_path / "rivagan_decoder.onnx")
    (first, second) = said(plugins, "rivagan")
    assert first == second
    assert first is not None
    assert "has no weights for rivagan, and nothing is downloaded" in first


def test_the_pages_benchmark_can_be_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "classical.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "own.yaml").write_text(block, encoding="utf-8")
    plan(str(tmp_path / "own.yaml"), out=tmp_path / "results")
    shown = capsys.readouterr().out
    assert [kind for kind in ("fit", "train", "evaluate") if f" {kind} " in shown] == ["train", "evaluate"]


def test_what_does_not_fit_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(BENCHMARK, encoding="utf-8")
    with pytest.raises(BadInput) as told:
        plan(str(tmp_path / "own.yaml"), out=tmp_path / "results")
    for sentence in (
        "line 4, matrix.encoder.0: rivagan carries 32 bits, no more and no fewer, and the code has 30",
        "line 4, matrix.decoder.0: encoder 'rivagan' is read by rivagan, not 'dwt-dct'",
    ):
        assert sentence in str(told.value)
