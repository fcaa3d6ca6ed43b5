"""The handshake of BOLT 8 (appendix A and what goes beyond it)."""

import json
from pathlib import Path
from typing import Any

import pytest

from boltwire.errors import TransportError
from boltwire.noise import (
    ACT_ONE_SIZE,
    ACT_THREE_SIZE,
    ACT_TWO_SIZE,
    Initiator,
    Responder,
    SessionKeys,
    fresh_ephemeral_key,
    hkdf,
)
from boltwire.secp256k1 import PrivateKey, PublicKey

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt08_handshake.json").read_text())
PHRASES = {
    "act1_read_failed": "act one: the act takes 50 bytes, not 49",
    "act1_bad_version": "act one: unknown handshake version 1",
    "act1_bad_pubkey": "act one: the public key",
    "act1_bad_tag": "act one: the tag",
    "act2_read_failed": "act two: the act takes 50 bytes, not 49",
    "act2_bad_version": "act two: unknown handshake version 1",
    "act2_bad_pubkey": "act two: the public key",
    "act2_bad_tag": "act two: the tag",
    "act3_read_failed": "act three: the act takes 66 bytes, not 65",
    "act3_bad_version": "act three: unknown handshake version 1",
    "act3_bad_ciphertext": r"act three: the tag does not authenticate \(at byte 1\)",
    "act3_bad_pubkey": "act three: the public key",
    "act3_bad_tag": r"act three: the tag does not authenticate \(at byte 50\)",
}
ROLES = {role: [case for case in VECTORS["cases"] if case["role"] == role] for role in ("initiator", "responder")}


def key(case: dict[str, Any], name: str) -> PrivateKey:
    return PrivateKey(bytes.fromhex(case["keys"][name]))


def run_initiator(case: dict[str, Any]) -> SessionKeys:
    acts = [bytes.fromhex(act["hex"]) for act in case["acts"]]
    remote = PublicKey(bytes.fromhex(case["keys"]["remote_static_pubkey"]))
    machine = Initiator(key(case, "local_static_privkey"), remote, key(case, "local_ephemeral_privkey"))
    assert machine.act_one() == acts[0]
    act_three, keys = machine.act_three(acts[1])
    assert act_three == acts[2]
    return keys


def run_responder(case: dict[str, Any]) -> SessionKeys:
    acts = [bytes.fromhex(act["hex"]) for act in case["acts"]]
    machine = Responder(key(case, "local_static_privkey"), key(case, "local_ephemeral_privkey"))
    assert machine.act_two(acts[0]) == acts[1]
    return machine.finish(acts[2])


def judge(case: dict[str, Any], run: Any) -> None:
    result = case["result"]
    if result["ok"]:
        keys = run(case)
        assert keys.send_key.hex() == result["send_key"]
        assert keys.receive_key.hex() == result["recv_key"]
        return
    with pytest.raises(TransportError, match=PHRASES[result["error"]]):
        run(case)


@pytest.mark.parametrize("case", ROLES["initiator"], ids=lambda case: case["id"])
def test_initiator_vector(case: dict[str, Any]) -> None:
    """B08-initiator-tests-i-01 B08-noise-b-01 B08-act-two-i-01 B08-act-two-i-02 B08-handshake-version-n-01"""
    judge(case, run_initiator)


@pytest.mark.parametrize("case", ROLES["responder"], ids=lambda case: case["id"])
def test_responder_vector(case: dict[str, Any]) -> None:
    """B08-responder-tests-q-01 B08-noise-b-01 B08-act-one-q-01 B08-act-one-q-02 B08-act-three-q-01
    B08-act-three-q-02 B08-act-three-q-03 B08-handshake-version-n-01
    """
    judge(case, run_responder)


ALICE, BOB, CAROL = (PrivateKey(bytes((index,)) * 32) for index in (1, 2, 3))


def handshake() -> tuple[bytes, bytes, bytes, SessionKeys, SessionKeys]:
    initiator, responder = Initiator(ALICE, BOB.public_key), Responder(BOB)
    one = initiator.act_one()
    two = responder.act_two(one)
    three, of_alice = initiator.act_three(two)
    return one, two, three, of_alice, responder.finish(three)


def test_both_sides_agree_and_know_each_other() -> None:
    one, two, three, of_alice, of_bob = handshake()
    assert (len(one), len(two), len(three)) == (ACT_ONE_SIZE, ACT_TWO_SIZE, ACT_THREE_SIZE)
    assert of_alice.send_key == of_bob.receive_key
    assert of_alice.receive_key == of_bob.send_key
    assert of_alice.chaining_key == of_bob.chaining_key
    assert of_alice.remote_static == BOB.public_key.encoded
    assert of_bob.remote_static == ALICE.public_key.encoded


def test_ephemeral_keys_are_fresh() -> None:
    """B08-handshake-state-n-01"""
    runs = [handshake() for _ in range(5)]
    assert len({one[1:34] for one, *_ in runs}) == len({two[1:34] for _, two, *_ in runs}) == 5
    assert len({keys.send_key for *_, keys in runs}) == 5


def test_draw_that_is_no_secret_key_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """B08-handshake-state-n-01"""
    draws = iter([bytes(32), b"\xff" * 32, b"\7" * 32])
    monkeypatch.setattr("boltwire.noise.secrets.token_bytes", lambda size: next(draws))
    assert fresh_ephemeral_key().secret == b"\7" * 32


def test_responder_that_is_somebody_else_stays_silent() -> None:
    """B08-act-one-q-02"""
    with pytest.raises(TransportError, match="act one: the tag"):
        Responder(CAROL).act_two(Initiator(ALICE, BOB.public_key).act_one())


@pytest.mark.parametrize("at", range(ACT_ONE_SIZE))
def test_every_byte_of_act_one_and_two_is_authenticated(at: int) -> None:
    """B08-act-one-q-01 B08-act-one-q-02 B08-act-two-i-01 B08-act-two-i-02"""
    initiator = Initiator(ALICE, BOB.public_key)
    one = initiator.act_one()
    with pytest.raises(TransportError, match="act one"):
        Responder(BOB).act_two(flip(one, at))
    with pytest.raises(TransportError, match="act two"):
        initiator.act_three(flip(Responder(BOB).act_two(one), at))


@pytest.mark.parametrize("at", range(ACT_THREE_SIZE))
def test_every_byte_of_act_three_is_authenticated(at: int) -> None:
    """B08-act-three-q-01 B08-act-three-q-02 B08-act-three-q-03"""
    initiator, responder = Initiator(ALICE, BOB.public_key), Responder(BOB)
    three, _ = initiator.act_three(responder.act_two(initiator.act_one()))
    with pytest.raises(TransportError, match="act three"):
        responder.finish(flip(three, at))


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def test_key_derivation_against_a_library() -> None:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    for material in (b"", b"m" * 32):
        assert b"".join(hkdf(b"s" * 32, material)) == HKDF(SHA256(), 64, b"s" * 32, b"").derive(material)
