"""Ed25519 over JSON in its canonical form (RFC 8785): the same text in every language."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rfc8785

from ftbench.errors import BadInput, FtbenchError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSWORD = "FTBENCH_KEY_PASSWORD"
"""The environment variable that opens a protected key."""
DIGEST, SIGNATURE = "digest", "signature"


class DoesNotHold(FtbenchError):
    """A credential is not what was issued, or not by whom it should be."""


def digest_of(said: Mapping[str, Any]) -> str:
    """SHA-256 of everything that is said but digest and signature."""
    return hashlib.sha256(_canonical(said, DIGEST, SIGNATURE)).hexdigest()


def signed(said: Mapping[str, Any], key: Path) -> dict[str, str]:
    """The signature block of what is said, by a private key. Raises BadInput where the file holds none."""
    private = private_key(key)
    value = private.sign(_canonical(said, SIGNATURE))
    return {"algorithm": "Ed25519", "canonical": "RFC 8785", "public_key": _text(_raw(private)), "value": _text(value)}


def verify(said: Mapping[str, Any], key: Path | None) -> str:
    """Whose signature it is, in words; ``key``: whose it has to be. Raises DoesNotHold, and BadInput for a bad key."""
    wanted = None if key is None else public_key(key)
    block = said.get(SIGNATURE)
    if not block:
        if wanted is not None:
            raise DoesNotHold(f"it is not signed, and should be with the key of {key}")
        return "not signed"
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        by, value = (base64.b64decode(block[name], validate=True) for name in ("public_key", "value"))
        Ed25519PublicKey.from_public_bytes(by).verify(value, _canonical(said, SIGNATURE))
    except (InvalidSignature, ValueError):
        raise DoesNotHold(
            "its signature is not one of what it says: the file was changed after it was signed"
        ) from None
    if wanted is not None and by != wanted:
        raise DoesNotHold(
            f"it is signed with another key ({fingerprint(by)}) than that of {key} ({fingerprint(wanted)})"
        )
    return f"signed with the key {fingerprint(by)}"


def public_key(file: Path) -> bytes:
    """The 32 bytes of a public key, of PEM or of an OpenSSH line; of a private key's file too. Raises BadInput."""
    from cryptography.hazmat.primitives import serialization

    content = _read(file)
    if b"PRIVATE KEY" in content:
        return _raw(private_key(file))
    try:
        load = serialization.load_pem_public_key if b"-----BEGIN" in content else serialization.load_ssh_public_key
        return _bytes_of(load(content))
    except Exception as error:
        raise BadInput(
            f"{file} holds no Ed25519 public key ({_why(error)}); docs/credential.md says how to make one"
        ) from None


def fingerprint(public: bytes) -> str:
    """As ``ssh-keygen -l`` shows it, of the 32 bytes of a public key."""
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", public))
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _canonical(said: Mapping[str, Any], *without: str) -> bytes:
    return rfc8785.dumps({name: value for name, value in said.items() if name not in without})


def private_key(file: Path) -> Ed25519PrivateKey:
    """A private key, of PEM or of OpenSSH. Raises BadInput."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    content = _read(file)
    password = os.environ.get(PASSWORD)
    ours = b"BEGIN OPENSSH" in content
    load = serialization.load_ssh_private_key if ours else serialization.load_pem_private_key
    try:
        key = load(content, password=password.encode() if password else None)
    except Exception as error:
        # Libraries and OpenSSL word it differently, and some say the password is wrong where a key is cut.
        hint = f"; is {PASSWORD} set to its password?" if b"ENCRYPTED" in content or "assword" in str(error) else ""
        raise BadInput(f"{file} holds no private key that can be read ({_why(error)}){hint}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(f"{file} holds another kind of key than Ed25519; docs/credential.md says how to make one")
    return key


def _raw(private: Ed25519PrivateKey) -> bytes:
    return _bytes_of(private.public_key())


def _bytes_of(public: Any) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not isinstance(public, Ed25519PublicKey):
        raise ValueError("another kind of key")
    return public.public_bytes_raw()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror or error}; give a file that holds an Ed25519 key") from None


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _why(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
