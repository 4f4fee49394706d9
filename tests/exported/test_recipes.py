"""Each recipe with a network of its signature, against the same steps by OpenCV and onnxruntime."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from exported_nets import one_node
from onnx import TensorProto, helper
from PIL import Image

from benchmarks.recipes.graph import save, value
from benchmarks.recipes.nets import converter, enhancer, matrix, recogniser, swapper
from ftbench.parts.catalogue import Plugins
from ftbench.testing import check
from ftbench.testing.tiny import faces
from ftbench_datasets.procedural.source import ProceduralFaces
from ftbench_exported.networks import ExportedSimulator
from ftbench_exported.objections import object_to_simulator
from ftbench_exported.plugin import RecipeName, SimulatorParameters, TemplateName
from ftbench_exported.recipes import RECIPES, Picture, Vector, listing
from ftbench_faces.masks import box
from ftbench_faces.similarity import crop_points, in_pixels, onto
from ftbench_faces.templates import TEMPLATES

SIZE = 96
SWAPS = [name for name, one in RECIPES.items() if one.kind == "swap"]
BYTES = {"unit": lambda x: x, "signed": lambda x: 2 * x - 1}
IMAGENET = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))


@pytest.fixture(scope="module")
def shown(plugins: Plugins) -> torch.Tensor:
    return faces(plugins, 4, SIZE)


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("recipes")
    made = {name: swapper(home / f"{name}.onnx", name) for name in SWAPS}
    made |= {name: enhancer(home / f"{name}.onnx", name) for name in RECIPES if name not in SWAPS}
    return made | {"recogniser": recogniser(home / "r50.onnx"), "converter": converter(home / "convert.onnx")}


def told(nets: dict[str, Path], recipe: str, **more: Any) -> dict[str, Any]:
    source = RECIPES[recipe].source
    given: dict[str, Any] = {"recipe": recipe, "model": str(nets[recipe])}
    if isinstance(source, Vector):
        given["recogniser"] = str(nets["recogniser"])
        if source.converted:
            given["converter"] = str(nets["converter"])
    return {**given, **more}


def inputs(donor: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"identity": torch.zeros(len(donor), dtype=torch.long), "donor": donor}


def ran(file: Path, **fed: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = {one.name.replace(".", "_"): one.name for one in session.get_inputs()}
    return session.run(None, {names[name]: array.astype(np.float32) for name, array in fed.items()})[0]


def aligned(picture: np.ndarray, way: np.ndarray, side: int) -> np.ndarray:
    return cv2.warpAffine(picture, way, (side, side), borderMode=cv2.BORDER_REPLICATE)


def planes(picture: np.ndarray) -> np.ndarray:
    return picture.transpose(2, 0, 1)[None]


def by_hand(nets: dict[str, Path], recipe: str, image: np.ndarray, donor: np.ndarray, points: Any = None) -> np.ndarray:
    """The tool's own steps for one picture (h,w,3) in [0,1]."""
    one, size = RECIPES[recipe], len(image)

    def way(template: str, side: int, which: int) -> np.ndarray:
        places = crop_points(len((image, donor)[which])) if points is None else in_pixels(points[which], size)
        return onto(places, TEMPLATES[template], side)[0].numpy()

    if isinstance(one.source, Picture):
        source = planes(aligned(donor, way(one.source.template, one.source.side, 1), one.source.side))
    elif one.source:
        seen = aligned(donor, way("arcface-112", 112, 1), 112)
        source = ran(nets["recogniser"], input_1=planes((seen * 255 - 127.5) / 127.5))
        source = -source if one.source.converted else source
        source = source / np.linalg.norm(source) if one.source.unit else source
        if one.source.matrix:
            source = source @ matrix()
            source /= np.linalg.norm(source)
    home = way(one.template, one.side, 0)
    cut = aligned(image, home, one.side)
    taken = (cut - IMAGENET[0]) / IMAGENET[1] if one.takes == "imagenet" else BYTES[one.takes](cut)
    given = ran(nets[recipe], target=planes(taken), source=source)[0].transpose(1, 2, 0)
    given = (given + 1) / 2 if one.gives == "signed" else given
    back = cv2.invertAffineTransform(home)
    mask = cv2.warpAffine(box(one.side, 0.3)[0, 0].numpy(), back, (size, size)).clip(0, 1)[..., None]
    fake = cv2.warpAffine(given.clip(0, 1), back, (size, size), borderMode=cv2.BORDER_REPLICATE)
    return mask * fake + (1 - mask) * image


def picture_of(image: torch.Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("recipe", SWAPS)
def test_a_swap_is_what_its_tool_s_steps_give(nets: dict[str, Path], shown: torch.Tensor, recipe: str) -> None:
    donor = shown.roll(1, 0)
    network = ExportedSimulator(size=SIZE, **told(nets, recipe))
    fake = network(shown, inputs(donor))
    for mine, image, other in zip(fake, shown, donor, strict=True):
        expected = by_hand(nets, recipe, picture_of(image), picture_of(other))
        assert np.abs(picture_of(mine) - expected).max() * 255 < 1
    assert (fake - shown).abs().mean() > 0.02, "a swap that changes nothing would prove nothing"
    another = network(shown, inputs(shown.roll(2, 0)))
    assert (fake - another).abs().mean() * 255 > 0.2, "the donor must count"


@pytest.mark.parametrize("recipe", ["inswapper-128", "ghost-256", "uniface-256"])
def test_a_fixed_face_is_put_into_every_image(
    nets: dict[str, Path], shown: torch.Tensor, plugins: Plugins, tmp_path: Path, recipe: str
) -> None:
    face = picture_of(faces(plugins, 2, 256)[1])
    Image.fromarray((face * 255).round().astype(np.uint8)).save(tmp_path / "face.png")
    given = told(nets, recipe, source=str(tmp_path / "face.png"))
    assert SimulatorParameters(**given).also_needs() == ()
    assert object_to_simulator(size=SIZE, **dict(SimulatorParameters(**given))) is None
    network = ExportedSimulator(size=SIZE, **given)
    for some in (shown, shown[:1]):
        fake = network(some, {"identity": torch.zeros(len(some), dtype=torch.long)})
        for mine, image in zip(fake, some, strict=True):
            assert np.abs(picture_of(mine) - by_hand(nets, recipe, picture_of(image), face)).max() * 255 < 1


def test_each_picture_s_own_landmarks(nets: dict[str, Path]) -> None:
    source = ProceduralFaces(identities=2, images_per_identity=2, seed=3)
    image = torch.from_numpy(np.stack([source.load(item, SIZE) for item in source.items])).permute(0, 3, 1, 2) / 255
    points = torch.from_numpy(np.stack([source.landmarks(item) for item in source.items]))
    donor, others = image.flip(0), points.flip(0)
    network = ExportedSimulator(size=SIZE, **told(nets, "inswapper-128", framing="landmarks"))
    fake = network(image, {**inputs(donor), "landmarks": points, "donor_landmarks": others})
    for number in range(len(image)):
        own = [points[number : number + 1], others[number : number + 1]]
        expected = by_hand(nets, "inswapper-128", picture_of(image[number]), picture_of(donor[number]), own)
        assert np.abs(picture_of(fake[number]) - expected).max() * 255 < 1
    fixed = ExportedSimulator(size=SIZE, **told(nets, "inswapper-128"))(image, inputs(donor))
    assert (fixed - fake).abs().mean() * 255 > 0.5


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name not in SWAPS])
def test_an_enhancer_sharpens_the_face_alone(nets: dict[str, Path], recipe: str) -> None:
    image = faces_soft(128)
    fake = ExportedSimulator(size=128, **told(nets, recipe))(image, {"identity": torch.zeros(2, dtype=torch.long)})
    change = (fake - image).abs()
    assert change[..., 40:90, 40:90].mean() > 4 * change[..., :6, :6].mean()
    assert change.mean() * 255 > 0.02


def faces_soft(size: int) -> torch.Tensor:
    source = ProceduralFaces(identities=2, images_per_identity=1, seed=3)
    return torch.from_numpy(np.stack([source.load(item, size) for item in source.items])).permute(0, 3, 1, 2) / 255


def test_a_chain_is_one_after_the_other_in_eight_bits(nets: dict[str, Path], shown: torch.Tensor) -> None:
    more = {"enhance": "gpen-256", "enhancer": str(nets["gpen-256"])}
    both = ExportedSimulator(size=SIZE, **told(nets, "inswapper-128", **more))(shown, inputs(shown.flip(0)))
    first = ExportedSimulator(size=SIZE, **told(nets, "inswapper-128"))(shown, inputs(shown.flip(0)))
    second = ExportedSimulator(size=SIZE, **told(nets, "gpen-256"))((first * 255).round() / 255, inputs(shown))
    assert torch.equal(both, second)
    assert (both - first).abs().max() * 255 > 2


def test_the_network_s_own_mask_the_ellipse_and_colours(nets: dict[str, Path], shown: torch.Tensor, tmp_path) -> None:
    masked = {**nets, "hyperswap-256": swapper(tmp_path / "m.onnx", "hyperswap-256", mask=True)}
    plain = told(nets, "hyperswap-256")
    wide = ExportedSimulator(size=SIZE, **plain)(shown, inputs(shown.flip(0)))
    narrow = ExportedSimulator(size=SIZE, **told(masked, "hyperswap-256", mask_output="mask"))
    round_one = ExportedSimulator(size=SIZE, **{**plain, "mask": "ellipse"})(shown, inputs(shown.flip(0)))
    own = narrow(shown, inputs(shown.flip(0)))
    changed = [((one - shown).abs().sum(1) > 1e-3).float().mean() for one in (wide, round_one, own)]
    assert changed[0] > changed[1] > changed[2] > 0.05
    like = ExportedSimulator(size=SIZE, **{**plain, "match_colours": True})(shown, inputs(shown.flip(0)))
    assert (like - shown).mean(dim=(2, 3)).abs().max() < 0.3 * (wide - shown).mean(dim=(2, 3)).abs().max()


def test_half_precision_and_open_batches(shown: torch.Tensor, nets: dict[str, Path], tmp_path: Path) -> None:
    expected = ExportedSimulator(size=SIZE, **told(nets, "inswapper-128"))(shown, inputs(shown.flip(0)))
    half = {**nets, "inswapper-128": swapper(tmp_path / "h.onnx", "inswapper-128", kind=TensorProto.FLOAT16)}
    wide = {**nets, "inswapper-128": swapper(tmp_path / "b.onnx", "inswapper-128", batch="b")}
    for some in (half, wide):
        fake = ExportedSimulator(size=SIZE, **told(some, "inswapper-128"))(shown, inputs(shown.flip(0)))
        assert (fake - expected).abs().max() * 255 < 1


def test_the_parts_keep_the_contract(plugins: Plugins, nets: dict[str, Path]) -> None:
    record = plugins.find("simulator", "exported").record
    check(record, size=64, **told(nets, "inswapper-128"))
    check(record, size=64, **told(nets, "uniface-256", framing="landmarks", mask="ellipse", match_colours=True))


def test_the_table_and_its_names_agree() -> None:
    assert get_args(RecipeName) == tuple(RECIPES)
    assert set(get_args(TemplateName)) == set(TEMPLATES)
    assert all(one.template in TEMPLATES for one in RECIPES.values())
    assert [row["recipe"] for row in listing()] == list(RECIPES)


def test_what_is_not_used_leaves_the_keys_of_older_cells_alone(nets: dict[str, Path]) -> None:
    old = SimulatorParameters(model="a.onnx").model_dump(mode="json")
    assert not {"recipe", "align", "mask", "enhancer", "recogniser"} & set(old)
    new = SimulatorParameters(**told(nets, "inswapper-128", mask_blur=0.5)).model_dump(mode="json")
    assert {"recipe", "recogniser", "mask_blur"} <= set(new)
    assert "mask" not in new


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"model": "simswap-256"},
            "does not fit recipe inswapper-128: the recipe's inputs are 'target'",
        ),
        ({"model": "gfpgan"}, "and the file's are 'input' (1, 3, 512, 512)"),
        ({"recogniser": ""}, "puts in a face by its vector; name the recogniser"),
        ({"recogniser": "short"}, "and a face's vector has 512 numbers"),
        ({"recogniser": "gfpgan"}, "takes images of 512 px, not of 112"),
        ({"converter": "converter"}, "takes the recogniser's vector as it is; leave converter out"),
        ({"model": "bare"}, "the last weights of 'bare.onnx' are 512×3, where its recipe has a matrix of 512×512"),
        ({"source": "r50.npy"}, "source: recipe inswapper-128 makes of a face what the network wants, and 'r50.npy'"),
        ({"source": "recogniser"}, "source: 'r50.onnx' is not a sound JPEG"),
        ({"mask_output": "mask"}, "mask_output: 'inswapper-128.onnx' has no output 'mask'; it has output"),
        ({"enhance": "gfpgan", "enhancer": "simswap-256"}, "does not fit recipe gfpgan"),
        ({"enhance": "gfpgan", "enhancer": "gfpgan", "size": 32}, "take images of 63 px or more"),
    ],
)
def test_what_does_not_fit_is_one_sentence(nets, tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    (tmp_path / "r50.npy").write_bytes(b"")
    nets = {
        **nets,
        "r50.npy": tmp_path / "r50.npy",
        "short": recogniser(tmp_path / "short.onnx", 256),
        "bare": bare(tmp_path / "bare.onnx"),
    }
    files = {key: str(nets[name]) if name in nets else name for key, name in changes.items() if key != "enhance"}
    given = {**told(nets, "inswapper-128"), **files, **{key: changes[key] for key in ("enhance",) if key in changes}}
    size = int(given.pop("size", 64))
    said = object_to_simulator(size=size, **dict(SimulatorParameters(**given)))
    assert said is not None
    assert sentence in said
    assert "\n" not in said


def bare(path: Path) -> Path:
    """An inswapper that somebody simplified: its matrix is gone."""
    from benchmarks.recipes.nets import colours_of

    nodes = [
        helper.make_node("MatMul", ["source", "colours"], ["row"]),
        helper.make_node("Unsqueeze", ["row", "axes"], ["colour"]),
        helper.make_node("Add", ["target", "colour"], ["output"]),
    ]
    pixels = (1, 3, 128, 128)
    weights = {"axes": np.array([2, 3]), "colours": colours_of()}
    return save(path, nodes, [value("target", pixels), value("source", (1, 512))], [value("output", pixels)], weights)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"recipe": "gfpgan", "input_range": "byte"}, "recipe gfpgan settles input_range; leave it out"),
        ({"recipe": "gfpgan", "source": "a.png"}, "recipe gfpgan puts no face in; leave source out"),
        ({"recogniser": "r.onnx"}, "recogniser and converter belong to a recipe"),
        ({"mask": "ellipse"}, "mask is for a face that is aligned; name a recipe, or a template under align"),
        ({"recipe": "gfpgan", "enhance": "gfpgan"}, "enhance and enhancer belong together"),
        ({"recipe": "gfpgan", "enhance": "ghost-256", "enhancer": "g.onnx"}, "puts a face in; name one that enhances"),
        ({"recipe": "inswaper"}, "Input should be 'inswapper-128'"),
    ],
)
def test_parameters_that_contradict_each_other(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SimulatorParameters(model="a.onnx", **given)


def test_a_template_without_a_recipe(tmp_path: Path, shown: torch.Tensor) -> None:
    file = one_node(tmp_path / "n.onnx", "Neg", (1, 3, 64, 64))
    fake = ExportedSimulator(size=SIZE, model=str(file), align="arcface-128", input_range="signed")(
        shown, {"identity": torch.zeros(4, dtype=torch.long)}
    )
    way = onto(crop_points(SIZE), TEMPLATES["arcface-128"], 64)[0].numpy()
    for mine, image in zip(fake, map(picture_of, shown), strict=True):
        back = cv2.invertAffineTransform(way)
        mask = cv2.warpAffine(box(64, 0.3)[0, 0].numpy(), back, (SIZE, SIZE)).clip(0, 1)[..., None]
        inverse = cv2.warpAffine(1 - aligned(image, way, 64), back, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
        assert np.abs(picture_of(mine) - (mask * inverse + (1 - mask) * image)).max() * 255 < 1


def test_the_page_s_lines_fit_files_of_their_signature(nets: dict[str, Path], tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "real-deepfakes.md").read_text(encoding="utf-8")
    entries = [
        yaml.safe_load(found) for found in re.findall(r"\{name: exported(?:-stand-in)?, recipe: [a-z].*?\}", page)
    ]
    assert {entry["name"] for entry in entries} == {"exported", "exported-stand-in"}
    for entry in entries:
        del entry["name"]
        files = {"model": entry["recipe"], "enhancer": entry.get("enhance", ""), "recogniser": "recogniser"}
        files["converter"] = "converter"
        given = {key: str(nets[files[key]]) if key in files else one for key, one in entry.items()}
        assert object_to_simulator(size=128, **dict(SimulatorParameters(**given))) is None
    assert set(RECIPES) <= set(re.findall(r"`([a-z0-9-]+)`", page))
    assert set(TEMPLATES) <= set(re.findall(r"`([a-z0-9-]+)`", page))
