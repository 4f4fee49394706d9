"""ftbench: train and benchmark face watermarks that survive deepfakes, with every part a plugin.

Importing this package brings the plugin contract alone, and never torch.
"""

from ftbench.contract.hooks import hookimpl
from ftbench.contract.protocols import Item
from ftbench.contract.records import (
    Codec,
    Dataset,
    Decoder,
    Distortion,
    Encoder,
    InputPath,
    Metric,
    Parameters,
    Simulator,
)

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
