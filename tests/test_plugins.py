"""Finding parts, and keeping broken plugins apart."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

import ftbench
from ftbench.errors import BadInput
from ftbench.parts import discovery
from ftbench.parts.catalogue import RECORDS, Plugins, package_digest
from ftbench.parts.discovery import discover


class Distribution:
    def __init__(self, name: str) -> None:
        self.metadata = {"Name": name, "Version": "1.0"}

    def read_text(self, _: str) -> str | None:
        return '{"url": "x", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}'


class Entry:
    """A stand-in for an installed entry point."""

    def __init__(self, name: str, load: Callable[[], Any], distribution: str = "") -> None:
        self.name, self.load, self.dist = name, load, Distribution(distribution or name)
        self.value = "a_module"


def module(name: str, **functions: Any) -> Callable[[], types.ModuleType]:
    made = types.ModuleType(name)
    for key, function in functions.items():
        setattr(made, key, ftbench.hookimpl(function))
    return lambda: made


def decoder(name: str) -> ftbench.Decoder:
    return ftbench.Decoder(name=name, factory="a:b", summary="x")


def good() -> Any:
    yield decoder("good")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plugins]:
    def install(*entries: Entry) -> Plugins:
        monkeypatch.setattr(discovery.importlib.metadata, "entry_points", lambda group: list(entries))
        return discover()

    return install


def names(found: Plugins) -> list[str]:
    return [provided.record.name for provided in found.of("decoder")]


def raising(error: BaseException) -> Callable[[], Any]:
    def load() -> Any:
        raise error

    return load


@pytest.mark.parametrize("error", [ImportError("no such thing"), SystemExit(3), RuntimeError("boom"), SyntaxError("x")])
def test_a_plugin_that_fails_to_load_leaves_the_others(installed: Any, error: BaseException) -> None:
    found = installed(Entry("bad", raising(error)), Entry("fine", module("fine", ftbench_decoders=good)))
    assert names(found) == ["good"]
    (failure,) = found.failures
    assert (failure.plugin, failure.version, failure.stage) == ("bad", "1.0", "load")
    assert type(error).__name__ in failure.reason
    assert "raise error" in failure.traceback


def test_a_generator_that_fails_half_way_keeps_what_came_before(installed: Any) -> None:
    def half() -> Any:
        yield decoder("first")
        raise KeyError("second")

    found = installed(Entry("half", module("half", ftbench_decoders=half)))
    assert names(found) == ["first"]
    assert found.failures[0].stage == "ftbench_decoders"


def test_a_hook_that_does_not_match_its_spec_is_a_failure(installed: Any) -> None:
    def wrong(argument: int) -> Any:
        yield argument

    found = installed(
        Entry("odd", module("odd", ftbench_decoders=wrong)), Entry("fine", module("f", ftbench_decoders=good))
    )
    assert names(found) == ["good"]
    assert found.failures[0].stage == "register"


@pytest.mark.parametrize("wrong", ["a string", None, ftbench.Encoder(name="e", factory="a:b", summary="x")])
def test_a_record_of_the_wrong_type_is_a_failure(installed: Any, wrong: object) -> None:
    found = installed(Entry("odd", module("odd", ftbench_decoders=lambda: iter([wrong]))))
    assert names(found) == []
    assert "not an ftbench.Decoder" in found.failures[0].reason


def test_two_providers_of_a_name_must_be_told_apart(installed: Any) -> None:
    found = installed(
        Entry("a", module("a", ftbench_decoders=good), "dist-a"),
        Entry("b", module("b", ftbench_decoders=good), "dist-b"),
    )
    with pytest.raises(BadInput, match=r"good@dist-a.*good@dist-b"):
        found.find("decoder", "good")
    assert found.find("decoder", "good@dist-b").plugin == "b"
    with pytest.raises(BadInput, match="dist-a, dist-b"):
        found.find("decoder", "good@other")


def test_unknown_names_get_the_nearest_and_the_plugins_that_failed(installed: Any) -> None:
    found = installed(
        Entry("fine", module("fine", ftbench_decoders=good)), Entry("bad", raising(ImportError("no module named x")))
    )
    with pytest.raises(
        BadInput, match=r"no decoder 'god'; nearest: good; it may be in bad \(bad\), which failed: ImportError"
    ):
        found.find("decoder", "god")


def test_where_a_part_was_installed_from_is_known(installed: Any) -> None:
    assert installed(Entry("fine", module("f", ftbench_decoders=good))).parts[0].commit == "abc123"


def test_an_observer_that_raises_stops_nobody(installed: Any, caplog: pytest.LogCaptureFixture) -> None:
    heard = []

    def bad(folder: str, failed: int) -> None:
        raise RuntimeError("tracker is down")

    def fine(failed: int) -> None:
        heard.append(failed)

    found = installed(
        Entry("bad", module("bad", ftbench_run_finished=bad)), Entry("fine", module("fine", ftbench_run_finished=fine))
    )
    found.tell("ftbench_run_finished", folder="x", failed=2)
    assert heard == [2]
    assert "tracker is down" in caplog.text


def test_built_in_parts_come_in_by_the_same_door(plugins: Plugins) -> None:
    assert not plugins.failures
    found = {kind: {p.record.name for p in plugins.of(kind)} for kind in RECORDS}
    assert "unet-resnet18" in found["encoder"]
    assert "conv7" in found["decoder"]
    assert "faceswap" in found["simulator"]
    assert found["codec"] >= {"none", "repetition"}
    assert found["dataset"] == {"folder", "procedural-faces"}
    assert found["metric"] >= {"psnr", "ssim", "flip", "ciede2000"}
    assert len(found["distortion"]) == 34


def test_every_built_in_factory_and_objection_can_be_imported(plugins: Plugins) -> None:
    for provided in plugins.parts:
        assert callable(provided.record.load())
        assert provided.source_digest()


def test_listing_imports_no_torch() -> None:
    script = (
        "import sys, ftbench.cli; from ftbench.parts.discovery import discover; found = discover(); "
        "assert len(found.parts) > 15 and not found.failures; "
        "heavy = {'torch', 'timm', 'kornia', 'numpy', 'pandas', 'PIL'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_package_digest_hangs_on_the_sources(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "somepart").mkdir()
    file = tmp_path / "somepart" / "__init__.py"
    monkeypatch.syspath_prepend(tmp_path)
    digests = set()
    for text in ("a = 1\n", "a = 2\n", "a = 1\n"):
        file.write_text(text)
        package_digest.cache_clear()
        digests.add(package_digest("somepart"))
    assert len(digests) == 2
    assert package_digest("there_is_no_such_package") == ""


@pytest.mark.parametrize("name", ["a" * 70_000, "folder@" + "b" * 70_000])
def test_a_name_without_an_end_is_shortened_in_its_sentence(plugins: Plugins, name: str) -> None:
    with pytest.raises(BadInput) as told:
        plugins.find("dataset", name)
    assert "…" in str(told.value)
    assert len(str(told.value)) < 400
