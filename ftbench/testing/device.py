"""A second device that every machine has: real numbers on the processor that claim to lie elsewhere.

A part that works on a GPU keeps all that it computes with in parameters and buffers, or moves it to its image's
device, or makes it there. Without a GPU that can still be seen: inside ``elsewhere()`` the device ``meta`` holds
numbers, torch's operations run on them as ever, and one that mixes them with a tensor left on the processor raises
WrongDevice, as CUDA would. What this cannot show is code that asks for CUDA by name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("meta")
_MAKERS = (torch.tensor, torch.as_tensor, torch.asarray)
_aten = torch.ops.aten
_MAY_MIX = (_aten.copy_, _aten.index, _aten.index_put_, _aten.index_put)
"""What CUDA lets take tensors from the processor too: copies, and indices."""


class WrongDevice(RuntimeError):
    """A tensor that was left on the processor met one that was moved."""


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """Give the device ``meta`` numbers; ``tensor.to(DEVICE)`` and ``module.to(DEVICE)`` then move there."""
    overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with torch.no_grad(), mock.patch.object(torch, "autocast", _Autocast), _Functions(), _Operations():  # type: ignore[no-untyped-call]
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(overwrite)


def is_elsewhere(tensor: Tensor) -> bool:
    """Whether the tensor lies on the second device."""
    return isinstance(tensor, _Elsewhere)


def brought_back(tensor: Tensor) -> Tensor:
    """The tensor on the processor."""
    return tensor.held if isinstance(tensor, _Elsewhere) else tensor


class _Elsewhere(Tensor):
    held: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, held: Tensor) -> _Elsewhere:
        made: _Elsewhere = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
            requires_grad=held.requires_grad,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return _operate(func, args, dict(kwargs or {}))


class _Operations(TorchDispatchMode):
    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Else torch loads its compiler, several seconds of imports, for nothing here.
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return _operate(func, args, dict(kwargs or {}))


def _operate(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    moved = {id(tensor.held): tensor for tensor in given if isinstance(tensor, _Elsewhere)}
    left = [tensor for tensor in given if not isinstance(tensor, _Elsewhere) and tensor.ndim]
    device = kwargs.get("device")
    there = bool(moved) if device is None else torch.device(device) == DEVICE
    if device is not None:
        kwargs["device"] = torch.device("cpu") if there else device
        if there and kwargs.get("generator") is not None:
            raise WrongDevice(f"{func} draws on the image's device from a generator on the processor")
    elif moved and left and func.overloadpacket not in _MAY_MIX:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in left)
        raise WrongDevice(f"{func} met a tensor of shape {shapes} that was left on the processor")

    def brought(leaf: Any) -> Any:
        return leaf.held if isinstance(leaf, _Elsewhere) else leaf

    def sent(leaf: Any) -> Any:
        if not there or not isinstance(leaf, Tensor):
            return leaf
        # An operation in place gives back what it was given.
        return moved[id(leaf)] if id(leaf) in moved else _Elsewhere(leaf)

    return tree_map(sent, func(*tree_map(brought, args), **tree_map(brought, kwargs)))


class _Functions(TorchFunctionMode):
    """What torch does in one piece, where no operation could be seen."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        first = args[0] if args else None
        device = options.get("device")
        if func in _MAKERS and device is not None and torch.device(device) == DEVICE:
            return func(*args, **{**options, "device": "cpu"}).to(DEVICE)
        if isinstance(first, _Elsewhere):
            if func is Tensor.new_tensor:
                return torch.tensor(args[1], **{"dtype": first.dtype, **options}).to(DEVICE)
            if func is Tensor.tolist:
                return first.held.tolist()
            if func in (Tensor.numpy, Tensor.__array__):
                raise WrongDevice("a tensor on the image's device was handed to numpy without .cpu()")
        return func(*args, **options)


class _Autocast(torch.autocast):
    """torch has no autocast for the device that stands in."""

    def __init__(self, device_type: str, *args: Any, **options: Any) -> None:
        super().__init__("cpu" if device_type == DEVICE.type else device_type, *args, **options)
