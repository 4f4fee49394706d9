"""ftbench: train and benchmark face watermarks that survive deepfakes, with every part a plugin.

Importing this package brings the plugin contract alone, and never torch.
"""

from ftbench.components import (
    Codec,
    Dataset,
    Decoder,
    Distortion,
    Encoder,
    InputPath,
    Item,
    Metric,
    Parameters,
    Simulator,
)
from ftbench.hookspecs import hookimpl

__version__ = "0.1.0"

__all__ = [
    "Codec",
    "Dataset",
    "Decoder",
    "Distortion",
    "Encoder",
    "InputPath",
    "Item",
    "Metric",
    "Parameters",
    "Simulator",
    "hookimpl",
]
