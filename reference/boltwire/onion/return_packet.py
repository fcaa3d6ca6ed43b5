"""Return packets: a failure on its way back to the origin (BOLT 4, Returning Errors).

The erring node authenticates its failure message for the origin and hides it; every relay on the way back hides it once
more, without adding anything. Nodes with ``option_attribution_data`` send :mod:`~boltwire.onion.attribution` data
along. :mod:`boltwire.onion.origin` undoes all that.
"""

import hmac
import struct
from dataclasses import dataclass
from typing import Final

from boltwire.fields import AttributionData
from boltwire.onion.attribution import EMPTY, add_attribution
from boltwire.onion.keys import KeyType, derive_key
from boltwire.onion.packet import HMAC_SIZE
from boltwire.onion.stream import apply_stream

PADDED_SIZE: Final = 256
"""Least, and recommended, number of bytes of failure message and padding together."""

_U16_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class ReturnedFailure:
    """What ``update_fail_htlc`` carries upstream."""

    reason: bytes
    """The return packet, hidden."""
    attribution_data: AttributionData | None = None
    """Hold times and their HMACs; None from nodes without the feature."""


def create_failure(
    shared_secret: bytes, failuremsg: bytes, hold_time: int | None = None, padded_size: int = PADDED_SIZE
) -> ReturnedFailure:
    """The erring node's answer with the encoded failure message ``failuremsg``.

    ``shared_secret`` is the one of the onion that failed. ``hold_time``, in units of 100 ms, is None when no
    attribution data are to be sent (B04-erring-node-g-03). See :func:`authenticated` for ``padded_size``.
    """
    packet = authenticated(shared_secret, failuremsg, padded_size)
    attribution_data = None if hold_time is None else add_attribution(shared_secret, packet, hold_time)
    return ReturnedFailure(hide(shared_secret, packet), attribution_data)


def relay_failure(shared_secret: bytes, failure: ReturnedFailure, hold_time: int | None = None) -> ReturnedFailure:
    """What a relay sends upstream when ``failure`` came from downstream.

    The packet is hidden once more (B04-error-relay-m-04). With a ``hold_time``, in units of 100 ms, attribution data
    are passed on and extended (B04-error-relay-m-01, B04-error-relay-m-03), or started from zeros when none came
    (B04-error-relay-m-02). Without, none are sent.
    """
    attribution_data = None
    if hold_time is not None:
        downstream = EMPTY if failure.attribution_data is None else failure.attribution_data
        attribution_data = add_attribution(shared_secret, failure.reason, hold_time, downstream)
    return ReturnedFailure(hide(shared_secret, failure.reason), attribution_data)


def authenticated(shared_secret: bytes, failuremsg: bytes, padded_size: int = PADDED_SIZE) -> bytes:
    """The return packet before it is hidden: HMAC, failure message and padding, both of them behind a u16 length.

    ``padded_size`` is the size of message and padding together, at least 256 bytes (B04-erring-node-g-01) and by
    default just that (B04-erring-node-g-02). A message that is longer still is not padded. ValueError beyond 65535
    bytes.
    """
    if padded_size < PADDED_SIZE or max(padded_size, len(failuremsg)) > _U16_MAX:
        raise ValueError(f"a failure of {len(failuremsg)} bytes cannot be padded to {padded_size}")
    pad = bytes(max(0, padded_size - len(failuremsg)))
    body = struct.pack(">H", len(failuremsg)) + failuremsg + struct.pack(">H", len(pad)) + pad
    return hmac.digest(derive_key(KeyType.UM, shared_secret), body, "sha256") + body


def hide(shared_secret: bytes, packet: bytes) -> bytes:
    """``packet`` under one hop's ammag stream, or revealed if that is what it was; same length."""
    return apply_stream(derive_key(KeyType.AMMAG, shared_secret), packet)


def is_authentic(shared_secret: bytes, packet: bytes) -> bool:
    """Whether the hop with this secret made ``packet`` (revealed); compared in constant time."""
    expected = hmac.digest(derive_key(KeyType.UM, shared_secret), packet[HMAC_SIZE:], "sha256")
    return hmac.compare_digest(expected, packet[:HMAC_SIZE])


def failuremsg_of(packet: bytes) -> bytes | None:
    """The failure message in an authentic return packet (revealed); None if its length leads beyond the packet.

    The padding is there to conceal the message's length and not looked at.
    """
    start = HMAC_SIZE + 2
    if len(packet) < start:
        return None
    end = start + struct.unpack_from(">H", packet, HMAC_SIZE)[0]
    return packet[start:end] if end <= len(packet) else None
