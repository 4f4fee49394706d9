"""What cannot work is said while planning, in one sentence; the same sentence stops a direct use."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from exported_nets import BITS, Exports, blend, one_node
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from pydantic import ValidationError

from benchmarks.recipes.graph import save, value
from ftbench.parts.catalogue import Plugins
from ftbench_exported.networks import ExportedDecoder, ExportedEncoder, ExportedSimulator
from ftbench_exported.plugin import SimulatorParameters

FACTORIES = {"simulator": ExportedSimulator, "encoder": ExportedEncoder, "decoder": ExportedDecoder}
PIXELS = ("b", 3, "h", "w")


def objection(plugins: Plugins, kind: Any, model: Path, size: int = 64, bits: int = BITS, **parameters: Any) -> str:
    """What planning is told; building must raise the very same."""
    record = plugins.find(kind, "exported").record
    build = {"size": size} if kind == "simulator" else {"size": size, "bits": bits}
    chosen = record.parameters.model_validate({"model": str(model), **parameters})
    sentence = record.object_to(chosen, **build)
    if sentence is None:
        return ""
    assert "\n" not in sentence
    assert str(model.parent) not in sentence, "a folder of the user's has no place in a message that is kept"
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - compared as a whole
        FACTORIES[kind](**build, model=str(model), **parameters)
    assert str(raised.value) == sentence
    return str(sentence)


def refused(plugins: Plugins, model: Path, **parameters: Any) -> str:
    return objection(plugins, "simulator", model, **parameters)


def test_a_sound_network_meets_no_objection(plugins: Plugins, exports: Exports) -> None:
    assert refused(plugins, exports.open_size) == ""
    assert refused(plugins, exports.fixed, resize_to=48) == ""
    assert refused(plugins, exports.fixed, size=48) == ""
    assert objection(plugins, "encoder", exports.writes) == ""
    assert objection(plugins, "decoder", exports.reads) == ""


def test_without_onnxruntime_the_parts_are_listed_and_planning_says_what_to_install(
    plugins: Plugins, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    for lacking in ("onnx", "onnxruntime"):
        with monkeypatch.context() as patch:
            gone = lambda name, *rest, lacking=lacking: None if name == lacking else found(name, *rest)  # noqa: E731
            patch.setattr("ftbench_exported.files.importlib.util.find_spec", gone)
            for kind, model in (
                ("simulator", exports.open_size),
                ("encoder", exports.writes),
                ("decoder", exports.reads),
            ):
                assert "pip install 'ftbench[onnx]'" in objection(plugins, kind, model)


def test_a_file_that_is_not_there_is_left_to_the_harness(plugins: Plugins, tmp_path: Path) -> None:
    record = plugins.find("simulator", "exported").record
    chosen = record.parameters.model_validate({"model": str(tmp_path / "gone.onnx")})
    assert record.object_to(chosen, size=64) is None
    with pytest.raises(ValueError, match=r"^there is no file 'gone.onnx'"):
        ExportedSimulator(size=64, model=str(tmp_path / "gone.onnx"))


def test_files_that_are_no_onnx(plugins: Plugins, exports: Exports, tmp_path: Path) -> None:
    for name, data in {
        "text.onnx": b"hello, this is no network\n",
        "empty.onnx": b"",
        "zeros.onnx": bytes(500),
    }.items():
        (tmp_path / name).write_bytes(data)
        assert "is not a whole ONNX file" in refused(plugins, tmp_path / name)
    whole = exports.open_size.read_bytes()
    for part in (1, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.onnx").write_bytes(whole[:part])
        assert "'cut.onnx'" in refused(plugins, tmp_path / "cut.onnx")


def test_torch_s_own_files_are_refused_unopened(plugins: Plugins, tmp_path: Path) -> None:
    class Planted:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    for name in ("net.pt", "net.pth", "net.pt2", "disguised.onnx"):
        torch.save(Planted(), tmp_path / name)
        assert "can run code when it is opened; export the network to ONNX" in refused(plugins, tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_weights_in_a_second_file_are_refused_and_the_remedy_works(
    plugins: Plugins, exports: Exports, tmp_path: Path
) -> None:
    for file in exports.beside.parent.glob("beside.onnx*"):
        shutil.copy(file, tmp_path)
    assert (tmp_path / "beside.onnx.data").exists()
    sentence = refused(plugins, tmp_path / "beside.onnx", size=48)
    assert "keeps weights in a second file" in sentence
    assert "onnx.save(onnx.load(FILE), FILE)" in sentence
    onnx.save(onnx.load(tmp_path / "beside.onnx"), tmp_path / "beside.onnx")
    (tmp_path / "beside.onnx.data").unlink()
    assert refused(plugins, tmp_path / "beside.onnx", size=48) == ""


@pytest.mark.parametrize("where", ["initializer", "attribute", "subgraph", "sparse"])
def test_a_second_file_is_found_wherever_it_is_named(plugins: Plugins, tmp_path: Path, where: str) -> None:
    (tmp_path / "secret").write_bytes(np.ones(1, np.float32).tobytes())
    outside = numpy_helper.from_array(np.ones(1, np.float32), "w")
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../secret")
    constant = helper.make_node("Constant", [], ["w"], value=outside)
    add = helper.make_node("Add", ["x", "w"], ["y"])
    nodes, initial, sparse = [add], [], []
    if where == "initializer":
        initial = [outside]
    elif where == "attribute":
        nodes = [constant, add]
    elif where == "subgraph":
        branch = helper.make_graph(
            [constant, helper.make_node("Add", ["x", "w"], ["z"])], "g", [], [value("z", PIXELS)]
        )
        initial = [numpy_helper.from_array(np.array(True), "c")]
        nodes = [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]
    else:
        places = numpy_helper.from_array(np.array([0]), "i")
        sparse = [helper.make_sparse_tensor(outside, places, [1])]
    graph = helper.make_graph(
        nodes, "g", [value("x", PIXELS)], [value("y", PIXELS)], initial, sparse_initializer=sparse
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.onnx").write_bytes(model.SerializeToString())
    assert "keeps weights in a second file" in refused(plugins, tmp_path / "models" / "net.onnx")


def test_operators_that_onnxruntime_lacks(plugins: Plugins, tmp_path: Path) -> None:
    foreign = one_node(tmp_path / "foreign.onnx", "Warp", domain="ai.someone.faces")
    sentence = refused(plugins, foreign)
    assert "needs operator 'Warp' of 'ai.someone.faces'" in sentence
    assert "never loaded" in sentence
    unknown = onnx.load(blend(tmp_path / "unknown.onnx"))
    unknown.graph.node[0].op_type = "Sharpen"
    onnx.save(unknown, tmp_path / "unknown.onnx")
    assert refused(plugins, tmp_path / "unknown.onnx") == (
        "onnxruntime cannot run 'unknown.onnx': it lacks operator 'Sharpen'"
    )
    future = onnx.load(blend(tmp_path / "future.onnx"))
    future.opset_import[0].version = 9999
    onnx.save(future, tmp_path / "future.onnx")
    assert refused(plugins, tmp_path / "future.onnx").startswith("onnxruntime cannot run 'future.onnx': ")


def test_networks_that_do_not_give_the_same_again(plugins: Plugins, tmp_path: Path) -> None:
    noise = one_node(tmp_path / "noise.onnx", "RandomNormalLike")
    assert "draws random numbers (RandomNormalLike)" in refused(plugins, noise)
    shape = [value("x", PIXELS)], [value("y", PIXELS)]

    def dropout(training: bool, third: bool = True) -> Path:
        given = ["x", "ratio", "training"] if third else ["x"]
        weights = {"ratio": np.array(0.5, np.float32), "training": np.array(training)}
        return save(tmp_path / "drop.onnx", [helper.make_node("Dropout", given, ["y"])], *shape, weights)

    assert "exported in training mode (Dropout); call eval()" in refused(plugins, dropout(True))
    assert refused(plugins, dropout(False)) == ""
    assert refused(plugins, dropout(False, third=False)) == ""
    ones = {name: np.ones(3, np.float32) for name in ("scale", "bias", "mean", "var")}
    for training in (0, 1):
        node = helper.make_node(
            "BatchNormalization", ["x", *ones], ["y", *(["m", "v"] if training else [])], training_mode=training
        )
        file = save(tmp_path / "norm.onnx", [node], *shape, ones)
        assert ("training mode (BatchNormalization)" in refused(plugins, file)) == bool(training)


@pytest.mark.parametrize(
    ("shape", "parameters", "says"),
    [
        (("b", 3, 48, 48), {}, "takes images of 48 px and the benchmark's have 64; write resize_to: 48"),
        (("b", 3, 48, 48), {"resize_to": 32}, "takes images of 48 px, not of 32; write resize_to: 48"),
        (("b", 3, 48, 64), {}, "48×64 px, and images are square"),
        (("b", 1, "h", "w"), {}, "has 1 channels; images have 3"),
        (("b", 64, 64, 3), {}, "has 64 channels; write layout: nhwc"),
        (("b", 3, 64, 64), {"layout": "nhwc"}, "has 64 channels; write layout: nchw"),
        (("b", 3), {}, "has no single image input; its inputs are 'x' (?, 3); name one: input"),
        (("b", 3), {"input": "x"}, "is no image: it has 2 dimensions, not 4"),
        (PIXELS, {"input": "z"}, "has no input 'z'; it has x"),
        (PIXELS, {"output": "z"}, "has no output 'z'; it has y"),
        (("b", 3, 64, 64), {"constants": {"x": 1.0}}, "has no single image input"),
        (("b", 3, 64, 64), {"constants": {"x": 1.0}, "input": "x"}, "given something twice: by constants and by input"),
        (PIXELS, {"constants": {"strength": 1.0}}, "constants: 'net.onnx' has no input 'strength'; it has x"),
        (PIXELS, {"source_input": "x"}, "source and source_input belong together"),
        (PIXELS, {"identity_input": "who"}, "identity_input: 'net.onnx' has no input 'who'"),
    ],
)
def test_shapes_and_names(plugins: Plugins, tmp_path: Path, shape: Any, parameters: dict[str, Any], says: str) -> None:
    assert says in refused(plugins, blend(tmp_path / "net.onnx", shape), **parameters)


def test_kinds_of_number(plugins: Plugins, tmp_path: Path) -> None:
    node = [helper.make_node("Identity", ["x"], ["y"])]
    for kind, says in ((TensorProto.UINT8, "takes bytes; write input_range: byte"), (TensorProto.INT64, "takes int64")):
        file = save(tmp_path / "net.onnx", node, [value("x", PIXELS, kind)], [value("y", PIXELS, kind)])
        assert says in refused(plugins, file)


def test_outputs(plugins: Plugins, tmp_path: Path) -> None:
    pixels = ("b", 3, 64, 64)
    flat = one_node(tmp_path / "flat.onnx", "Flatten", pixels, ("b", 3 * 64 * 64))
    assert "output 'y' (?, 12288) of 'flat.onnx' is no image" in refused(plugins, flat)
    twice = one_node(tmp_path / "twice.onnx", "SpaceToDepth", pixels, ("b", 12, 32, 32), blocksize=2)
    assert "has 12 channels" in refused(plugins, twice)
    last = one_node(tmp_path / "last.onnx", "Transpose", pixels, ("b", 64, 64, 3), perm=[0, 2, 3, 1])
    assert "has 64 channels; write output_layout: nhwc" in refused(plugins, last)
    assert refused(plugins, last, output_layout="nhwc") == ""
    node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2])
    half = save(tmp_path / "half.onnx", [node], [value("x", pixels)], [value("y", ("b", 3, 32, 32))])
    assert "gives images of 32 px for those of 64; write resize_to: 64" in refused(plugins, half)
    assert refused(plugins, half, resize_to=64) == ""
    nodes = [helper.make_node("Neg", ["x"], ["y"]), helper.make_node("Abs", ["x"], ["mask"])]
    two = save(tmp_path / "two.onnx", nodes, [value("x", pixels)], [value("y", pixels), value("mask", pixels)])
    assert "has outputs y, mask; name one: output" in refused(plugins, two)
    assert refused(plugins, two, output="mask") == ""


def two_inputs(path: Path, shape: Any, kind: int = TensorProto.FLOAT, batch: int | str = "b") -> Path:
    nodes = [helper.make_node("Neg", ["x"], ["y"]), helper.make_node("Identity", ["more"], ["unused"])]
    pixels = (batch, 3, "h", "w")
    return save(path, nodes, [value("x", pixels), value("more", shape, kind)], [value("y", pixels)])


def test_further_inputs(plugins: Plugins, tmp_path: Path) -> None:
    file = two_inputs(tmp_path / "net.onnx", ())
    assert "further inputs that nothing is given to: more; name them under constants" in refused(plugins, file)
    assert refused(plugins, file, constants={"more": 0.5}) == ""
    assert "cannot be filled with an array of (2,)" in refused(plugins, file, constants={"more": [0.5, 1.0]})
    with pytest.raises(ValidationError, match="finite number"):
        refused(plugins, file, constants={"more": float("inf")})
    whole = two_inputs(tmp_path / "net.onnx", (), TensorProto.INT64)
    assert "takes whole numbers, and constants gives 0.5" in refused(plugins, whole, constants={"more": 0.5})
    assert refused(plugins, whole, constants={"more": 2.0}) == ""
    text = two_inputs(tmp_path / "net.onnx", (), TensorProto.STRING)
    assert "is of string, which no constant can be" in refused(plugins, text, constants={"more": 1.0})
    table = two_inputs(tmp_path / "net.onnx", ("b", "n"))
    assert "an open dimension that a constant cannot fill" in refused(plugins, table, constants={"more": 1.0})
    assert refused(plugins, table, constants={"more": [1.0, 2.0]}) == ""
    two = two_inputs(tmp_path / "net.onnx", PIXELS)
    assert "no single image input; its inputs are 'x' (?, 3, ?, ?), 'more' (?, 3, ?, ?)" in refused(plugins, two)
    who = two_inputs(tmp_path / "net.onnx", ("b", 2, 2))
    assert "cannot be told who is shown" in refused(plugins, who, identity_input="more")
    batches = two_inputs(tmp_path / "net.onnx", (2,), TensorProto.INT64, batch=4)
    assert "rows at once; export it with one batch size" in refused(plugins, batches, identity_input="more")


def test_sources(plugins: Plugins, tmp_path: Path) -> None:
    file = two_inputs(tmp_path / "net.onnx", ("b", 512))
    (tmp_path / "face.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (tmp_path / "face.npy").write_bytes(b"\x93NUMPY cut")
    np.save(tmp_path / "short.npy", np.ones(511))
    np.save(tmp_path / "bad.npy", np.full(512, np.nan))
    np.save(tmp_path / "good.npy", np.ones(512))

    class Planted:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    np.save(tmp_path / "planted.npy", np.array([Planted()], dtype=object), allow_pickle=True)

    def given(name: str, model: Path = file) -> str:
        return refused(plugins, model, source=str(tmp_path / name), source_input="more")

    assert "is no image: it has 2 dimensions" in given("face.jpg")
    assert "is not a .npy file of numbers" in given("face.npy")
    assert "is not a .npy file of numbers" in given("planted.npy")
    assert not (tmp_path / "ran").exists()
    # What numpy.load would open as an archive, and headers that no number of the file bears out.
    np.savez(tmp_path / "archive", np.ones(512))
    (tmp_path / "archive.npz").rename(tmp_path / "archive.npy")
    for name, shape in (("huge.npy", "4611686018427387904,"), ("odd.npy", "(3,"), ("word.npy", "'3',")):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n".encode()
        (tmp_path / name).write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(16))
    for name in ("archive.npy", "huge.npy", "odd.npy", "word.npy"):
        assert "is not a .npy file of numbers" in given(name)
    assert "cannot be filled with an array of (511,)" in given("short.npy")
    assert "not finite" in given("bad.npy")
    assert given("good.npy") == ""
    image = two_inputs(tmp_path / "image.onnx", PIXELS)
    assert "'face.jpg' is not a sound JPEG" in given("face.jpg", image)
    Image.new("1", (9500, 9500)).save(tmp_path / "large.png")
    assert "'large.png' is too large, over 89 million pixels" in given("large.png", image)
    # A postscript picture would start another program.
    (tmp_path / "face.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert "'face.eps' is not a sound JPEG" in given("face.eps", image)


def writing(path: Path, message: Any, kind: int = TensorProto.FLOAT) -> Path:
    nodes = [helper.make_node("Neg", ["x"], ["y"]), helper.make_node("Identity", ["code"], ["unused"])]
    return save(path, nodes, [value("x", PIXELS), value("code", message, kind)], [value("y", PIXELS)])


def test_encoders(plugins: Plugins, exports: Exports, tmp_path: Path) -> None:
    assert "is made for 8 bits and the code has 15" in objection(plugins, "encoder", exports.writes, bits=15)
    assert "no single input of two dimensions, but none" in objection(plugins, "encoder", exports.open_size)
    cube = writing(tmp_path / "net.onnx", ("b", 8, 1))
    assert "is not a row of bits" in objection(plugins, "encoder", cube, message_input="code")
    flags = writing(tmp_path / "net.onnx", ("b", 8), TensorProto.BOOL)
    assert "holds no -1; write message: bits" in objection(plugins, "encoder", flags, message="signed")
    assert objection(plugins, "encoder", flags) == ""
    node = [
        helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Identity", ["code"], ["unused"]),
    ]
    ends = [value("x", ("b", 3, 64, 64)), value("code", ("b", 8))], [value("y", ("b", 3, 32, 32))]
    half = save(tmp_path / "half.onnx", node, *ends)
    assert "gives images of 32 px for those of 64" in objection(plugins, "encoder", half, resize_to=64)
    assert objection(plugins, "encoder", half, resize_to=64, result="residual") == ""


def test_decoders(plugins: Plugins, exports: Exports) -> None:
    assert "is made for 8 bits and the code has 15" in objection(plugins, "decoder", exports.reads, bits=15)
    assert "is not a row of bits an image" in objection(plugins, "decoder", exports.open_size)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({}, "model"),
        ({"model": ""}, "at least 1 character"),
        ({"model": "n.onnx", "mean": [0.5, 0.5, 0.5]}, "mean and std belong together"),
        ({"model": "n.onnx", "mean": [0.5] * 3, "std": [1.0, 0.0, 1.0]}, "std must be greater than 0"),
        ({"model": "n.onnx", "mean": [0.5] * 2, "std": [1.0] * 2}, "at least 3 items"),
        ({"model": "n.onnx", "input_range": "percent"}, "'unit', 'signed', 'byte' or 'imagenet'"),
        ({"model": "n.onnx", "operators": "lib.so"}, "Extra inputs are not permitted"),
    ],
)
def test_parameters(parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SimulatorParameters.model_validate(parameters)


def test_a_changed_file_is_looked_at_again(plugins: Plugins, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    assert refused(plugins, blend(file)) == ""
    assert "48 px" in refused(plugins, blend(file, ("b", 3, 48, 48)))


def test_listing_imports_nothing_heavy() -> None:
    script = (
        "import sys, ftbench_exported.plugin as plugin; "
        "list(plugin.ftbench_simulators()), list(plugin.ftbench_encoders()), list(plugin.ftbench_decoders()); "
        "sys.exit(str({'torch', 'numpy', 'PIL', 'onnx', 'onnxruntime'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr.strip()) == ("", "")
