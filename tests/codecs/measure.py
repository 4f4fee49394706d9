"""Prints the table of docs/codes.md: ``python tests/codecs/measure.py [words]``, one thread."""

from __future__ import annotations

import sys
import time

import torch
from channels import build, gaussian, random_payloads, symmetric
from galois_codes import LISTED

ERRORS = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30)
CODES = [("none", 15, {}), ("repetition", 15, {"times": 8}), *(("soft-bch", k, {"length": n}) for n, k in LISTED)]


def main(words: int) -> None:
    torch.set_num_threads(1)
    for name, bits, given in CODES:
        codec = build(name, bits, **given)
        payload = random_payloads(words, bits)
        sent = codec.encode(payload)
        codec.decode(2 * sent[:1] - 1)
        for channel in (symmetric, gaussian):
            rates = []
            started = time.process_time()
            for error in ERRORS:
                rates.append((codec.decode(channel(error)(sent)) == payload).all(1).double().mean().item())
            speed = len(ERRORS) * words / (time.process_time() - started)
            kind = "hard" if channel is symmetric else "soft"
            cells = " | ".join(f"{rate:.3f}" for rate in rates)
            print(f"| {name} ({sent.shape[1]},{bits}) | {kind} | {cells} | {speed:,.0f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
