"""Path data: what the creator of a blinded path has to tell its hops, and how to hide which hop is told more.

The rules for payments are in BOLT 4, Payload Format, those for messages in Onion Messages; padding is in Route
Blinding. Fees, deltas and limits are given: how they follow from the channels' policies is the specification's
business.
"""

from collections.abc import Sequence
from dataclasses import replace

from boltwire.bigsize import encode_bigsize
from boltwire.onion.blinded_path import BlindedPath
from boltwire.onion.blinding import PathHop, create_blinded_path
from boltwire.onion.encrypted_data import EncryptedDataTlv
from boltwire.secp256k1 import PrivateKey


def create_payment_path(hops: Sequence[PathHop], session_key: PrivateKey) -> BlindedPath:
    """A padded blinded path for payments; ValueError if a hop's data break a rule.

    Every hop, the creator included, has its data (B04-payload-c-01). All but the last one need a successor
    (B04-payload-c-03), ``payment_relay`` (B04-payload-c-02) and ``payment_constraints`` (B04-payload-c-05; the last one
    may have them, B04-payload-c-04). Features, where given, are the empty set (B04-payload-c-08).
    """
    for index, hop in enumerate(hops):
        data, relays = hop.data, index < len(hops) - 1
        _require(not relays or _has_one_successor(data), index, "a relaying hop has one successor, by channel or node")
        _require(not relays or data.payment_relay is not None, index, "a relaying hop has payment_relay")
        _require(not relays or data.payment_constraints is not None, index, "a relaying hop has payment_constraints")
        _require(not data.allowed_features, index, "allowed_features is empty")
    return create_blinded_path(padded(hops), session_key)


def create_message_path(hops: Sequence[PathHop], session_key: PrivateKey) -> BlindedPath:
    """A padded blinded path for onion messages, such as a reply path; ValueError if a hop's data break a rule.

    No hop has payment fields (B04-onion-message-c-02), and all but the last one need a successor
    (B04-onion-message-c-03). The result meets B04-onion-message-w-07 to B04-onion-message-w-10 for a reply path.

    STRICTER: successor-named-twice: naming the successor twice, by channel and node, is allowed for messages, but
    pointless.
    """
    for index, hop in enumerate(hops):
        data, relays = hop.data, index < len(hops) - 1
        has_payment_fields = data.payment_relay is not None or data.payment_constraints is not None
        _require(not has_payment_fields, index, "a message path has no payment fields")
        _require(not relays or _has_one_successor(data), index, "a relaying hop has one successor, by channel or node")
    return create_blinded_path(padded(hops), session_key)


def _has_one_successor(data: EncryptedDataTlv) -> bool:
    return (data.short_channel_id is None) != (data.next_node_id is None)


def _require(holds: bool, index: int, rule: str) -> None:
    if not holds:
        raise ValueError(f"hop {index} of the blinded path: {rule}")


def padded(hops: Sequence[PathHop]) -> list[PathHop]:
    """The same hops with the least padding that makes all their streams equally long (B04-route-blinding-c-17).

    Padding that was there is replaced. A record of padding has a type and a length, so that streams cannot grow by one
    byte: the common size may have to be a little more than that of the longest.
    """
    bare = [replace(hop, data=replace(hop.data, padding=None)) for hop in hops]
    sizes = [len(hop.data.encode()) for hop in bare]
    target = max(sizes, default=0)
    while not all(_padding_fits(target - size) for size in sizes):
        target += 1
    return [_pad(hop, target - size) for hop, size in zip(bare, sizes, strict=True)]


def _padding_fits(gap: int) -> bool:
    return gap == 0 or _padding_content(gap) is not None


def _padding_content(gap: int) -> int | None:
    """How many zeros a padding record of ``gap`` bytes in all holds; None if no record has this size."""
    for length_size in (1, 3, 5):
        content = gap - 1 - length_size
        if content >= 0 and len(encode_bigsize(content)) == length_size:
            return content
    return None


def _pad(hop: PathHop, gap: int) -> PathHop:
    content = _padding_content(gap)
    return hop if content is None else replace(hop, data=replace(hop.data, padding=bytes(content)))
