"""``ftbench credential``: what it says, by the schema that is published, and what its check finds."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import rfc8785
import scipy.stats
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from ftbench.protocol import keys
from ftbench.protocol.form import schema_text
from ftbench.protocol.rules import NEWEST
from ftbench.storage.seal import sealed
from ftbench.storage.store import write_json
from tests.conftest import Said
from tests.protocol.made_entries import SIZE, made, whole, write

SCHEMA = Path(__file__).parents[2] / "docs" / "credential.schema.json"
PEM, RAW_PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
Called = Callable[..., tuple[int, str]]


@pytest.fixture
def called(said: Said) -> Called:
    """``called(argument, …)``: exit code and what was printed, in one line."""

    def run(*arguments: object) -> tuple[int, str]:
        code, told = said("credential", *arguments)
        return code, " ".join(told.split())

    return run


def new_key(folder: Path, name: str, *, ssh: bool = False, password: bytes = b"") -> tuple[Path, Path]:
    """A private key's file and a public one's."""
    key = Ed25519PrivateKey.generate()
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    private = serialization.PrivateFormat.OpenSSH if ssh else RAW_PKCS8
    public = (
        (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        if ssh
        else (PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    files = folder / name, folder / f"{name}.pub"
    files[0].write_bytes(key.private_bytes(PEM, private, locked))
    files[1].write_bytes(key.public_key().public_bytes(*public))
    return files


def only(folder: Path) -> Path:
    (file,) = (folder / "credentials").iterdir()
    return file


def said(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "made" / "faces", whole("a", 0.2, bits=12))


def test_it_says_what_the_rows_give(folder: Path, called: Called) -> None:
    code, text = called(folder)
    assert code == 0
    assert text.endswith(": ranked")
    found = said(only(folder))
    assert found["protocol"] == {"version": 2, "state": "ranked", "lacks": [], "score": found["protocol"]["score"]}
    assert found["payload"] == {"bits": 12, "code_bits": 12, "floor": 2**-12}
    assert found["method"]["seeds"] == ["0", "1", "2"]
    assert (found["data"]["images"], found["data"]["draws"], found["data"]["people_held_out"]) == (100, 2, 25)
    assert {one["metric"]: one["value"] for one in found["quality"]} == pytest.approx({"psnr": 36.0, "flip": 0.05})
    rows = pd.concat(one.rows for one in whole("a", 0.2, bits=12))
    for attack in found["attacks"]:
        own = rows[rows["simulator"].eq(attack["simulator"]) & rows["distortion"].eq(attack["distortion"])]
        # Of 12 bits one in a million cannot be reached.
        assert [one["asked"] for one in attack["found"]] == [1e-2, 1e-3]
        for one in attack["found"]:
            assert one["false_positive_rate"] == pytest.approx(scipy.stats.binom.sf(one["matches"] - 1, 12, 0.5))
            assert one["false_positive_rate"] <= one["asked"]
            assert scipy.stats.binom.sf(one["matches"] - 2, 12, 0.5) > one["asked"], "one match fewer is too few"
            share = np.mean(12 - own["payload_errors"] >= one["matches"])
            assert one["value"] == pytest.approx(share, abs=1e-12)
            assert one["low"] <= one["value"] <= one["high"]
            assert one["n"] == 100
    kinds = [attack["kind"] for attack in found["attacks"]]
    assert kinds[: len(NEWEST.at(SIZE))] == [one.kind for one in NEWEST.at(SIZE)]
    strengths = {attack["simulator"]: attack["simulator_parameters"] for attack in found["attacks"]}
    assert strengths["reenact"] == {"trained_on": "train", "strength": 1.75}
    assert {"quality": 50.0} in [attack["distortion_parameters"] for attack in found["attacks"]]


def test_the_schema_is_the_one_that_is_published_and_holds(folder: Path, called: Called, tmp_path: Path) -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    called(folder, "--key", new_key(tmp_path, "mine")[0])
    whole_one = said(only(folder))
    validator.validate(whole_one)
    for broken in (
        {**whole_one, "form": 2}, {**whole_one, "more": 1}, {**whole_one, "digest": "x"},
        {name: value for name, value in whole_one.items() if name != "attacks"},
    ):  # fmt: skip
        assert not validator.is_valid(broken)


@pytest.mark.parametrize("ssh", [False, True])
def test_a_signature_is_checked_against_a_key(folder: Path, called: Called, tmp_path: Path, ssh: bool) -> None:
    mine, public = new_key(tmp_path, "mine", ssh=ssh)
    _, theirs = new_key(tmp_path, "theirs", ssh=ssh)
    assert called(folder, "--key", mine)[0] == 0
    file = only(folder)
    code, text = called("--check", file, folder)
    assert code == 0
    assert "signed with the key SHA256:" in text
    assert "gives the same numbers" in text
    assert called("--check", file, "--key", public)[0] == 0
    code, text = called("--check", file, "--key", theirs)
    assert code == 1
    assert "signed with another key" in text
    # As somebody would who has neither this program nor its names: everything but the signature, canonical.
    held = said(file)
    block = held.pop("signature")
    public_bytes, value = (base64.b64decode(block[name]) for name in ("public_key", "value"))
    Ed25519PublicKey.from_public_bytes(public_bytes).verify(value, rfc8785.dumps(held))
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(public_bytes).verify(value, rfc8785.dumps({**held, "issued": "now"}))


def test_the_canonical_form_is_that_of_its_rfc() -> None:
    """The first sample of RFC 8785, section 3.2.2, and what section 3.2.4 makes of it."""
    sample = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert keys._canonical(sample) == expected.encode()


def test_a_fingerprint_is_the_one_that_openssh_shows() -> None:
    """Of the public key of RFC 8032's first test, by ``ssh-keygen -lf``."""
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert keys.fingerprint(public) == "SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8"


def test_a_changed_file_is_told(folder: Path, called: Called, tmp_path: Path) -> None:
    mine, public = new_key(tmp_path, "mine")
    for signing in ([], ["--key", mine]):
        called(folder, *signing)
        file = only(folder)
        held = said(file)
        held["attacks"][0]["found"][0]["value"] = 0.5
        write_json(file, held)
        code, text = called("--check", file)
        assert code == 1
        assert "changed after it was issued" in text
        # Who makes the digest anew is found by the signature, where there is one, or by the rows.
        held["digest"] = keys.digest_of(held)
        write_json(file, held)
        code, text = called("--check", file, folder)
        assert code == 1
        assert ("changed after it was signed" if signing else "attacks is not what") in text
        assert called("--check", file)[0] == (1 if signing else 0)
    held.pop("signature")
    write_json(file, held)
    code, text = called("--check", file, "--key", public)
    assert code == 1
    assert "it is not signed" in text


def test_a_folder_that_is_not_its_own_is_told(folder: Path, called: Called, tmp_path: Path) -> None:
    called(folder)
    file = only(folder)
    other = write(tmp_path / "other" / "faces", whole("a", 0.3, bits=12))
    code, text = called("--check", file, other)
    assert code == 1
    assert "is not the folder that it was made from" in text
    rows = folder / "rows" / "0.csv.gz"
    kept = rows.read_bytes()
    rows.write_bytes(kept[:-1])
    code, text = called("--check", file, folder)
    assert code == 1
    assert "rows/0.csv.gz has changed since it was written" in text
    rows.write_bytes(kept)
    assert called("--check", file, folder)[0] == 0


def test_tables_alone_are_evidence_too(tmp_path: Path, called: Called) -> None:
    folder = write(tmp_path / "made" / "faces", whole("a", 0.2), tables=True)
    called(folder)
    from_rows = said(only(folder))
    signed_over_rows = only(folder).rename(tmp_path / "rows.json")
    for file in (folder / "rows").iterdir():
        file.unlink()
    code, text = called("--check", signed_over_rows, folder)
    assert code == 0
    assert "without the rows that its numbers are counted from" in text
    assert called(folder)[0] == 0
    found = said(only(folder))
    assert sorted(found["evidence"]["files"]) == ["tables/detection.csv", "tables/quality.csv"]
    assert found["protocol"]["state"] == "provisional"
    assert called("--check", only(folder), folder)[0] == 0

    def rates(one: dict[str, Any]) -> dict[tuple[str, str], float]:
        return {(attack["simulator"], attack["distortion"]): attack["found"][0]["value"] for attack in one["attacks"]}

    of_rows = rates(from_rows)
    assert len(rates(found)) == len(of_rows) - 4
    assert all(of_rows[attack] == pytest.approx(value) for attack, value in rates(found).items())


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"form": 2}, 2, "form 2, and this ftbench knows 1; update ftbench"),
        ({"protocol": {"version": 7}}, 2, "version 7 of the protocol, which this ftbench does not know"),
        ({"payload": {"bits": "many"}}, 2, "is no credential: payload.bits"),
        ({"method": None}, 2, "is no credential: method"),
    ],
)
def test_a_file_that_is_none_is_one_sentence(
    folder: Path, called: Called, change: dict[str, Any], code: int, told: str
) -> None:
    called(folder)
    file = only(folder)
    write_json(file, {**said(file), **change})
    found, text = called("--check", file)
    assert found == code
    assert told in text


def test_bad_input_is_one_sentence(
    folder: Path, called: Called, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = tmp_path / "nothing"
    text_file = tmp_path / "text"
    text_file.write_text("a key", encoding="utf-8")
    wrong = tmp_path / "x25519"
    wrong.write_bytes(X25519PrivateKey.generate().private_bytes(PEM, RAW_PKCS8, serialization.NoEncryption()))
    locked, _ = new_key(tmp_path, "locked", password=b"open")
    for arguments, told in (
        ((), "name a results folder, or a credential with --check"),
        ((nothing,), "name a folder such as"),
        ((folder, "--key", nothing), "give a file that holds an Ed25519 key"),
        ((folder, "--key", text_file), "holds no private key that can be read"),
        ((folder, "--key", wrong), "another kind of key than Ed25519"),
        ((folder, "--key", locked), "FTBENCH_KEY_PASSWORD"),
        ((folder, "--method", "b"), "has no method 'b'; it has a"),
        (("--check", nothing), "name a credential"),
        (("--check", text_file), "is not JSON"),
        (("--check", text_file, "--method", "a"), "--check goes with --key and RESULTS alone"),
    ):
        code, text = called(*arguments)
        assert (code, told in text) == (2, True), text
        assert not (folder / "credentials").exists()
    called(folder)
    code, text = called("--check", only(folder), "--key", text_file)
    assert code == 2
    assert "holds no Ed25519 public key" in text
    monkeypatch.setenv("FTBENCH_KEY_PASSWORD", "open")
    assert called(folder, "--key", locked)[0] == 0
    assert called("--check", only(folder), "--key", locked)[0] == 0


def test_a_method_by_its_name_and_one_that_cannot_be_read(tmp_path: Path, called: Called) -> None:
    folder = write(tmp_path / "made" / "faces", [*whole("a"), *whole("b"), made("c")])
    (folder / "rows" / "6.csv.gz").unlink()
    code, text = called(folder, "--method", "b", "--out", tmp_path / "here")
    assert code == 0
    assert "left out: c seed 0: rows/6.csv.gz is missing" in text
    (file,) = (tmp_path / "here").iterdir()
    assert said(file)["method"]["label"] == "b"
    newer = json.loads((folder / "manifest.json").read_text(encoding="utf-8")) | {"protocol": 3}
    write_json(folder / "manifest.json", sealed(newer, folder))
    code, text = called(folder)
    assert code == 2
    assert "made for version 3 of the protocol" in text
