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
        self._made: dict[Callable[..., Tensor], Tensor] = {}

    def but(self, **makers: Tensor | Maker) -> Inputs:
        """These inputs, those made already included, with others under some names. Raises ValueError as above."""
        other = Inputs(**{**self._makers, **makers})
        other._made = self._made
        return other

    def marked_again_by(self, remark: Callable[[Tensor], Tensor]) -> Inputs:
        """These inputs, those made already included, with ``remarked`` by another pair."""
        return self.but(remarked=remark)

    def of(self, needs: Sequence[str], image: Tensor) -> dict[str, Tensor]:
        """The inputs that ``needs`` names, for an image (b,3,h,w). Raises KeyError for one that is not there."""
        return {name: self._value(name, image) for name in needs if not EXTRA_INPUTS[name].studied}

    def _value(self, name: str, image: Tensor) -> Tensor:
        maker = self._makers[name]
        if isinstance(maker, Tensor):
            return maker
        if EXTRA_INPUTS[name].of_the_image:
            return maker(image)
        # By what makes it: several attacks may average over pictures of their own.
        if maker not in self._made:
            self._made[maker] = maker()
        return self._made[maker]
