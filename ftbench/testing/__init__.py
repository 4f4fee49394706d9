"""The contract, checked: does a part do what its record and ``ftbench.contract.records`` promise?

``check(record)`` builds the part and raises ContractBroken with one line a broken promise: what was promised, what
happened, where. ``examine`` returns the findings instead, and ``check_simulator`` and its like are ``check`` for one
kind. The fixtures of ``ftbench.testing.pytest_plugin`` are there in every pytest run beside an installed ftbench.

Importing this imports no torch. Every check works without a GPU: how, for the one about devices, is told in
``ftbench.testing.device``. Networks are examined as they are built, fitted to nothing.
"""

from ftbench.testing.dispatch import (
    check,
    check_codec,
    check_dataset,
    check_decoder,
    check_distortion,
    check_encoder,
    check_metric,
    check_simulator,
    examine,
    survey,
)
from ftbench.testing.finding import CannotExamine, ContractBroken, Finding, Report

__all__ = [
    "CannotExamine",
    "ContractBroken",
    "Finding",
    "Report",
    "check",
    "check_codec",
    "check_dataset",
    "check_decoder",
    "check_distortion",
    "check_encoder",
    "check_metric",
    "check_simulator",
    "examine",
    "survey",
]
