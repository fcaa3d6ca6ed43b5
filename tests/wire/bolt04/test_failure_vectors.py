"""BOLT 4's vectors for answers: a plain failure, an attributable failure and an attributable success.

The hold times printed in the source are in reverse order; the bytes fit ``hold_time``.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from boltwire.onion import attribution
from boltwire.onion.failure_codec import decode_failure, encode_failure
from boltwire.onion.failures import FailureCode, FailureMessage
from boltwire.onion.keys import KeyType, derive_key, hop_secrets
from boltwire.onion.origin import FailureReport, HoldTimeReport, read_failure, read_hold_times
from boltwire.onion.return_packet import ReturnedFailure, authenticated, create_failure, relay_failure
from boltwire.onion.stream import stream
from boltwire.secp256k1 import PrivateKey, PublicKey
from boltwire.tlv import TlvRecord

FILE = Path(__file__).parents[2] / "vectors" / "bolt04_errors.json"
CASES: dict[str, dict[str, Any]] = {case["id"]: case for case in json.loads(FILE.read_text())["cases"]}
PLAIN = CASES["failure_from_last_hop"]
FAILURE = CASES["attributable_failure_from_last_hop"]
SUCCESS = CASES["attributable_success"]
HOPS = range(5)


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def shared_secrets(case: dict[str, Any]) -> list[bytes]:
    keys = [PublicKey(octets(hop["pubkey"])) for hop in case["hops"]]
    return [secret for _, secret in hop_secrets(PrivateKey(octets(case["session_key"])), keys)]


def hold_times(case: dict[str, Any]) -> tuple[int, ...]:
    return tuple(hop["hold_time"] for hop in case["hops"])


def step(case: dict[str, Any], hop: int) -> dict[str, Any]:
    return next(found for found in case["steps"] if found["hop"] == hop)


@pytest.mark.parametrize("hop", HOPS)
def test_keys_of_the_plain_failure(hop: int) -> None:
    secret, vector = shared_secrets(PLAIN)[hop], PLAIN["hops"][hop]
    assert secret.hex() == vector["shared_secret"]
    assert derive_key(KeyType.AMMAG, secret).hex() == vector["ammag_key"]


def test_plain_failure_packet() -> None:
    """B04-erring-node-g-01, B04-erring-node-g-02."""
    packet = authenticated(shared_secrets(PLAIN)[-1], octets(PLAIN["failure_message"]))
    assert packet[32:].hex() == PLAIN["packet_payload"]


def plain_failure() -> ReturnedFailure:
    *relays, erring = shared_secrets(PLAIN)
    failure = create_failure(erring, octets(PLAIN["failure_message"]))
    for secret in reversed(relays):
        failure = relay_failure(secret, failure)
    return failure


def test_plain_failure_as_the_origin_receives_it() -> None:
    """B04-error-relay-m-04."""
    assert plain_failure().reason.hex() == PLAIN["packet_at_origin"]


def test_plain_failure_is_read() -> None:
    report = read_failure(shared_secrets(PLAIN), ReturnedFailure(octets(PLAIN["packet_at_origin"])))
    assert report == FailureReport(PLAIN["failing_hop"], octets(PLAIN["failure_message"]), None)
    assert decode_failure(octets(PLAIN["failure_message"])) == FailureMessage(code=FailureCode.TEMPORARY_NODE_FAILURE)


def failure_message() -> FailureMessage:
    listed = FAILURE["failure"]
    record = TlvRecord(listed["tlv"]["type"], octets(listed["tlv"]["value"]))
    return FailureMessage(
        code=FailureCode(listed["code"]), htlc_msat=listed["htlc_msat"], height=listed["height"], tlvs=(record,)
    )


def test_attributable_failure_message() -> None:
    assert encode_failure(failure_message()).hex() == FAILURE["failure_message"]
    assert decode_failure(octets(FAILURE["failure_message"])) == failure_message()


def padded_size() -> int:
    """The vector pads to more than the recommended 256 bytes; its figure includes the padding's length."""
    return len(octets(FAILURE["failure_message_with_padding"])) - 2


def test_attributable_failure_packet() -> None:
    secret = shared_secrets(FAILURE)[-1]
    assert secret.hex() == FAILURE["failing_hop_shared_secret"]
    assert derive_key(KeyType.UM, secret).hex() == FAILURE["failing_hop_um_key"]
    packet = authenticated(secret, octets(FAILURE["failure_message"]), padded_size())
    assert packet.hex() == FAILURE["packet_raw"]
    assert packet[32:].hex() == FAILURE["packet_payload"]


def failure_sent_by(hop: int) -> ReturnedFailure:
    secrets, times = shared_secrets(FAILURE), hold_times(FAILURE)
    failure = create_failure(secrets[-1], octets(FAILURE["failure_message"]), times[-1], padded_size())
    for relay in reversed(range(hop, HOPS[-1])):
        failure = relay_failure(secrets[relay], failure, times[relay])
    return failure


@pytest.mark.parametrize("hop", HOPS)
def test_attributable_failure_of_a_hop(hop: int) -> None:
    """B04-erring-node-g-03, B04-error-relay-m-01, B04-error-relay-m-03, B04-error-relay-m-04."""
    sent, vector = failure_sent_by(hop), step(FAILURE, hop)
    assert sent.reason.hex() == vector["error_packet"]
    assert sent.attribution_data is not None
    assert attribution.to_bytes(sent.attribution_data).hex() == vector["attribution_data"]


@pytest.mark.parametrize("hop", HOPS)
def test_stream_of_the_attributable_failure(hop: int) -> None:
    secret, vector = shared_secrets(FAILURE)[hop], step(FAILURE, hop)
    assert secret.hex() == vector["shared_secret"]
    key = derive_key(KeyType.AMMAG, secret)
    assert key.hex() == vector["ammag_key"]
    assert stream(key, len(octets(vector["stream"]))).hex() == vector["stream"]


def test_attributable_failure_is_read() -> None:
    vector = step(FAILURE, 0)
    received = ReturnedFailure(
        octets(vector["error_packet"]), attribution.from_bytes(octets(vector["attribution_data"]))
    )
    report = read_failure(shared_secrets(FAILURE), received)
    expected = HoldTimeReport(hold_times(FAILURE), None)
    assert report == FailureReport(FAILURE["failing_hop"], octets(FAILURE["failure_message"]), expected)


@pytest.mark.parametrize("hop", HOPS)
def test_attributable_success_of_a_hop(hop: int) -> None:
    secrets, times = shared_secrets(SUCCESS), hold_times(SUCCESS)
    data = attribution.EMPTY
    for relay in reversed(range(hop, len(secrets))):
        data = attribution.add_attribution(secrets[relay], b"", times[relay], data)
    assert attribution.to_bytes(data).hex() == step(SUCCESS, hop)["attribution_data"]


def test_attributable_success_is_read() -> None:
    data = attribution.from_bytes(octets(step(SUCCESS, 0)["attribution_data"]))
    assert read_hold_times(shared_secrets(SUCCESS), data) == HoldTimeReport(hold_times(SUCCESS), None)
