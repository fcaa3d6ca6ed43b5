"""Onion messages: answers and questions along blinded paths, without payment (BOLT 4, Onion Messages).

Every hop of an onion message is blinded. A path that one has been given can be led to by hops of one's own, which are
blinded the same way, so that all hops look alike to each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias

from boltwire.fields import Rest, Tlv
from boltwire.onion.blinded_path import BlindedPath, BlindedPathType
from boltwire.onion.blinding import PathHop, create_blinded_path, unblind
from boltwire.onion.construction import OnionHop, construct_onion
from boltwire.onion.encrypted_data import EncryptedDataTlv
from boltwire.onion.keys import NodeKey
from boltwire.onion.namespace import Namespace
from boltwire.onion.packet import LARGE_PAYLOADS_SIZE, PAYMENT_PAYLOADS_SIZE, OnionPacket
from boltwire.onion.peeling import peel_onion
from boltwire.onion.rejection import InvalidOnionBlinding
from boltwire.secp256k1 import PrivateKey, PublicKey
from boltwire.tlv import TlvRecord

ReplyPath: TypeAlias = Annotated[BlindedPath, BlindedPathType("blinded_path")]
"""A blinded path as a TLV record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnionmsgTlv:
    """The payload of one hop (``onionmsg_tlv``); None marks an absent record."""

    reply_path: Annotated[ReplyPath | None, Tlv(2)] = None
    """Where an answer may be sent; absent if none is wanted (B04-onion-message-w-12)."""
    encrypted_recipient_data: Annotated[Rest | None, Tlv(4)] = None
    """What the path's creator has sealed for this hop."""
    invoice_request: Annotated[Rest | None, Tlv(64)] = None
    """A TLV stream of BOLT 12, for the final node."""
    invoice: Annotated[Rest | None, Tlv(66)] = None
    """A TLV stream of BOLT 12, for the final node."""
    invoice_error: Annotated[Rest | None, Tlv(68)] = None
    """A TLV stream of BOLT 12, for the final node."""
    unknown_tlvs: tuple[TlvRecord, ...] = ()
    """Records of other types, in order of type; odd ones if they were received."""

    @staticmethod
    def decode(data: bytes) -> "OnionmsgTlv":
        """The payload that fills ``data``.

        Raises :class:`~boltwire.onion.rejection.InvalidOnionPayload` with the type and offset of the record at fault.
        """
        return _NAMESPACE.decode(data)

    def encode(self) -> bytes:
        """The TLV stream, without length prefix; ValueError for a value that has no encoding."""
        return _NAMESPACE.encode(self)

    @property
    def types(self) -> frozenset[int]:
        """The types of all records that are present."""
        return _NAMESPACE.types(self)


_NAMESPACE = Namespace(OnionmsgTlv)


@dataclass(frozen=True, slots=True)
class OutgoingOnionMessage:
    """What ``onion_message`` carries to a peer."""

    path_key: bytes
    """33 bytes: the path key for the peer."""
    packet: OnionPacket
    """The onion."""


@dataclass(frozen=True, slots=True)
class PeeledOnionMessage:
    """What one hop finds in an onion message."""

    payload: OnionmsgTlv
    """The hop's payload."""
    data: EncryptedDataTlv
    """What the path's creator tells the hop."""
    forward: OutgoingOnionMessage | None
    """What to send to the next node; None at the final node."""


def extend_path(
    nodes: Sequence[PublicKey], path: BlindedPath, introduction_node: PublicKey, session_key: PrivateKey
) -> BlindedPath:
    """A blinded path through ``nodes`` and on through ``path``, whose introduction node is ``introduction_node``.

    The last of ``nodes`` is told the first path key of ``path`` (B04-route-blinding-d-05, B04-route-blinding-c-15). No
    nodes leave the path as it is. ``session_key`` must be fresh from a secure random source.
    """
    if not nodes:
        return path
    successors = [*nodes[1:], introduction_node]
    data = [EncryptedDataTlv(next_node_id=successor.encoded) for successor in successors]
    data[-1] = replace(data[-1], next_path_key_override=path.first_path_key)
    own = create_blinded_path([PathHop(*hop) for hop in zip(nodes, data, strict=True)], session_key)
    return replace(own, path=own.path + path.path)


def create_onion_message(
    path: BlindedPath, message: OnionmsgTlv, session_key: PrivateKey, payloads_size: int | None = None
) -> OutgoingOnionMessage:
    """The message for the introduction node of ``path``, with ``message`` for its final node.

    All hops are encrypted to their blinded ids (B04-route-blinding-d-04, B04-route-blinding-d-06), with no associated
    data (B04-onion-message-w-01 to B04-onion-message-w-03); relaying hops get their sealed data and nothing else
    (B04-onion-message-w-06). The size is the smaller of the two standard ones that suffices (B04-onion-message-w-04)
    unless ``payloads_size`` says otherwise. ``session_key`` must be fresh from a secure random source. ValueError for a
    path without hops or with invalid keys, and if the message does not fit.
    """
    payloads = [OnionmsgTlv(encrypted_recipient_data=hop.encrypted_recipient_data) for hop in path.path]
    if not payloads:
        raise ValueError("a blinded path without hops leads nowhere")
    payloads[-1] = replace(message, encrypted_recipient_data=path.path[-1].encrypted_recipient_data)
    hops = [
        OnionHop(PublicKey(hop.blinded_node_id), payload.encode())
        for hop, payload in zip(path.path, payloads, strict=True)
    ]
    if payloads_size is None:
        payloads_size = _standard_size(sum(hop.shift_size for hop in hops))
    return OutgoingOnionMessage(path.first_path_key, construct_onion(hops, session_key, b"", payloads_size).packet)


def _standard_size(needed: int) -> int:
    return PAYMENT_PAYLOADS_SIZE if needed <= PAYMENT_PAYLOADS_SIZE else LARGE_PAYLOADS_SIZE


def peel_onion_message(packet: OnionPacket, path_key: bytes, node_key: NodeKey) -> PeeledOnionMessage:
    """Take one layer off ``packet``, which came with ``path_key`` (33 bytes), and open this hop's data.

    B04-onion-message-d-03, B04-onion-message-m-05. Raises an
    :class:`~boltwire.onion.rejection.UnreadableOnionError` for a message that is to be ignored because it cannot be
    decrypted or understood (B04-onion-message-d-04).
    """
    peeled = peel_onion(packet, node_key, b"", path_key)
    payload = OnionmsgTlv.decode(peeled.payload)
    if payload.encrypted_recipient_data is None:
        raise InvalidOnionBlinding("there are no data for this hop", field="encrypted_recipient_data")
    hop = unblind(payload.encrypted_recipient_data, path_key, node_key)
    following = peeled.next_packet
    forward = None if following is None else OutgoingOnionMessage(hop.next_path_key, following)
    return PeeledOnionMessage(payload, hop.data, forward)
