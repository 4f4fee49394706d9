"""Layouts of tensors in memory, and what a processor is slow at in one of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_SLOW_CHANNELS_LAST = (nn.GroupNorm, nn.InstanceNorm2d)


def normalise_plainly(network: nn.Module) -> None:
    """Hand group and instance normalisations the plain layout, and give their answers the convolutions' back.

    On a processor torch 2.14's backward pass of a group normalisation is some twenty times slower channels last, and an
    instance normalisation answers in the plain layout, which every later operation on both layouts pays for.
    """
    for module in network.modules():
        if isinstance(module, _SLOW_CHANNELS_LAST) and _out not in module._forward_hooks.values():
            module.register_forward_pre_hook(_in)
            module.register_forward_hook(_out)


class _Laid(torch.autograd.Function):
    """A tensor (b,c,h,w) in one layout, and its gradient in the other."""

    @staticmethod
    def forward(context: Any, value: Tensor, there: torch.memory_format, back: torch.memory_format) -> Tensor:
        context.back = back
        return value.contiguous(memory_format=there)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Any:
        return gradients[0].contiguous(memory_format=context.back), None, None


def _in(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    (value,) = given
    return (_Laid.apply(value, torch.contiguous_format, torch.channels_last),) if value.dim() == 4 else given


def _out(_: nn.Module, __: tuple[Any, ...], answer: Any) -> Any:
    return _Laid.apply(answer, torch.channels_last, torch.contiguous_format) if answer.dim() == 4 else answer
