"""What holds of every code's record."""

from __future__ import annotations

import subprocess
import sys

import pytest
from channels import RECORDS, build, random_payloads


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("bits", [1, 15, 40])
def test_the_code_is_as_long_as_declared_and_of_zeros_and_ones(name, bits):
    record = RECORDS[name]
    sent = build(name, bits).encode(random_payloads(30, bits))
    assert sent.shape == (30, record.length(bits, record.parameters()))
    assert set(sent.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("name", RECORDS)
def test_a_payload_without_bits_has_no_length(name):
    with pytest.raises(ValueError, match="at least 1"):
        RECORDS[name].length(0, RECORDS[name].parameters())


def test_listing_and_lengths_import_no_torch():
    script = """
import sys
from ftbench_codecs.plugin import ftbench_codecs
lengths = {record.name: record.length(15, record.parameters()) for record in ftbench_codecs()}
assert lengths == {"none": 15, "repetition": 45, "soft-bch": 127, "fresh": 127, "learned": 60}, lengths
assert not {"torch", "numpy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)
