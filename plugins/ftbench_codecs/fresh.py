"""Another code for every picture: a random nonce goes along, and hides the payload under a keyed function of it."""

from __future__ import annotations

import hashlib
import secrets

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ftbench_codecs.keyfile import read_key
from ftbench_codecs.soft_bch import SoftBCH
from ftbench_codecs.tensors import require_payload

Bits = NDArray[np.uint8]


class Fresh:
    """``nonce, payload ⊕ F(nonce), tag`` in a BCH code, where F is BLAKE2b under the owner's key.

    The tag is the beginning of BLAKE2b over nonce and payload, under the same key for another purpose. A reading whose
    tag is wrong gives bits that hang on the reading alone, as those of an image that nobody marked.

    Raises ValueError when no code holds payload, nonce and tag, and for a key file that is none.
    """

    def __init__(self, *, bits: int, nonce: int, tag: int, length: int, key: str = "") -> None:
        self.bits, self.nonce, self.tag = bits, nonce, tag
        self.inner = SoftBCH(bits=nonce + bits + tag, length=length)
        self._key = read_key(key)
        self._name = f"fresh code of {bits} bits"

    def encode(self, payload: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Payload (b, k) of {0,1} -> code (b, n) of {0,1} float32; nonces from ``generator``, else the system's.

        Raises ValueError on another shape or other values.
        """
        require_payload(payload, self.bits, self._name)
        said = payload.detach().cpu().numpy().astype(np.uint8)
        shape = (len(said), self.nonce)
        if generator is None:
            drawn = np.frombuffer(secrets.token_bytes(shape[0] * shape[1]), np.uint8).reshape(shape) & 1
        else:
            drawn = torch.randint(0, 2, shape, generator=generator).numpy().astype(np.uint8)
        whole = np.concatenate([drawn, said ^ self._masks(drawn), self._tags(drawn, said)], axis=1)
        return self.inner.encode(torch.from_numpy(whole).to(payload.device))

    def decode(self, logits: Tensor) -> Tensor:
        """Read logits (b, n) -> payload (b, k) of {0,1} float32 on the same device.

        Raises ValueError on another shape and on logits that are not finite.
        """
        nonce, payload, vouched = self._read(logits)
        if self.tag:
            elsewhere = self._hashed(b"elsewhere", np.concatenate([nonce, payload], axis=1), self.bits)
            payload = np.where(vouched[:, None], payload, elsewhere)
        return torch.from_numpy(payload.astype(np.float32)).to(logits.device)

    def vouched(self, logits: Tensor) -> Tensor:
        """Which readings (b, n) have the tag of their nonce and payload: (b,) bool; all of them without a tag."""
        return torch.from_numpy(self._read(logits)[2]).to(logits.device)

    def _read(self, logits: Tensor) -> tuple[Bits, Bits, NDArray[np.bool_]]:
        """Nonces (b, r), payloads (b, k), and whose tag is right (b,)."""
        whole = self.inner.decode(logits).cpu().numpy().astype(np.uint8)
        nonce, masked, tag = np.split(whole, [self.nonce, self.nonce + self.bits], axis=1)
        payload = masked ^ self._masks(nonce)
        return nonce, payload, (tag == self._tags(nonce, payload)).all(axis=1)

    def _masks(self, nonce: Bits) -> Bits:
        return self._hashed(b"mask", nonce, self.bits)

    def _tags(self, nonce: Bits, payload: Bits) -> Bits:
        if not self.tag:
            return np.zeros((len(nonce), 0), np.uint8)
        return self._hashed(b"tag", np.concatenate([nonce, payload], axis=1), self.tag)

    def _hashed(self, purpose: bytes, rows: Bits, bits: int) -> Bits:
        """The first ``bits`` of BLAKE2b over each row of bits (b, m): (b, bits)."""
        packed = np.packbits(rows, axis=1)
        # A row that comes twice is hashed once: of few bits there are few rows.
        different, where = np.unique(packed, axis=0, return_inverse=True)
        size = (bits + 7) // 8
        digests = b"".join(
            hashlib.blake2b(row.tobytes(), digest_size=size, key=self._key, person=purpose).digest()
            for row in different
        )
        table = np.frombuffer(digests, np.uint8).reshape(len(different), size)
        found: Bits = np.unpackbits(table, axis=1)[:, :bits][where.reshape(-1)]
        return found
