"""Encrypted data: what the creator of a blinded path tells each hop (BOLT 4, ``encrypted_data_tlv``).

The stream travels sealed as ``encrypted_recipient_data``, see :mod:`boltwire.onion.blinding`. What a creator has to put
into it is checked in :mod:`boltwire.onion.path_data`.
"""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from boltwire.fields import U16, U32, Point, Rest, Scid, Tlv
from boltwire.onion.namespace import Namespace, Tu32, Tu64
from boltwire.tlv import TlvRecord


class PaymentRelay(NamedTuple):
    """What a relaying hop takes from an HTLC for itself."""

    cltv_expiry_delta: U16
    """Blocks between the expiries of incoming and outgoing HTLC."""
    fee_proportional_millionths: U32
    """Fee in millionths of the forwarded amount."""
    fee_base_msat: Tu32
    """Fixed fee in millisatoshi."""


class PaymentConstraints(NamedTuple):
    """Which HTLCs a hop lets through."""

    max_cltv_expiry: U32
    """Greatest expiry (block height) of the incoming HTLC."""
    htlc_minimum_msat: Tu64
    """Least amount of the incoming HTLC, in millisatoshi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedDataTlv:
    """The instructions for one hop of a blinded path; None marks an absent record."""

    padding: Annotated[Rest | None, Tlv(1)] = None
    """Bytes without meaning that make all hops' data equally long."""
    short_channel_id: Annotated[Scid | None, Tlv(2)] = None
    """The channel to the next node."""
    next_node_id: Annotated[Point | None, Tlv(4)] = None
    """33 bytes: the next node."""
    path_id: Annotated[Rest | None, Tlv(6)] = None
    """A note of the recipient to itself, in the last hop."""
    next_path_key_override: Annotated[Point | None, Tlv(8)] = None
    """33 bytes: the path key for the next node, instead of the derived one."""
    payment_relay: Annotated[PaymentRelay | None, Tlv(10)] = None
    """Fee and delta, for a relaying hop of a payment."""
    payment_constraints: Annotated[PaymentConstraints | None, Tlv(12)] = None
    """Limits to which payments may take this path."""
    allowed_features: Annotated[Rest | None, Tlv(14)] = None
    """Bit field of the features that a payment or message may use; absent means none."""
    unknown_tlvs: tuple[TlvRecord, ...] = ()
    """Records of other types, in order of type; odd ones if they were received."""

    @staticmethod
    def decode(data: bytes) -> "EncryptedDataTlv":
        """The stream that fills ``data``, decrypted.

        Raises :class:`~boltwire.onion.rejection.InvalidOnionPayload` with the type and offset of the record at fault.
        """
        return _NAMESPACE.decode(data)

    def encode(self) -> bytes:
        """The TLV stream before encryption; ValueError for a value that has no encoding."""
        return _NAMESPACE.encode(self)

    @property
    def types(self) -> frozenset[int]:
        """The types of all records that are present."""
        return _NAMESPACE.types(self)


_NAMESPACE = Namespace(EncryptedDataTlv)
