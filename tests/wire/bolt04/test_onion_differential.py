"""What another implementation made from the same inputs: onions, blinded paths and failures of lightning-onion.

The recording comes from ``recorder/main.go``, which says how to make it again.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from boltwire.onion.blinding import PathHop, create_blinded_path, unblind
from boltwire.onion.construction import OnionHop, construct_onion
from boltwire.onion.encrypted_data import EncryptedDataTlv
from boltwire.onion.keys import hop_secrets
from boltwire.onion.origin import FailureReport, read_failure
from boltwire.onion.packet import OnionPacket
from boltwire.onion.peeling import peel_onion
from boltwire.onion.return_packet import ReturnedFailure, create_failure, relay_failure
from boltwire.secp256k1 import PrivateKey

FILE = Path(__file__).parents[2] / "vectors" / "bolt04_lightning_onion.json"
RECORDING: dict[str, Any] = json.loads(FILE.read_text())


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def key(text: str) -> PrivateKey:
    return PrivateKey(octets(text))


def numbered(name: str) -> dict[str, Any]:
    """Cases as arguments of parametrize, named by their number of hops."""
    cases = RECORDING[name]
    ids = [f"{len(case.get('hops') or case['privkeys'])} hops" for case in cases]
    return {"argvalues": cases, "ids": ids}


@pytest.mark.parametrize("case", **numbered("onions"))
def test_onion_is_the_same(case: dict[str, Any]) -> None:
    keys = [key(hop["privkey"]) for hop in case["hops"]]
    payloads = [octets(hop["payload"]) for hop in case["hops"]]
    hops = [OnionHop(node.public_key, payload) for node, payload in zip(keys, payloads, strict=True)]
    data = octets(case["associated_data"])
    onion = construct_onion(hops, key(case["session_key"]), data)
    assert sha256(onion.packet.encode()).hexdigest() == case["packet_sha256"]

    following: OnionPacket | None = onion.packet
    for node, payload in zip(keys, payloads, strict=True):
        assert following is not None
        peeled = peel_onion(following, node, data)
        assert peeled.payload == payload
        following = peeled.next_packet
    assert following is None


@pytest.mark.parametrize("case", **numbered("blinded_paths"))
def test_blinded_path_is_the_same(case: dict[str, Any]) -> None:
    keys = [key(hop["privkey"]) for hop in case["hops"]]
    data = [EncryptedDataTlv.decode(octets(hop["data"])) for hop in case["hops"]]
    hops = [PathHop(node.public_key, tlv) for node, tlv in zip(keys, data, strict=True)]
    path = create_blinded_path(hops, key(case["session_key"]))
    assert path.first_path_key.hex() == case["path_key"]
    path_key = path.first_path_key
    for node, hop, recorded in zip(keys, path.path, case["hops"], strict=True):
        assert hop.blinded_node_id.hex() == recorded["blinded_node_id"]
        assert hop.encrypted_recipient_data.hex() == recorded["encrypted_data"]
        opened = unblind(hop.encrypted_recipient_data, path_key, node)
        assert opened.data.encode().hex() == recorded["data"]
        path_key = opened.next_path_key
        assert path_key.hex() == recorded["next_path_key"]


@pytest.mark.parametrize("case", **numbered("failures"))
def test_failure_is_the_same(case: dict[str, Any]) -> None:
    keys = [key(text).public_key for text in case["privkeys"]]
    secrets = [secret for _, secret in hop_secrets(key(case["session_key"]), keys)]
    message = octets(case["failuremsg"])
    failure = create_failure(secrets[case["erring_hop"]], message)
    for secret in reversed(secrets[: case["erring_hop"]]):
        failure = relay_failure(secret, failure)
    assert failure == ReturnedFailure(octets(case["packet_at_origin"]))
    assert read_failure(secrets, failure) == FailureReport(case["erring_hop"], message, None)
