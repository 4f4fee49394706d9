"""What a network must have to be a simulator, an encoder or a decoder; asked while planning and when it is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftbench_exported.description import Description, Port, describe
from ftbench_exported.files import Unusable
from ftbench_exported.fitting import check_source_files, laid_over
from ftbench_exported.framing import Cut
from ftbench_exported.plugin import SimulatorParameters
from ftbench_exported.recipes import RECIPES
from ftbench_exported.source import check_photograph, check_source
from ftbench_exported.wiring import (
    FLOATS,
    WHOLE,
    Wiring,
    check_image_output,
    check_row,
    constant,
    port_named,
    row_input,
    wire,
)
from ftbench_faces.templates import TEMPLATES


def as_simulator(size: int, parameters: Mapping[str, Any]) -> tuple[Description, Wiring, dict[str, Any]]:
    """The network, its wiring as a simulator of ``size`` px, and the parameters with its recipe's; raises Unusable."""
    network = describe(Path(parameters["model"]))
    p = laid_over(network, parameters)
    other = _constants(network, p)
    for key in ("source_input", "identity_input"):
        if p[key]:
            _give(other, p[key], key)
    donated = p["recipe"] and RECIPES[p["recipe"]].source
    if not donated and bool(p["source"]) != bool(p["source_input"]):
        raise Unusable("source and source_input belong together: the file, and the input that takes it")
    each = [name for name in (p["identity_input"], p["source_input"] if donated else "") if name]
    if p["align"] and not p["resize_to"]:
        fixed = next((port.dims[2:] for port in network.inputs if len(port.dims) == 4), ())
        p["resize_to"] = next((side for side in fixed if side), None) or TEMPLATES[p["align"]].side
    wiring = _wired(network, size, p, other, each)
    if p["source"] and donated:
        check_photograph(p["source"], p["recipe"])
    elif p["source"]:
        kind, layout = p["source_range"] or p["input_range"], p["layout"]
        port = port_named(network, p["source_input"], "source_input")
        check_source(network, port, p["source"], layout=layout, byte=kind == "byte", size=wiring.side)
    if p["identity_input"]:
        _check_identity(network, port_named(network, p["identity_input"], "identity_input"))
    check_image_output(network, wiring.output, p["output_layout"] or p["layout"], wiring.side, bool(p["resize_to"]))
    if p["align"]:
        Cut(p["align"], wiring.side, False).check(size, network.file)
    if p["mask_output"] and p["mask_output"] not in {port.name for port in network.outputs}:
        there = ", ".join(port.name for port in network.outputs)
        raise Unusable(f"mask_output: {network.file!r} has no output {p['mask_output']!r}; it has {there}")
    if p["recipe"]:
        check_source_files(RECIPES[p["recipe"]], p)
    if p["enhancer"]:
        as_simulator(size, second(p))
    return network, wiring, p


def second(p: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the network that what the first gives goes through."""
    kept = {key: p[key] for key in ("framing", "mask", "mask_blur", "threads")}
    return dict(SimulatorParameters(model=p["enhancer"], recipe=p["enhance"], **{**kept, "mask": "box"}))


def as_encoder(size: int, bits: int, parameters: Mapping[str, Any]) -> tuple[Description, Wiring, Port]:
    """The network, its wiring and its input for the code as an encoder; raises Unusable."""
    p, network = parameters, describe(Path(parameters["model"]))
    other = _constants(network, p)
    name = row_input(network, p["message_input"], [*other, p["input"]])
    _give(other, name, "message_input")
    wiring = _wired(network, size, p, other, [name])
    message = port_named(network, name, "message_input")
    check_row(network, message, "input", bits)
    if p["message"] == "signed" and message.dtype in ("uint8", "bool"):
        raise Unusable(
            f"input {message} of {network.file!r} is of {message.dtype}, which holds no -1; write message: bits"
        )
    # A marked image of another size says nothing of the cover's pixels; a residual can be enlarged.
    resizes = p["result"] == "residual" and bool(p["resize_to"])
    check_image_output(network, wiring.output, p["output_layout"] or p["layout"], wiring.side, resizes)
    return network, wiring, message


def as_decoder(size: int, bits: int, parameters: Mapping[str, Any]) -> tuple[Description, Wiring]:
    """The network and its wiring as a decoder; raises Unusable."""
    p, network = parameters, describe(Path(parameters["model"]))
    wiring = _wired(network, size, p, _constants(network, p), [])
    check_row(network, wiring.output, "output", bits)
    return network, wiring


def _wired(network: Description, size: int, p: Mapping[str, Any], other: Mapping[str, str], each: list[str]) -> Wiring:
    return wire(
        network,
        size=size,
        resize_to=p["resize_to"],
        image=p["input"],
        output=p["output"],
        layout=p["layout"],
        byte=p["input_range"] == "byte" and p["mean"] is None,
        other=other,
        each=each,
    )


def _constants(network: Description, p: Mapping[str, Any]) -> dict[str, str]:
    for name, value in p["constants"].items():
        constant(network, name, value)
    other = dict.fromkeys(p["constants"], "constants")
    if p["input"]:
        _give(other, p["input"], "input")
        del other[p["input"]]
    return other


def _give(other: dict[str, str], name: str, parameter: str) -> None:
    if name in other:
        raise Unusable(f"input {name!r} is given something twice: by {other[name]} and by {parameter}")
    other[name] = parameter


def _check_identity(network: Description, port: Port) -> None:
    index = len(port.dims) == 1 or (len(port.dims) == 2 and port.dims[1] == 1)
    one_hot = len(port.dims) == 2 and port.dims[1] not in (None, 1)
    if port.dtype not in (*FLOATS, *WHOLE) or not (index or one_hot):
        raise Unusable(
            f"input {port} of {network.file!r} cannot be told who is shown; it must be (b,), (b, 1) or (b, people)"
        )
