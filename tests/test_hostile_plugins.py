"""Plugins that do what no plugin may: none of them stops the listing, another plugin or another cell."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from ftbench.errors import BadInput, CellFailed
from ftbench.parts import isolation
from ftbench.parts.catalogue import BUILT_IN
from ftbench.parts.discovery import Policy, discover
from ftbench.runner import executor as execute
from tests.conftest import TINY
from tests.throwaway import Installed, install

TRAINED_AGAINST = "simulator: {name: faceswap, width: 0.06, latent: 16}"
PREAMBLE = "import ftbench\n"
GOOD = (
    PREAMBLE
    + """
@ftbench.hookimpl
def ftbench_decoders():
    yield ftbench.Decoder(name="NAME", factory="MODULE:x", summary="a decoder that is fine")
"""
)
RECORD = "@ftbench.hookimpl\ndef ftbench_decoders():\n    "

AT_LISTING = {
    "fine": GOOD.replace("NAME", "fine-one"),
    "raises": "raise RuntimeError('no licence file')\n",
    "exits": "exit(3)\n",
    "hangs": "import time\ntime.sleep(600)\n",
    "computes": "while True:\n    pass\n",
    "swallows": "import time\nwhile True:\n    try:\n        time.sleep(600)\n    except Exception:\n        pass\n",
    "endless": PREAMBLE + RECORD + "while True:\n        yield ftbench.Decoder(name='e', factory='a:b', summary='x')\n",
    "sleepy": PREAMBLE + RECORD + "yield from iter(lambda: __import__('time').sleep(600), 0)\n",
    "wrong-type": PREAMBLE + RECORD + "yield 'a decoder'\n",
    "returns-none": PREAMBLE + RECORD + "return None\n",
    "bad-name": PREAMBLE + RECORD + "yield ftbench.Decoder(name='Bad Name', factory='a:b', summary='x')\n",
    "no-factory": PREAMBLE + RECORD + "yield ftbench.Decoder(name='no-factory', summary='x')\n",
    "markup": PREAMBLE + RECORD + "yield ftbench.Decoder(name='mark', factory='a:b', summary='[/nonsense] [red]')\n",
    "prints": "print('hello from a plugin')\n" + GOOD.replace("NAME", "printing-one"),
    "newer": GOOD.replace("NAME", "newer-one") + "\n@ftbench.hookimpl\ndef ftbench_encoderz():\n    return ()\n",
    "twice": GOOD.replace("NAME", "twice-one")
    + "\nagain = ftbench.hookimpl(specname='ftbench_decoders')(lambda: ftbench_decoders())\n",
}
AT_LISTING |= {
    "no-hooks": "def ftbench_decoders():\n    return ()\n",
    "interrupts": "raise KeyboardInterrupt\n",
    "speechless": "class E(Exception):\n    def __str__(self):\n        raise ValueError\nraise E\n",
    "no-licence": PREAMBLE + RECORD + "yield ftbench.Decoder(name='n', factory='a:b', summary='x', licence=None)\n",
    "no-tuple": PREAMBLE + RECORD + "yield ftbench.Decoder(name='n', factory='a:b', summary='x', resolutions=64)\n",
    "a-string": PREAMBLE
    + RECORD
    + "yield ftbench.Decoder(name='n', factory='a:b', summary='x', differentiable='no')\n",
    "moves": "import os\nos.chdir('/')\n" + GOOD.replace("NAME", "moving-one"),
    "forgets": "import sys\nsys.path[:] = []\n" + GOOD.replace("NAME", "forgetful-one"),
    "shallow": "import sys\nsys.setrecursionlimit(90)\n" + GOOD.replace("NAME", "shallow-one"),
    "stays": "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), name='mine').start()\n"
    + GOOD.replace("NAME", "staying-one"),
    "again": PREAMBLE
    + RECORD
    + "for _ in range(50):\n        yield ftbench.Decoder(name='same', factory='a:b', summary='x')\n",
    "two-lines": "raise RuntimeError('first\\nsecond')\n",
}
SAID = {
    "raises": ("failed", "load", "RuntimeError: no licence file"),
    "exits": ("failed", "load", "called exit(3)"),
    "hangs": ("failed", "load", "took more than 4 s, and was left"),
    "computes": ("failed", "load", "took more than 0.2 s of processor time, and was left"),
    "swallows": ("failed", "load", "took more than 4 s, and was left"),
    "endless": ("failed", "ftbench_decoders", "more than 1000 records"),
    "sleepy": ("failed", "ftbench_decoders", "took more than 4 s, and was left"),
    "wrong-type": ("failed", "ftbench_decoders", "'a decoder', not an ftbench.Decoder"),
    "returns-none": ("failed", "ftbench_decoders", "NoneType"),
    "bad-name": ("failed", "ftbench_decoders", "'Bad Name' is not lower-case words"),
    "no-factory": ("failed", "ftbench_decoders", "'factory'"),
    "prints": ("warning", "load", "printed 'hello from a plugin' to standard output"),
    "newer": ("warning", "hooks", "knows no hook ftbench_encoderz (misspelt ftbench_encoders?)"),
    "twice": ("warning", "ftbench_decoders", "decoder 'twice-one' comes a second time"),
    "no-hooks": ("warning", "hooks", "has no hook of ftbench"),
    "interrupts": ("failed", "load", "KeyboardInterrupt"),
    "speechless": ("failed", "load", "E: (its message cannot be shown)"),
    "no-licence": ("failed", "ftbench_decoders", "n: licence is None: "),
    "no-tuple": ("failed", "ftbench_decoders", "n: resolutions is 64: "),
    "a-string": ("failed", "ftbench_decoders", "n: differentiable is 'no': "),
    "moves": ("warning", "load", "set the working folder to /"),
    "forgets": ("warning", "load", "off sys.path"),
    "shallow": ("warning", "load", "set the recursion limit to 90"),
    "stays": ("warning", "load", "left thread 'mine' running"),
    "again": ("warning", "ftbench_decoders", "decoder 'same' comes a second time"),
    "two-lines": ("failed", "load", "RuntimeError: first second"),
}


# What does more than a plugin's own module could undo.
WORST = {
    "leaves": "import os\nos._exit(4)\n",
    "sweeps": "import os\nos.closerange(3, 256)\n" + GOOD.replace("NAME", "sweeping-one"),
    "hides": "import sys\nsys.modules['rich.table'] = None\n" + GOOD.replace("NAME", "hiding-one"),
    "mute": "import sys\nsys.stdout = sys.stderr = None\n" + GOOD.replace("NAME", "mute-one"),
}
SAID_OF_WORST = {
    "leaves": ("failed", "load", "called exit(4)"),
    "hides": ("warning", "load", "took 'rich.table' from sys.modules"),
}
UNSTOPPABLE = {
    "deaf": "import time\nwhile True:\n    try:\n        time.sleep(600)\n    except BaseException:\n        pass\n",
    "unplugs": "import signal, time\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\ntime.sleep(600)\n",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("hostile"), AT_LISTING)


def row(output: str, plugin: str, state: str) -> str:
    found = [line for line in output.splitlines() if re.match(rf" *{plugin} +hostile-{plugin} 1\.0 +{state} ", line)]
    assert len(found) == 1, (plugin, output)
    return found[0]


def check_rows(output: str, said: Mapping[str, tuple[str, str, str]], listed: Sequence[str]) -> None:
    """Each plugin has one row with its state, stage and reason; each of these parts is listed once."""
    for plugin, (state, stage, reason) in said.items():
        line = row(output, plugin, state)
        assert stage in line, line
        assert reason in line, line
    for name in listed:
        assert len(re.findall(rf"^ *\w+ +{name} ", output, re.MULTILINE)) == 1, name


def test_each_is_one_row_and_every_other_part_is_listed(hostile: Installed, tmp_path: Path) -> None:
    done = hostile.ftbench("plugins", cwd=tmp_path, FTBENCH_PLUGIN_SECONDS="0.2")
    assert done.returncode == 0, done.stderr
    assert "hello from a plugin" not in done.stdout.replace("printed 'hello from a plugin'", "")
    own = ("unet-resnet18", "conv7", "faceswap")
    check_rows(done.stdout, SAID, (*own, "fine-one", "printing-one", "newer-one", "twice-one", "staying-one"))
    assert "[/nonsense] [red]" in done.stdout


def test_what_the_worst_did_is_put_back(tmp_path: Path) -> None:
    worst = install(tmp_path / "worst", WORST)
    done = worst.ftbench("plugins", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    check_rows(done.stdout, SAID_OF_WORST, ("unet-resnet18", "sweeping-one", "hiding-one", "mute-one"))


@pytest.mark.parametrize("name", list(UNSTOPPABLE))
def test_what_python_cannot_stop_ends_the_command_by_name(name: str, tmp_path: Path) -> None:
    installed = install(tmp_path / "worst", {name: UNSTOPPABLE[name]})
    done = installed.ftbench("plugins", cwd=tmp_path, FTBENCH_PLUGIN_SECONDS="0.1")
    assert done.returncode == 2
    assert f"plugin {name} (hostile-{name}) hangs" in done.stderr
    assert "FTBENCH_PLUGINS" in done.stderr


def test_a_part_of_a_plugin_that_was_late_is_not_said_to_be_nowhere(tmp_path: Path, ftbench_command: list[str]) -> None:
    installed = install(tmp_path / "late", {"late": AT_LISTING["hangs"]}, command=ftbench_command)
    (tmp_path / "tiny.yaml").write_text(TINY.replace("name: conv7", "name: a-late-one"), encoding="utf-8")
    done = installed.ftbench("plan", "tiny.yaml", cwd=tmp_path, FTBENCH_PLUGIN_SECONDS="0.1")
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "may be in plugin late (hostile-late 1.0), not loaded because it took more than 2 s" in said
    assert "there is no" not in said


def spin() -> None:
    while True:
        pass


def test_the_clock_of_a_busy_machine_ends_no_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "WALL", 1000)
    # Half a second passes and next to no processor time.
    with isolation.guarded(0.2) as misdeeds:
        time.sleep(0.5)
    assert not misdeeds
    with pytest.raises(isolation.TookTooLong, match="of processor time"), isolation.guarded(0.2):
        spin()


def test_our_own_plugins_have_all_the_time_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(isolation.SECONDS, "0.000001")
    found = discover(Policy(only=()))
    assert not found.failures
    assert found.find("distortion", "identity").distribution == BUILT_IN


def test_tracebacks_are_shown_when_asked_for(hostile: Installed, tmp_path: Path) -> None:
    allowed = {"FTBENCH_PLUGINS": "raises,hostile-bad-name", "FTBENCH_PLUGIN_SECONDS": "5"}
    brief, full = (hostile.ftbench("plugins", *more, cwd=tmp_path, **allowed) for more in ((), ("--errors",)))
    assert "Traceback" not in brief.stdout
    assert "raise RuntimeError('no licence file')" in full.stdout
    assert "hostile_bad_name_plugin.py" in full.stdout
    assert "hangs" not in full.stdout


def test_which_plugins_are_loaded_can_be_chosen(hostile: Installed, tmp_path: Path) -> None:
    none = hostile.ftbench("--no-plugins", "plugins", cwd=tmp_path)
    assert "fine-one" not in none.stdout
    assert "hostile" not in none.stdout
    assert "unet-resnet18" in none.stdout
    # As installers compare names.
    assert "fine-one" in hostile.ftbench("plugins", cwd=tmp_path, FTBENCH_PLUGINS="Hostile_Fine").stdout
    wrong = hostile.ftbench("plugins", cwd=tmp_path, FTBENCH_PLUGINS="fien")
    assert wrong.returncode == 2
    assert "FTBENCH_PLUGINS names 'fien'" in wrong.stderr
    assert "fine" in wrong.stderr


def test_strict_makes_a_failed_plugin_an_error(hostile: Installed, tmp_path: Path) -> None:
    strict = hostile.ftbench("--strict-plugins", "plugins", cwd=tmp_path, FTBENCH_PLUGINS="fine,raises")
    assert strict.returncode == 2
    moved = hostile.ftbench("--strict-plugins", "plugins", cwd=tmp_path, FTBENCH_PLUGINS="fine,moves")
    assert moved.returncode == 2
    assert "set the working folder to /" in moved.stderr
    assert "raises (hostile-raises 1.0) at load: RuntimeError: no licence file" in strict.stderr
    assert hostile.ftbench("--strict-plugins", "plugins", cwd=tmp_path, FTBENCH_PLUGINS="fine").returncode == 0


TORCH = {
    "dtype": "import torch\ntorch.set_default_dtype(torch.float64)\n" + GOOD.replace("NAME", "dtype-one"),
    "threads": "import torch\ntorch.set_num_threads(1 + torch.get_num_threads())\n"
    + GOOD.replace("NAME", "threads-one"),
}


def test_what_a_plugin_sets_in_torch_is_set_back(tmp_path: Path) -> None:
    installed = install(tmp_path / "torch", TORCH)
    done = installed.ftbench("plugins", cwd=tmp_path, FTBENCH_PLUGIN_SECONDS="120")
    assert done.returncode == 0, done.stderr
    assert re.search(r"dtype +hostile-dtype 1\.0 +warning +load +imported torch", done.stdout)
    assert "set torch's default dtype to torch.float64" in done.stdout
    # The first one imported torch, so for this one it was there before.
    assert re.search(r"threads +hostile-threads 1\.0 +warning +load +set torch's number of threads", done.stdout)


def test_two_distributions_with_one_name_must_be_told_apart(tmp_path: Path, ftbench_command: list[str]) -> None:
    sources = {"one": GOOD.replace("NAME", "conv7"), "other": GOOD.replace("NAME", "other")}
    installed = install(tmp_path / "two", sources, command=ftbench_command)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    done = installed.ftbench("plan", "tiny.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "write conv7@ftbench or conv7@hostile-one" in done.stderr


WHEN_RUN = {
    "wrong-shape": "return image[:, :1]",
    "nan": "return image / 0 * 0",
    "out-of-range": "return image * 255",
    "raises-late": "raise ValueError('weights are missing')",
    "exits-late": "raise SystemExit(4)",
    "in-place": "return image.mul_(0.5)",
    "list": "return [image]",
    "in-place-by-numpy": "image.detach().numpy()[...] = 0; return image.clone()",
    "no-exception": "raise GeneratorExit('a panic')",
    "double": "return image.double()",
    "whole-numbers": "return (image * 255).byte()",
}
RUN_SAID = {
    "wrong-shape": "gave shape (8, 1, 32, 32) for images of shape (8, 3, 32, 32)",
    "nan": "gave values that are no finite numbers",
    "out-of-range": "where [0, 1] was due",
    "raises-late": "raised ValueError: weights are missing",
    "exits-late": "called exit()",
    "in-place": "changed its input in place",
    "list": "gave list where a tensor was due",
    "in-place-by-numpy": "changed its input in place",
    "no-exception": "raised GeneratorExit: a panic",
    "double": "gave values of torch.float64 for images of torch.float32",
    "whole-numbers": "gave values of torch.uint8",
}
SIMULATOR = """
import ftbench

@ftbench.hookimpl
def ftbench_simulators():
    yield ftbench.Simulator(name="NAME", factory="MODULE:Part", summary="bad when it runs", differentiable=False,
                            trainable=False)

class Part:
    def __init__(self, size):
        pass
    def __call__(self, image, inputs):
        BODY
"""


def test_a_part_that_misbehaves_stops_its_own_cell_and_no_other(tmp_path: Path, ftbench_command: list[str]) -> None:
    sources = {name: SIMULATOR.replace("NAME", name).replace("BODY", body) for name, body in WHEN_RUN.items()}
    installed = install(tmp_path / "late", sources, command=ftbench_command)
    benchmark = TINY.replace(
        "simulator: {name: faceswap, width: 0.06, latent: 16}", f"simulator: [none, {', '.join(sources)}]"
    )
    benchmark = re.sub(r"simulators: \[none, .*\]", "simulators: [none]", benchmark)
    benchmark = benchmark.replace("\n    - {message: 10, image: 0.1}", "")
    (tmp_path / "tiny.yaml").write_text(benchmark, encoding="utf-8")
    done = installed.ftbench("run", "tiny.yaml", "--scale", "small", cwd=tmp_path)
    assert done.returncode == 1, done.stderr + done.stdout
    for name, said in RUN_SAID.items():
        (line,) = [x for x in done.stdout.splitlines() if "FAILED" in x and f"simulator '{name}'" in x]
        assert f"simulator '{name}' of hostile-{name} 1.0" in line
        assert said in line, line
    assert f"{2 * len(sources)} of {2 * len(sources) + 2} cells failed" in done.stdout
    assert "evaluate none" in done.stdout


def test_a_factory_that_is_not_there_is_found_before_anything_runs(tmp_path: Path, ftbench_command: list[str]) -> None:
    source = SIMULATOR.replace("NAME", "nowhere").replace("MODULE:Part", "MODULE:Missing").replace("BODY", "pass")
    installed = install(tmp_path / "late", {"nowhere": source}, command=ftbench_command)
    (tmp_path / "tiny.yaml").write_text(TINY.replace(TRAINED_AGAINST, "simulator: nowhere"), encoding="utf-8")
    done = installed.ftbench("run", "tiny.yaml", cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert "simulator 'nowhere' of hostile-nowhere 1.0 cannot be loaded" in done.stderr
    assert "has no attribute 'Missing'" in done.stderr
    assert not list((tmp_path / "results").glob("*/*/tables"))


@pytest.mark.parametrize("load", [lambda: sys.exit(0), lambda: os._exit(0)])
def test_a_part_that_exits_when_it_is_loaded_ends_no_run_as_if_it_were_done(load: Callable[[], object]) -> None:
    chosen = SimpleNamespace(
        record=SimpleNamespace(kind="simulator", name="leaves", load=load),
        provided=SimpleNamespace(distribution="d", version="1"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "chosen_parts", lambda cells: [chosen])
        with pytest.raises(BadInput, match="simulator 'leaves' of d 1 cannot be loaded: SystemExit: 0"):
            execute._load_parts(SimpleNamespace(cells=()))  # type: ignore[arg-type]


def test_no_exit_ends_a_run_as_if_it_were_done() -> None:
    with (
        pytest.raises(CellFailed, match=r"test_hostile_plugins\.py, line \d+, called exit\(0\)"),
        isolation.not_left(),
    ):
        sys.exit(0)


PLANNED = """
import ftbench

class Parameters(ftbench.Parameters):
    HOW: int = 0

def objects(**build):
    BODY

@ftbench.hookimpl
def ftbench_decoders():
    yield ftbench.Decoder(name="NAME", factory="MODULE:objects", objection="MODULE:objects", summary="bad when asked",
                          parameters=Parameters)
"""
ASKED = {
    "bug": ("raise RuntimeError('objection bug')", "raised RuntimeError: objection bug"),
    "leaves": ("exit(5)", "called exit()"),
    "ends": ("__import__('os')._exit(0)", "called exit()"),
    "true": ("return True", "gave True where a sentence or None was due"),
}


@pytest.mark.parametrize("name", list(ASKED))
def test_a_part_that_fails_while_it_is_asked_is_named_with_its_place(
    name: str, tmp_path: Path, ftbench_command: list[str]
) -> None:
    body, said = ASKED[name]
    source = PLANNED.replace("BODY", body).replace("NAME", f"asked-{name}")
    installed = install(tmp_path / "asked", {name: source}, command=ftbench_command)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    done = installed.ftbench("plan", "tiny.yaml", "--set", f"matrix.decoder=asked-{name}", cwd=tmp_path)
    assert done.returncode == 2, done.stderr + done.stdout
    assert f"decoder 'asked-{name}' of hostile-{name} 1.0" in done.stderr
    assert said in done.stderr
    assert "matrix.decoder" in done.stderr
    assert "Traceback" not in done.stderr


def test_metadata_that_nobody_can_read_is_an_unknown_distribution(tmp_path: Path) -> None:
    installed = install(tmp_path / "odd", {"odd": GOOD.replace("NAME", "odd-one")})
    [metadata] = tmp_path.glob("odd/**/METADATA")
    metadata.write_bytes(b"Name: \xff\xfe\n")
    (metadata.parent / "direct_url.json").write_bytes(b"\xff\xfe")
    done = installed.ftbench("plugins", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"decoder +odd-one .* \S+ \S+ +MIT", done.stdout)
    metadata.unlink()
    missing = installed.ftbench("plugins", cwd=tmp_path)
    assert missing.returncode == 0, missing.stderr
    assert "unknown unknown" in missing.stdout
    assert "None" not in missing.stdout
