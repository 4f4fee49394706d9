"""Tensors out of a user's own file, for parts that start from weights; nothing is ever unpickled."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ftbench.errors import BadInput

CONVERT = (
    "import torch, safetensors.torch as s; "
    "s.save_file(torch.load('OLD', map_location='cpu', weights_only=True), 'NEW.safetensors')"
)


def read_tensors(path: str, key: str = "weights") -> dict[str, Tensor]:
    """The tensors by name in a ``.safetensors`` file, on the CPU.

    Raises BadInput, beginning with the parameter ``key`` that named the file, when it is not there or is of another
    kind: torch's own files (``.pth``) are pickles, which can hold code.
    """
    from safetensors.torch import load_file

    file = Path(path)
    if not file.is_file():
        raise BadInput(f"{key}: there is no file {file.name!r}; give a .safetensors file")
    try:
        with file.open("rb") as opened:
            start = opened.read(9)
        # A safetensors file begins with a length, which can look like anything, and a brace.
        if start.endswith(b"{") or not start.startswith((b"PK\x03\x04", b"\x80")):
            return load_file(file)
    except Exception as error:
        raise BadInput(f"{key}: {file.name!r} cannot be read as a file of tensors: {error}") from error
    raise BadInput(
        f"{key}: {file.name!r} is torch's own kind of file, which can hold code and is not opened; where you trust it, "
        f'python -c "{CONVERT}" makes a .safetensors file of it'
    )
