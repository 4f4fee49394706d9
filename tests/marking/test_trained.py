"""Trained cells found by what people call them, and rebuilt from their folders or refused."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ftbench.errors import BadInput
from ftbench.marking.locate import describe, find
from ftbench.marking.trained import Trained, load
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.stages import Pair
from ftbench.plan.part import ResolvedPart
from ftbench.runner.build import build
from ftbench.storage.store import CellFolder, Store
from ftbench.vouching.evidence import factories_of, part_code
from tests.marking.carriers import SIZE, chosen, plugins_with, write_cell, write_manifest

BITS = 4


@pytest.fixture(scope="module")
def parts(plugins: Plugins) -> dict[str, ResolvedPart]:
    """The paper's networks, as thin as they go."""
    thin = {"backbone_options": {"channels": [8, 8, 8, 8]}, "up_width": 0.02, "stem_channels": 8}
    return {
        "encoder": chosen(plugins, "encoder", "unet-resnet18", **thin),
        "decoder": chosen(plugins, "decoder", "conv7", width=0.03),
        "codec": chosen(plugins, "codec", "repetition", times=2),
    }


@pytest.fixture(scope="module")
def made(parts: dict[str, ResolvedPart], tmp_path_factory: pytest.TempPathFactory) -> CellFolder:
    torch.manual_seed(1)
    store = tmp_path_factory.mktemp("made") / ".store"
    return write_cell(store, parts, bits=BITS, code_bits=2 * BITS, target_psnr=31.0)


@pytest.fixture
def cell(made: CellFolder, tmp_path: Path) -> CellFolder:
    """A copy to damage."""
    shutil.copytree(made.path, tmp_path / made.path.name)
    return CellFolder(tmp_path / made.path.name)


def edit(folder: CellFolder, change: Callable[[dict[str, Any]], None]) -> None:
    file = folder.file("cell.json")
    held = json.loads(file.read_text(encoding="utf-8"))
    change(held)
    file.write_text(json.dumps(held), encoding="utf-8")
    finish_again(folder)


def finish_again(folder: CellFolder) -> None:
    """Vouch for the files as they are now, so that what is asked is how they are understood."""
    summary = json.loads(folder.file("done.json").read_text(encoding="utf-8"))
    folder.finish({key: value for key, value in summary.items() if key not in ("files", "digest")})


def test_a_cell_comes_back_as_it_was(made: CellFolder, parts: dict[str, ResolvedPart], plugins: Plugins) -> None:
    trained = load(made, plugins)
    assert (trained.label, trained.size, trained.bits, trained.target_psnr) == ("λ=1 α=0.1", SIZE, BITS, 31.0)
    assert trained.key == "a1" * 32
    assert trained.warnings == ()
    sides = {"size": SIZE, "bits": 2 * BITS}
    # Built once more by hand, with the weights that are on disk.
    pair = Pair(build(parts["encoder"], **sides), build(parts["decoder"], **sides))
    pair.load_state_dict(load_file(made.file("weights.safetensors")))
    pair.eval()
    cover = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(trained.pair.mark(cover, trained.code("0110")), pair.mark(cover, trained.code("0110")))
        assert torch.equal(trained.pair.read(cover), pair.read(cover))
    assert not any(module.training for module in trained.pair.modules())
    assert not any(parameter.requires_grad for parameter in trained.pair.parameters())


def test_payloads_go_through_the_code(made: CellFolder, plugins: Plugins) -> None:
    trained = load(made, plugins)
    assert trained.code("0110").tolist() == [[0, 1, 1, 0, 0, 1, 1, 0]]
    # The stronger of two readings decides a repeated bit.
    assert trained.payload(torch.tensor([[3.0, -2, -1, -1, -1, 4, 0.5, -1]])) == "1100"


def test_a_pair_without_a_target_has_none(parts: dict[str, ResolvedPart], plugins: Plugins, tmp_path: Path) -> None:
    assert load(write_cell(tmp_path, parts, bits=BITS, code_bits=2 * BITS), plugins).target_psnr is None


def test_a_pair_of_a_flip_is_marked_with_at_the_psnr_that_it_had_there(cell: CellFolder, plugins: Plugins) -> None:
    edit(cell, lambda held: held["settings"]["loss"].update(target_psnr=None, target_flip=0.06))
    summary = json.loads(cell.file("done.json").read_text(encoding="utf-8"))
    cell.finish({"status": "done", "label": summary["label"], "at_best": {"val_psnr": 33.44}})
    trained = load(cell, plugins)
    assert trained.target_psnr == 33.44
    [warning] = trained.warnings
    assert "trained at FLIP 0.06" in warning
    assert "33.4 dB" in warning


def cut_short(cell: CellFolder) -> None:
    file = cell.file("weights.safetensors")
    file.write_bytes(file.read_bytes()[:5000])


def emptied(cell: CellFolder) -> None:
    cell.file("weights.safetensors").write_bytes(b"")


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.path),)


def pickled(cell: CellFolder) -> None:
    cell.file("weights.safetensors").write_bytes(pickle.dumps(Bomb(str(cell.path / "ran"))))


def reweighted(change: Callable[[dict[str, Any]], None]) -> Callable[[CellFolder], None]:
    def damage(cell: CellFolder) -> None:
        weights = load_file(cell.file("weights.safetensors"))
        change(weights)
        save_file(weights, cell.file("weights.safetensors"))
        finish_again(cell)

    return damage


def flipped(name: str) -> Callable[[CellFolder], None]:
    """One bit of a file changed, which is still a file of its kind."""

    def damage(cell: CellFolder) -> None:
        content = bytearray(cell.file(name).read_bytes())
        content[-9] ^= 1
        cell.file(name).write_bytes(content)

    return damage


def renamed(cell: CellFolder) -> None:
    """A letter of the label changed."""
    content = cell.file("cell.json").read_bytes()
    cell.file("cell.json").write_bytes(content.replace(b"=0.1", b"=0.3"))


def without_digests(damage: Callable[[CellFolder], None]) -> Callable[[CellFolder], None]:
    """In a cell of a release that kept none."""

    def hurt(cell: CellFolder) -> None:
        summary = json.loads(cell.file("done.json").read_text(encoding="utf-8"))
        summary = {**summary, "files": sorted(summary["files"])}
        cell.file("done.json").write_text(json.dumps(summary), encoding="utf-8")
        damage(cell)

    return hurt


READ = "decoder.read.weight"
DAMAGE: dict[str, tuple[Callable[[CellFolder], None], str]] = {
    "a flipped weight": (flipped("weights.safetensors"), r"weights\.safetensors is damaged \(it is not as it was wr"),
    "another label": (renamed, r"cell\.json is damaged \(it is not as it was written"),
    "cut short": (cut_short, r"no finished training; weights\.safetensors is damaged"),
    "empty": (emptied, r"no finished training; weights\.safetensors is damaged"),
    "cut short, no digests": (without_digests(cut_short), r"weights\.safetensors is damaged \(it cannot be read"),
    "empty, no digests": (without_digests(emptied), r"weights\.safetensors is damaged \(it cannot be read"),
    "a pickle": (without_digests(pickled), r"weights\.safetensors is damaged \(it cannot be read"),
    "another shape": (
        reweighted(lambda weights: weights.update({READ: torch.zeros(8, 3)})),
        r"decoder\.read\.weight has shape \(8, 3\) and \(8, \d+\) is needed",
    ),
    "a weight gone": (reweighted(lambda weights: weights.pop(READ)), r"decoder\.read\.weight is missing"),
    "a weight too many": (
        reweighted(lambda weights: weights.update({"extra": torch.zeros(1)})),
        "extra is no weight of it",
    ),
    "not numbers": (
        reweighted(lambda weights: weights[READ].fill_(float("nan"))),
        r"decoder\.read\.weight holds values that are no numbers",
    ),
    "no weights": (lambda cell: cell.file("weights.safetensors").unlink(), "no finished training"),
    "unfinished": (lambda cell: cell.file("done.json").unlink(), "no finished training"),
    "no json": (lambda cell: cell.file("cell.json").write_text("{"), r"cell\.json cannot be read"),
    "a list": (lambda cell: cell.file("cell.json").write_text("[]"), r"cell\.json cannot be understood"),
    "bits that are none": (
        lambda cell: edit(cell, lambda held: held["settings"].update(bits=0)),
        r"cell\.json cannot be understood \(settings\.bits: ",
    ),
    "a simulator": (lambda cell: edit(cell, lambda held: held.update(kind="fit")), "cell of kind 'fit'"),
    "other bits": (
        lambda cell: edit(cell, lambda held: held["settings"].update(code_bits=9)),
        "does not fit its model",
    ),
    "a part that is not here": (
        lambda cell: edit(cell, lambda held: held["settings"]["decoder"].update(name="conv8")),
        "the model needs decoder 'conv8' of ftbench: .*nearest: conv7",
    ),
    "another distribution": (
        lambda cell: edit(cell, lambda held: held["settings"]["decoder"].update(distribution="elsewhere")),
        "the model needs decoder 'conv7' of elsewhere: .*not in distribution 'elsewhere'",
    ),
    "a part that is a file": (
        lambda cell: edit(
            cell, lambda held: held["settings"]["decoder"].update(name="exported", parameters={"model": "5f3a"})
        ),
        "decoder 'exported' is made from a file, its parameter model, .* neither embed nor extract",
    ),
    "a parameter that is gone": (
        lambda cell: edit(cell, lambda held: held["settings"]["decoder"]["parameters"].update(depth=3)),
        r"decoder 'conv7' was trained as of another ftbench, .* refuses its parameters \(depth: ",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_one_sentence_and_nothing_is_unpickled(case: str, cell: CellFolder, plugins: Plugins) -> None:
    damage, says = DAMAGE[case]
    damage(cell)
    with pytest.raises(BadInput, match=says) as raised:
        load(cell, plugins)
    assert "\n" not in str(raised.value)
    assert not (cell.path / "ran").exists()


def test_parts_that_changed_since_are_told(cell: CellFolder, plugins: Plugins) -> None:
    factories = factories_of(plugins.parts)
    code = {
        **part_code(plugins.find("encoder", "unet-resnet18"), factories),
        **part_code(plugins.find("decoder", "conv7"), factories),
    }
    edit(cell, lambda held: held.update(evidence={"code": code}))
    assert load(cell, plugins).warnings == ()
    code["ftbench_faketagger/conv7.py"] = "0" * 12
    edit(cell, lambda held: held.update(evidence={"code": {**code, "ftbench/train/loop.py": "1" * 12}}))
    (sentence,) = load(cell, plugins).warnings
    assert sentence.startswith("since the model was trained, ftbench_faketagger/conv7.py changed; check")


def test_a_cell_of_an_earlier_store_is_rebuilt_and_known_by_both_its_names(cell: CellFolder, plugins: Plugins) -> None:
    def older(held: dict[str, Any]) -> None:
        for kind in ("encoder", "decoder", "codec"):
            held["settings"][kind] |= {"distribution": "ftbench", "version": "0.1.0", "source": "0" * 64}

    edit(cell, older)
    assert load(cell, plugins).warnings == ()
    edit(cell, lambda held: held.update(evidence={"migrated": {"identity": "b2" * 32}}))
    assert load(cell, plugins).names == {"a1" * 32, "b2" * 32}


def test_a_stalled_training_is_told(parts: dict[str, ResolvedPart], plugins: Plugins, tmp_path: Path) -> None:
    folder = write_cell(tmp_path, parts, bits=BITS, code_bits=2 * BITS, status="stalled")
    assert load(folder, plugins).warnings == (
        "this training stalled: its payloads are hardly read better than by guessing; train it for longer",
    )


def test_a_file_of_starting_weights_is_not_looked_for(cell: CellFolder, plugins: Plugins) -> None:
    # Its digest stands where its path stood, and what came of it is in the cell.
    edit(cell, lambda held: held["settings"]["encoder"]["parameters"].update(weights="5f" * 32))
    assert isinstance(load(cell, plugins), Trained)


@pytest.fixture
def with_learned_code(plugins: Plugins, tmp_path: Path) -> tuple[CellFolder, Plugins]:
    """A pair trained with a code that has weights, which invert the first and last bit, in a cell of its own."""
    more = plugins_with(plugins)
    parts = {
        "encoder": chosen(more, "encoder", "carrier"),
        "decoder": chosen(more, "decoder", "carrier"),
        "codec": chosen(more, "codec", "flipper"),
    }
    store = Store(tmp_path)
    for kind, identity in (("simulator", "b" * 64), ("codec", "c" * 64)):
        fitted = store.cell("fit", identity)
        fitted.path.mkdir(parents=True)
        settings = {kind: {**parts["codec"].key}}
        fitted.begin({"kind": "fit", "label": "fit", "identity": identity, "settings": settings})
        sign = torch.tensor([-1.0, 1, 1, -1]) if kind == "codec" else torch.ones(4)
        save_file({"sign": sign}, fitted.file("weights.safetensors"))
        fitted.finish({"status": "done"})
    inputs = ("b" * 64, "d" * 64, "c" * 64)
    return write_cell(tmp_path, parts, bits=BITS, inputs=inputs), more


def test_a_learned_code_brings_its_weights(with_learned_code: tuple[CellFolder, Plugins]) -> None:
    trained = load(*with_learned_code)
    assert trained.code("0110").tolist() == [[1, 1, 1, 1]]
    assert trained.payload(trained.code("1010") - 0.5) == "1010"


def test_a_learned_code_without_its_weights_is_refused(with_learned_code: tuple[CellFolder, Plugins]) -> None:
    folder, more = with_learned_code
    fitted = Store(folder.path.parent).cell("fit", "c" * 64)
    fitted.file("weights.safetensors").write_bytes(b"short")
    with pytest.raises(BadInput, match="is damaged"):
        load(folder, more)
    shutil.rmtree(fitted.path)
    with pytest.raises(BadInput, match="the fitted code 'flipper', whose weights are not in"):
        load(folder, more)


@pytest.fixture(scope="module")
def results(parts: dict[str, ResolvedPart], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of five trainings, two of one name."""
    home = tmp_path_factory.mktemp("results")
    named = {"1": "λ=1 α=0.1", "2": "λ=10 α=0.1", "3": "30 dB seed 0", "4": "twice", "5": "twice"}
    cells = [
        write_cell(home / ".store", parts, bits=BITS, code_bits=2 * BITS, label=label, identity=digit * 64)
        for digit, label in named.items()
    ]
    write_manifest(home / "paper" / "faces-small", cells)
    write_manifest(home / "paper" / "one-small", cells[:1])
    return home


@pytest.mark.parametrize(
    ("setting", "digit"),
    [
        ("λ=1 α=0.1", "1"),
        ("lambda=1 alpha=0.1", "1"),
        ("λ=10", "2"),
        ("LAMBDA=10  α=0.1", "2"),
        ("30", "3"),
        ("30 dB", "3"),
        ("222222", "2"),
        ("4" * 64, "4"),
        ("twice (555555)", "5"),
    ],
)
def test_a_setting_is_found_by_label_or_identity(setting: str, digit: str, results: Path) -> None:
    folder = find(results / "paper" / "faces-small", setting)
    assert folder.path == results.resolve() / ".store" / f"train-{digit * 24}"


def test_the_only_setting_needs_no_name(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = f"train-{'1' * 24}"
    assert find(results / "paper" / "one-small").path.name == wanted
    # Also from inside, where the path has no parents to show.
    monkeypatch.chdir(results / "paper" / "one-small")
    assert find(Path()).file("weights.safetensors").is_file()
    assert find(results / ".store" / wanted).path.name == wanted


@pytest.mark.parametrize(
    ("place", "setting", "says"),
    [
        ("paper/faces-small", None, r"holds 5 trained settings; choose one with --setting: 'λ=1 α=0\.1' \(111111\), "),
        ("paper/faces-small", "λ=1", r"several settings begin with 'λ=1'; there are: 'λ=1 α=0\.1' \(111111\), 'λ=10"),
        ("paper/faces-small", "twice", r"several settings begin with 'twice'; .*'twice \(444444\)' \(444444\)"),
        ("paper/faces-small", "λ=2", "no setting begins with 'λ=2'; there are: 'λ=1"),
        ("paper/faces-small", "22222", "no setting begins with '22222'"),
        ("paper", None, r"holds several results; name one: .*faces-small, .*one-small"),
        (".store", None, r"holds neither manifest\.json nor cell\.json"),
        ("nowhere", None, "there is no .*nowhere; give a results folder"),
        (f".store/train-{'1' * 24}", "λ=1", "is a cell itself; leave out --setting"),
    ],
)
def test_what_is_not_found_is_listed(place: str, setting: str | None, says: str, results: Path) -> None:
    with pytest.raises(BadInput, match=says) as raised:
        find(results / place, setting)
    assert "\n" not in str(raised.value)


def test_weights_that_are_elsewhere(results: Path, tmp_path: Path) -> None:
    alone = tmp_path / "results" / "paper" / "one-small"
    shutil.copytree(results / "paper" / "one-small", alone)
    with pytest.raises(
        BadInput, match=r"weights of 'λ=1 α=0\.1' are not in .*\.store: .*ftbench run tiny --scale small, or .*--store"
    ):
        find(alone)
    assert find(alone, store=results / ".store").file("weights.safetensors").is_file()


@pytest.mark.parametrize(
    ("text", "says"), [("{", "cannot be read"), ("{}", "cannot be understood"), ("7", "understood")]
)
def test_a_broken_manifest_is_one_sentence(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=rf"manifest\.json {says}|{says}"):
        find(tmp_path)


def test_results_without_a_training(tmp_path: Path) -> None:
    write_manifest(tmp_path / "a" / "b", [])
    with pytest.raises(BadInput, match="lists no trained cell"):
        find(tmp_path / "a" / "b")


def test_a_cell_of_a_newer_ftbench_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "cell.json").write_text(json.dumps({"form": 3, "kind": "train"}), encoding="utf-8")
    with pytest.raises(BadInput, match=r"was written by a newer ftbench \(form 3 .* 2\); update ftbench"):
        describe(CellFolder(tmp_path))
