"""What a simulator may ask for beside the image, by name: the one place that says which there are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExtraInput:
    """An input that a simulator's record may name under ``needs``."""

    meaning: str
    of_the_image: bool = False
    """It hangs on the image that the simulator changes, and is made anew for each."""
    of_a_pair: bool = False
    """Only a pair can give it: it is not there yet when a simulator is fitted."""
    of_tests: bool = False
    """Tests alone give it: it is too dear for every step of a training, or makes no sense in one. What is studied is
    given in a training, too, where a record says ``studies_batches``."""
    studied: bool = False
    """No tensor of a batch: the simulator's method ``study`` is handed it, before the tests or a step."""


FRONTAL = ((0.37, 0.42), (0.63, 0.42), (0.50, 0.57), (0.40, 0.69), (0.60, 0.69))
"""Landmarks of a face that looks straight ahead, to try a simulator with."""
EXTRA_INPUTS = {
    "identity": ExtraInput("(b,) int64: who is shown, an index into the data set's people"),
    "donor": ExtraInput(
        "(b,3,h,w) in [0, 1]: an unmarked picture of somebody else of the same split, whose face or pose may be taken"
    ),
    "landmarks": ExtraInput(
        "(b,5,2) as shares of the side, x before y, from the upper left: eyes, tip of the nose, corners of the mouth, "
        "left before right as the viewer sees them; only of data sets that know them",
        of_tests=True,
    ),
    "donor_landmarks": ExtraInput("(b,5,2): the same of ``donor``", of_tests=True),
    "remarked": ExtraInput(
        "(b,3,h,w) in [0, 1]: the image marked once more with another payload, by the pair under test or, in tests, by "
        "the pair whose encoder the parameter ``by`` names",
        of_the_image=True,
        of_a_pair=True,
    ),
    "averaged": ExtraInput(
        "(b,3,h,w), signed: the mean of marked − cover over as many images that carry the attacked image's payload as "
        "the parameter ``pairs`` says, none of them attacked; of flat colours where ``flat`` says so. Without "
        "``pairs``: over 32 of the images under test, and in tests alone. Where a code is another for every picture, a "
        "training averages the step's other images as they are marked",
        of_a_pair=True,
    ),
    "cover": ExtraInput(
        "(b,3,h,w) in [0, 1]: the attacked image as it was before it was marked. Whoever names it makes forgeries, and "
        "is counted among those",
        of_a_pair=True,
        of_tests=True,
    ),
    "known": ExtraInput(
        "as many images of the train split before and after marking, each with a payload of its own, as the parameter "
        "``pairs`` says: handed to ``study(marked, covers, generator)`` once, before the tests. Where the record says "
        "``studies_batches``, also in training: as many images of the step as other simulators attack there",
        of_a_pair=True,
        of_tests=True,
        studied=True,
    ),
}
FORGES = "cover"
"""The input of an attack whose outcome is no marked image: what is read from it was forged."""
STUDIES = "known"
"""The input that an attack studies instead of being given it with each batch."""
MARKS_MORE = frozenset({"remarked", "averaged", STUDIES})
"""Inputs for which a step of a training may mark images beside its covers."""
