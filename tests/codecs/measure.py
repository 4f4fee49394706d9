"""Prints the table of docs/codes.md: ``python tests/codecs/measure.py [words]``, one thread, some three minutes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import torch
from channels import build, fitted, gaussian, random_payloads, symmetric
from galois_codes import LISTED

ERRORS = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30)


def codes() -> Iterator[tuple[str, int, Any]]:
    yield "none", 15, build("none", 15)
    for times in (4, 8):
        yield "repetition", 15, build("repetition", 15, times=times)
    yield "learned", 15, fitted(15, steps=3000, batch_size=512)
    for n, k in LISTED:
        yield "soft-bch", k, build("soft-bch", k, length=n)


def main(words: int) -> None:
    torch.set_num_threads(1)
    for name, bits, codec in codes():
        payload = random_payloads(words, bits)
        sent = codec.encode(payload)
        codec.decode(2 * sent[:1] - 1)
        for channel in (symmetric, gaussian):
            accuracy, missed, spent = [], [], 0.0
            for error in ERRORS:
                logits = channel(error)(sent)
                started = time.process_time()
                read = codec.decode(logits)
                spent += time.process_time() - started
                accuracy.append((read == payload).all(1).double().mean().item())
                # Maximum likelihood never finds a word that is less likely than the one that was sent.
                missed.append((((codec.encode(read) - sent) * logits).sum(1) < -1e-3).double().mean().item())
            kind = "hard" if channel is symmetric else "soft"
            rates = " | ".join(f"{rate:.3f}" for rate in accuracy)
            speed = len(ERRORS) * words / spent
            print(
                f"| {name} ({sent.shape[1]},{bits}) | {kind} | {rates} | {max(missed):.3f} | {speed:,.0f} |", flush=True
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
