"""Speed of BOLT 4: building and peeling onions, answers, blinded paths and onion messages.

``BENCHES`` lists (name, call, units per call, unit, target per second or None). As a script, it prints a table.
"""

import time
from collections.abc import Callable

from boltwire.onion.attribution import EMPTY, add_attribution
from boltwire.onion.blinding import PathHop, create_blinded_path, unblind
from boltwire.onion.construction import OnionHop, construct_onion
from boltwire.onion.encrypted_data import EncryptedDataTlv, PaymentConstraints, PaymentRelay
from boltwire.onion.onion_message import OnionmsgTlv, create_onion_message, peel_onion_message
from boltwire.onion.origin import read_failure
from boltwire.onion.payload import Payload
from boltwire.onion.peeling import peel_onion
from boltwire.onion.return_packet import create_failure, relay_failure
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import PrivateKey

HOPS = 20
NODES = [PrivateKey(bytes((number + 1,)) * 32) for number in range(HOPS)]
SESSION = PrivateKey(b"\x70" * 32)
HASH = b"\x71" * 32
PAYLOAD = Payload.for_relay(1_000_000, 800_000, ShortChannelId.of(800_000, 1200, 1))
ENCODED_PAYLOAD = PAYLOAD.encode()
ROUTE = [OnionHop(node.public_key, ENCODED_PAYLOAD) for node in NODES]
ONION = construct_onion(ROUTE, SESSION, HASH)
FAILURE = create_failure(ONION.shared_secrets[-1], b"\x20\x02", 3)
for _secret in reversed(ONION.shared_secrets[:-1]):
    FAILURE = relay_failure(_secret, FAILURE, 3)
DATA = EncryptedDataTlv(
    short_channel_id=ShortChannelId(1),
    payment_relay=PaymentRelay(40, 100, 1000),
    payment_constraints=PaymentConstraints(800_000, 1),
)
PATH_HOPS = [PathHop(node.public_key, DATA) for node in NODES[:3]]
PATH = create_blinded_path(PATH_HOPS, SESSION)
MESSAGE = create_onion_message(PATH, OnionmsgTlv(invoice_request=bytes(200)), SESSION)


def build() -> None:
    construct_onion(ROUTE, SESSION, HASH)


def peel() -> None:
    peel_onion(ONION.packet, NODES[0], HASH)


def peel_blinded() -> None:
    peel_onion_message(MESSAGE.packet, MESSAGE.path_key, NODES[0])


def decode_payload() -> None:
    Payload.decode(ENCODED_PAYLOAD)


def encode_payload() -> None:
    PAYLOAD.encode()


def make_failure() -> None:
    create_failure(ONION.shared_secrets[0], b"\x20\x02", 3)


def read_returned_failure() -> None:
    read_failure(ONION.shared_secrets, FAILURE)


def attribute() -> None:
    add_attribution(ONION.shared_secrets[0], b"", 3, EMPTY)


def make_path() -> None:
    create_blinded_path(PATH_HOPS, SESSION)


def open_path_data() -> None:
    unblind(PATH.path[0].encrypted_recipient_data, PATH.first_path_key, NODES[0])


BENCHES: list[tuple[str, Callable[[], None], int, str, float | None]] = [
    ("build an onion of 20 hops", build, 1, "onions", 200.0),
    ("peel an onion", peel, 1, "onions", 3333.0),
    ("peel an onion message", peel_blinded, 1, "messages", None),
    ("decode a payload", decode_payload, 1, "payloads", None),
    ("encode a payload", encode_payload, 1, "payloads", None),
    ("make an attributable failure", make_failure, 1, "failures", None),
    ("read an attributable failure from 20 hops", read_returned_failure, 1, "failures", None),
    ("extend attribution data", attribute, 1, "answers", None),
    ("make a blinded path of 3 hops", make_path, 1, "paths", None),
    ("open a blinded hop's data", open_path_data, 1, "hops", None),
]
"""What is measured; the targets are 5 ms to build and 0.3 ms to peel."""


def rate(call: Callable[[], None], seconds: float = 0.5) -> float:
    """Calls per second, from as many as fit into about ``seconds``."""
    call()
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        call()
        count += 1
    return count / elapsed


if __name__ == "__main__":
    for name, bench, units, unit, target in BENCHES:
        per_second = rate(bench) * units
        wanted = "" if target is None else f"  (target {target:,.0f})"
        print(f"{name:44} {per_second:12,.0f} {unit}/s{wanted}")
