"""The extra inputs of a batch: each is made when a simulator first names it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from ftbench.contract.inputs import EXTRA_INPUTS

Maker = Callable[[], Tensor] | Callable[[Tensor], Tensor]


class Inputs:
    """What the simulators of a batch may name; see ``contract.inputs``.

    Each is a tensor, or a function that makes it: of nothing, called once, or of the image that is changed, called for
    each. Raises ValueError for an input that the contract does not know.
    """

    def __init__(self, **makers: Tensor | Maker) -> None:
        unknown = sorted(makers.keys() - EXTRA_INPUTS.keys())
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no extra input; there are: {', '.join(EXTRA_INPUTS)}")
        self._makers: dict[str, Tensor | Callable[..., Tensor]] = dict(makers)
        self._made: dict[str, Tensor] = {}

    def marked_again_by(self, remark: Callable[[Tensor], Tensor]) -> Inputs:
        """These inputs, those made already included, with ``remarked`` by another pair."""
        other = Inputs(**{**self._makers, "remarked": remark})
        other._made = self._made
        return other

    def of(self, needs: Sequence[str], image: Tensor) -> dict[str, Tensor]:
        """The inputs that ``needs`` names, for an image (b,3,h,w). Raises KeyError for one that is not there."""
        return {name: self._value(name, image) for name in needs}

    def _value(self, name: str, image: Tensor) -> Tensor:
        maker = self._makers[name]
        if isinstance(maker, Tensor):
            return maker
        if EXTRA_INPUTS[name].of_the_image:
            return maker(image)
        if name not in self._made:
            self._made[name] = maker()
        return self._made[name]
