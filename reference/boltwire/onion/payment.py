"""Payment onions: the onion of an HTLC, with a blinded path at its end or without (BOLT 4, Payload Format).

The associated data of such an onion are the payment hash. Amounts and expiries come from the caller.
"""

from dataclasses import dataclass

from boltwire.onion.blinded_path import BlindedPath
from boltwire.onion.blinding import UnblindedHop, unblind
from boltwire.onion.construction import OnionHop
from boltwire.onion.keys import NodeKey
from boltwire.onion.packet import OnionPacket
from boltwire.onion.payload import Payload
from boltwire.onion.peeling import peel_onion
from boltwire.secp256k1 import PublicKey


def blinded_payment_hops(
    path: BlindedPath,
    introduction_node: PublicKey,
    amt_to_forward: int,
    outgoing_cltv_value: int,
    total_amount_msat: int,
) -> list[OnionHop]:
    """The end of a payment's onion that leads through ``path``, to be put behind the payer's own hops.

    The introduction node is reached under its real id and gets the first path key in its payload
    (B04-route-blinding-d-03), the others under their blinded ids (B04-route-blinding-d-06). ``amt_to_forward`` (msat),
    ``outgoing_cltv_value`` (block height) and ``total_amount_msat`` are for the recipient. ValueError for a path
    without hops or with invalid keys.
    """
    if not path.path:
        raise ValueError("a blinded path without hops leads nowhere")
    last = len(path.path) - 1
    hops: list[OnionHop] = []
    for index, (blinded_node_id, sealed) in enumerate(path.path):
        path_key = path.first_path_key if index == 0 else None
        if index == last:
            payload = Payload.for_blinded_final(
                sealed, amt_to_forward, outgoing_cltv_value, total_amount_msat, path_key
            )
        else:
            payload = Payload.for_blinded_relay(sealed, path_key)
        node = introduction_node if index == 0 else PublicKey(blinded_node_id)
        hops.append(OnionHop(node, payload.encode()))
    return hops


@dataclass(frozen=True, slots=True)
class OpenedPayment:
    """All that the onion of an HTLC tells one node."""

    payload: Payload
    """The node's payload."""
    blinded: UnblindedHop | None
    """Its instructions and the next path key, inside a blinded path."""
    shared_secret: bytes
    """32 bytes shared with the origin; needed again for the answer."""
    next_packet: OnionPacket | None
    """The onion for the next node; None at the final node."""


def open_payment(
    packet: OnionPacket, node_key: NodeKey, payment_hash: bytes, path_key: bytes | None = None
) -> OpenedPayment:
    """Peel the onion of an incoming HTLC, read the payload and open what a blinded path's creator has sealed.

    ``path_key`` (33 bytes) is the one in ``update_add_htlc``, if any. Raises an
    :class:`~boltwire.onion.rejection.UnreadableOnionError`, which tells what to report.
    """
    peeled = peel_onion(packet, node_key, payment_hash, path_key)
    payload = Payload.decode(peeled.payload)
    key = payload.path_key(path_key)
    sealed = payload.encrypted_recipient_data
    blinded = None if key is None or sealed is None else unblind(sealed, key, node_key)
    return OpenedPayment(payload, blinded, peeled.shared_secret, peeled.next_packet)
