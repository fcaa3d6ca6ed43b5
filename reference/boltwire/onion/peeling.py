"""Onion peeling: what each hop does with an onion (BOLT 4, Onion Decryption).

One function serves payments and messages, relays and final nodes. It returns what this hop was told and the onion for
the next one, or raises the :class:`~boltwire.onion.rejection.UnreadableOnionError` that tells which failure to report.
Whether the packet was seen before, and what to do with its payload, is decided elsewhere.

Read :mod:`boltwire.onion.payload` next for what is inside.
"""

import hmac
from dataclasses import dataclass

from boltwire.bigsize import decode_bigsize
from boltwire.errors import TlvError
from boltwire.onion.construction import LEAST_PAYLOAD_SIZE
from boltwire.onion.keys import KeyType, NodeKey, derive_key, next_key
from boltwire.onion.packet import HMAC_SIZE, VERSION, OnionPacket
from boltwire.onion.rejection import (
    InvalidOnionBlinding,
    InvalidOnionHmac,
    InvalidOnionKey,
    InvalidOnionPayload,
    InvalidOnionVersion,
)
from boltwire.onion.stream import apply_stream
from boltwire.secp256k1 import CurveError, PublicKey

_NO_HMAC = bytes(HMAC_SIZE)


@dataclass(frozen=True, slots=True)
class PeeledOnion:
    """What one hop finds in an onion."""

    payload: bytes
    """The hop's own payload, without length prefix; 2 bytes or more."""
    shared_secret: bytes
    """32 bytes shared with the origin; needed again for the answer."""
    next_packet: OnionPacket | None
    """The onion for the next hop; None at the final node."""


def peel_onion(
    packet: OnionPacket, node_key: NodeKey, associated_data: bytes = b"", path_key: bytes | None = None
) -> PeeledOnion:
    """Check one layer of ``packet`` and take it off.

    ``path_key`` (33 bytes) is the one that came in the same message as the onion, if any: the onion is then encrypted
    to this node's blinded id. Raises an :class:`UnreadableOnionError`, in this order: :class:`InvalidOnionVersion`
    (B04-onion-decryption-d-01), :class:`InvalidOnionKey` (B04-onion-decryption-d-02), :class:`InvalidOnionBlinding`
    when ``path_key`` is not a point, :class:`InvalidOnionHmac` (B04-onion-decryption-d-06), and at last
    :class:`InvalidOnionPayload`.
    """
    if packet.version != VERSION:
        raise InvalidOnionVersion(f"onion version {packet.version}, only 0 is known", offset=0, field="version")
    public_key = _ephemeral_key(packet)
    shared_secret = node_key.ecdh(_as_seen_through(path_key, public_key, node_key))
    _require_hmac(packet, shared_secret, associated_data)

    hidden = packet.hop_payloads + bytes(len(packet.hop_payloads))
    unwrapped = apply_stream(derive_key(KeyType.RHO, shared_secret), hidden)
    payload, next_hmac, rest = _cut(unwrapped, len(packet.hop_payloads))
    if next_hmac == _NO_HMAC:
        return PeeledOnion(payload, shared_secret, None)
    # B04-onion-decryption-m-01 to B04-onion-decryption-m-04, in the order of the fields
    following = OnionPacket(VERSION, next_key(public_key, shared_secret).encoded, rest, next_hmac)
    return PeeledOnion(payload, shared_secret, following)


def _ephemeral_key(packet: OnionPacket) -> PublicKey:
    try:
        return PublicKey(packet.public_key)
    except CurveError as error:
        raise InvalidOnionKey(error.reason, offset=1, field="public_key") from error


def _as_seen_through(path_key: bytes | None, public_key: PublicKey, node_key: NodeKey) -> PublicKey:
    """The ephemeral key to combine with the node's own key, which a path key makes equal to using the blinded one.

    Tweaking the ephemeral key instead of the node's secret lets the secret stay where it is.
    """
    if path_key is None:
        return public_key
    try:
        path_point = PublicKey(path_key)
    except CurveError as error:
        raise InvalidOnionBlinding(error.reason, field="path_key") from error
    return public_key.multiply(derive_key(KeyType.BLINDED_NODE_ID, node_key.ecdh(path_point)))


def _require_hmac(packet: OnionPacket, shared_secret: bytes, associated_data: bytes) -> None:
    mu = derive_key(KeyType.MU, shared_secret)
    expected = hmac.digest(mu, packet.hop_payloads + associated_data, "sha256")
    if not hmac.compare_digest(expected, packet.hmac):  # B04-onion-decryption-d-05: in constant time
        offset = len(packet.encode()) - HMAC_SIZE
        raise InvalidOnionHmac("the HMAC does not fit this onion and hop", offset=offset, field="hmac")


def _cut(unwrapped: bytes, payloads_size: int) -> tuple[bytes, bytes, bytes]:
    """This hop's payload, the next HMAC and the next payload area, from the start of ``unwrapped``.

    ``unwrapped`` is twice as long as the payload area, so that a length can lead beyond the area's end.
    """
    try:
        length, start = decode_bigsize(unwrapped)
    except TlvError as error:
        raise _bad_length(error.reason) from error  # B04-onion-decryption-d-07
    if length < LEAST_PAYLOAD_SIZE:
        # AMBIGUOUS: empty-onion-payload: the section on onion messages calls 0 an empty payload; the procedure that it
        # shares with payments rejects it for both.
        raise _bad_length(f"the payload length {length} is reserved")  # B04-onion-decryption-d-08
    payload_end = start + length
    hmac_end = payload_end + HMAC_SIZE
    if payload_end > len(unwrapped):
        raise _bad_length(f"a payload of {length} bytes overruns the onion")  # B04-onion-decryption-d-09
    if hmac_end > len(unwrapped):
        raise _bad_length(f"a payload of {length} bytes leaves no room for an HMAC")  # B04-onion-decryption-d-10
    if hmac_end > payloads_size:
        raise _bad_length(f"a payload of {length} bytes uses up what follows it")  # B04-onion-decryption-d-11
    return unwrapped[start:payload_end], unwrapped[payload_end:hmac_end], unwrapped[hmac_end : hmac_end + payloads_size]


def _bad_length(reason: str) -> InvalidOnionPayload:
    return InvalidOnionPayload(reason, offset=0, field="length")
