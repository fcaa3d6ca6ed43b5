"""Route hints: the last hops to a payee whose channels are not public (BOLT 11, field ``r``)."""

import struct
from dataclasses import dataclass
from typing import Final

from boltwire.bech32 import bytes_from_words, words_from_bytes
from boltwire.bolt11.errors import Bolt11Refused, Bolt11Rejected
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import CurveError, PublicKey

_HOP: Final = struct.Struct(">33sQIIH")

HOP_SIZE: Final = _HOP.size
"""Bytes of one hop: 51."""


@dataclass(frozen=True, slots=True)
class RouteHop:
    """One channel on the way to the payee, seen from the node at its start."""

    pubkey: bytes
    """33 bytes: node id of the start of the channel."""
    short_channel_id: ShortChannelId
    """The channel, usually an alias of it."""
    fee_base_msat: int
    """Constant fee for using the channel, 32 bits."""
    fee_proportional_millionths: int
    """Fee per million of the amount, 32 bits."""
    cltv_expiry_delta: int
    """Blocks between incoming and outgoing expiry, 16 bits."""


RouteHint = tuple[RouteHop, ...]
"""One ``r`` field: hops from a public node (first) to the payee, who is not listed."""


def decode_route_hint(words: bytes) -> RouteHint:
    """The hops in the words of an ``r`` field.

    Raises :class:`Bolt11Rejected` unless there is at least one, all are complete and their keys are points.
    """
    data = bytes_from_words(words)
    # AMBIGUOUS: malformed-route-hint: readers have no rule for a malformed hint. Writers must give one or more whole
    # hops; what is not that cannot be followed, and fails here instead of when a route is built.
    if not data or len(data) % HOP_SIZE or len(words) != _words_for(len(data)):
        reason = f"{len(words)} words are not one or more hops of {HOP_SIZE} bytes"
        raise Bolt11Rejected(reason, rule="B11-tagged-fields-w-19", field="r")
    return tuple(_decode_hop(*fields) for fields in _HOP.iter_unpack(data))


def _words_for(size: int) -> int:
    return (8 * size + 4) // 5


def _decode_hop(pubkey: bytes, short_channel_id: int, base_msat: int, millionths: int, delta: int) -> RouteHop:
    try:
        PublicKey(pubkey)
    except CurveError as error:
        raise Bolt11Rejected(error.reason, rule="B11-tagged-fields-w-19", field="r.pubkey") from error
    return RouteHop(pubkey, ShortChannelId(short_channel_id), base_msat, millionths, delta)


def encode_route_hint(hint: RouteHint) -> bytes:
    """The words of an ``r`` field; :class:`Bolt11Refused` without hops or for a value that does not fit."""
    if not hint:
        raise Bolt11Refused("a route hint without hops", "B11-tagged-fields-w-19")
    return words_from_bytes(b"".join(_encode_hop(hop) for hop in hint))


def _encode_hop(hop: RouteHop) -> bytes:
    try:
        PublicKey(hop.pubkey)
        return _HOP.pack(
            hop.pubkey,
            hop.short_channel_id,
            hop.fee_base_msat,
            hop.fee_proportional_millionths,
            hop.cltv_expiry_delta,
        )
    except (CurveError, struct.error) as error:
        raise Bolt11Refused(f"a hop of a route hint has no encoding: {error}", "B11-tagged-fields-w-19") from error
