"""Key derivation (BOLT 3, Appendix E) and the curve underneath."""

import hashlib
import importlib
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire import hashes
from boltwire.hashes import ripemd160
from boltwire.keys import (
    derive_private_key,
    derive_public_key,
    derive_revocation_private_key,
    derive_revocation_public_key,
)
from boltwire.secp256k1 import GROUP_ORDER, CurveError, PrivateKey, PublicKey, signature_from_der, signature_to_der

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt03_keys.json").read_text())
INPUTS = VECTORS["inputs"]
RESULTS = {case["id"]: case["result"] for case in VECTORS["cases"]}

scalars = st.integers(1, GROUP_ORDER - 1).map(lambda value: value.to_bytes(32, "big"))
digests = st.binary(min_size=32, max_size=32)


def point(name: str) -> PublicKey:
    return PublicKey(bytes.fromhex(INPUTS[name]))


def secret(name: str) -> PrivateKey:
    return PrivateKey(bytes.fromhex(INPUTS[name]))


def test_points_belong_to_the_secrets() -> None:
    assert secret("base_secret").public_key == point("base_point")
    assert secret("per_commitment_secret").public_key == point("per_commitment_point")


def test_public_key() -> None:
    assert derive_public_key(point("base_point"), point("per_commitment_point")).encoded.hex() == RESULTS["public_key"]


def test_private_key() -> None:
    derived = derive_private_key(secret("base_secret"), point("per_commitment_point"))
    assert derived.secret.hex() == RESULTS["private_key"]


def test_revocation_public_key() -> None:
    derived = derive_revocation_public_key(point("base_point"), point("per_commitment_point"))
    assert derived.encoded.hex() == RESULTS["revocation_public_key"]


def test_revocation_private_key() -> None:
    derived = derive_revocation_private_key(secret("base_secret"), secret("per_commitment_secret"))
    assert derived.secret.hex() == RESULTS["revocation_private_key"]


@given(scalars, scalars)
def test_both_halves_of_a_derivation_agree(base: bytes, per_commitment: bytes) -> None:
    base_key, commitment_key = PrivateKey(base), PrivateKey(per_commitment)
    derived = derive_private_key(base_key, commitment_key.public_key)
    assert derived.public_key == derive_public_key(base_key.public_key, commitment_key.public_key)
    revocation = derive_revocation_private_key(base_key, commitment_key)
    assert revocation.public_key == derive_revocation_public_key(base_key.public_key, commitment_key.public_key)


@given(scalars, scalars)
def test_scalar_arithmetic_is_that_of_the_group(first: bytes, second: bytes) -> None:
    one, two = PrivateKey(first), PrivateKey(second)
    product = int.from_bytes(first, "big") * int.from_bytes(second, "big") % GROUP_ORDER
    assert int.from_bytes(one.multiply(second).secret, "big") == product
    assert one.public_key.multiply(second) == one.multiply(second).public_key
    assert one.ecdh(two.public_key) == two.ecdh(one.public_key)
    assert one.ecdh(two.public_key) == hashlib.sha256(one.public_key.multiply(second).encoded).digest()
    total = (int.from_bytes(first, "big") + int.from_bytes(second, "big")) % GROUP_ORDER
    if total:
        assert int.from_bytes(one.add(second).secret, "big") == total
        assert one.public_key + two.public_key == one.add(second).public_key == one.public_key.add_generator(second)


def test_opposite_points_have_no_sum() -> None:
    one = PrivateKey((1).to_bytes(32, "big"))
    minus_one = PrivateKey((GROUP_ORDER - 1).to_bytes(32, "big"))
    with pytest.raises(CurveError, match="infinity"):
        _ = one.public_key + minus_one.public_key
    with pytest.raises(CurveError, match="infinity"):
        one.public_key.add_generator(minus_one.secret)
    with pytest.raises(CurveError, match="zero"):
        one.add(minus_one.secret)


@pytest.mark.parametrize("value", [0, GROUP_ORDER, 2**256 - 1])
def test_secret_outside_the_group_is_refused(value: int) -> None:
    with pytest.raises(CurveError, match="group order"):
        PrivateKey(value.to_bytes(32, "big"))


@pytest.mark.parametrize("value", [1, GROUP_ORDER - 1])
def test_least_and_greatest_secret_are_accepted(value: int) -> None:
    assert PrivateKey(value.to_bytes(32, "big")).secret == value.to_bytes(32, "big")


@pytest.mark.parametrize("encoded", ["02" + "00" * 32, "04" + INPUTS["base_point"][2:], INPUTS["base_point"][:-2], ""])
def test_bytes_that_are_no_point_are_refused(encoded: str) -> None:
    with pytest.raises(CurveError, match="point"):
        PublicKey(bytes.fromhex(encoded))


@given(scalars, digests)
def test_signature_is_deterministic_low_and_verifies(key: bytes, digest: bytes) -> None:
    private_key = PrivateKey(key)
    signature = private_key.sign(digest)
    assert signature == private_key.sign(digest)
    assert int.from_bytes(signature[32:], "big") <= GROUP_ORDER // 2
    assert private_key.public_key.verify(digest, signature)
    assert signature_from_der(signature_to_der(signature)) == signature
    assert not private_key.public_key.verify(hashlib.sha256(digest).digest(), signature)


def test_high_s_signature_does_not_verify() -> None:
    key, digest = secret("base_secret"), bytes(32)
    signature = key.sign(digest)
    high = signature[:32] + (GROUP_ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    assert key.public_key.verify(digest, signature)
    assert not key.public_key.verify(digest, high)


def test_signature_with_r_beyond_the_group_does_not_verify() -> None:
    key = secret("base_secret")
    assert not key.public_key.verify(bytes(32), b"\xff" * 32 + bytes(31) + b"\x01")
    with pytest.raises(CurveError, match="group order"):
        signature_to_der(b"\xff" * 64)


@pytest.mark.parametrize(
    "change", [lambda der: der[:-1], lambda der: der + b"\x00", lambda der: b"\x31" + der[1:], lambda _: b""]
)
def test_der_must_be_strict(change: Any) -> None:
    der = signature_to_der(secret("base_secret").sign(bytes(32)))
    with pytest.raises(CurveError, match="DER"):
        signature_from_der(change(der))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_sizes_are_checked(size: int) -> None:
    key, value = secret("base_secret"), bytes(size)
    with pytest.raises(CurveError, match="takes 32 bytes"):
        key.sign(value)
    with pytest.raises(CurveError, match="takes 32 bytes"):
        PrivateKey(value)
    with pytest.raises(CurveError, match="takes 64 bytes"):
        key.public_key.verify(bytes(32), value)


def test_der_with_r_beyond_the_group_is_refused() -> None:
    beyond = b"\x02\x21\x00" + GROUP_ORDER.to_bytes(32, "big")
    der = b"\x30" + bytes([len(beyond) + 3]) + beyond + b"\x02\x01\x01"
    with pytest.raises(CurveError, match="DER"):
        signature_from_der(der)


def test_public_key_shows_its_bytes() -> None:
    assert repr(point("base_point")) == f"PublicKey({INPUTS['base_point']})"


def test_hashes_do_without_openssls_ripemd160(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digests of "a" and of nothing are those that RIPEMD-160's authors published."""

    def left_out(name: str, **_: Any) -> Any:
        raise ValueError(f"unsupported hash type {name}")

    published = {b"": "9c1185a5c5e9fc54612808977ee8f548b2258d31", b"a": "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"}
    assert {data: ripemd160(data).hex() for data in published} == published
    monkeypatch.setattr(hashlib, "new", left_out)
    without = importlib.reload(hashes).ripemd160
    monkeypatch.undo()
    importlib.reload(hashes)
    assert without is not ripemd160
    assert {data: without(data).hex() for data in published} == published


def test_keys_survive_pickling_and_hide_the_secret() -> None:
    key = secret("base_secret")
    assert pickle.loads(pickle.dumps(key)) == key
    assert pickle.loads(pickle.dumps(key.public_key)) == key.public_key
    assert key.secret.hex() not in repr(key)
    assert len({key, pickle.loads(pickle.dumps(key)), secret("per_commitment_secret")}) == 2
    assert bytes(key.public_key) == key.public_key.encoded
