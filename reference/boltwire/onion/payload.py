"""Payloads: what a payment's onion tells each hop (BOLT 4, Payload Format).

The four ``for_...`` constructors make the payloads that a writer may send, one for each kind of hop. Reading checks the
TLV stream only; which records a hop needs, and whether their values suit the HTLC, is the specification's business.
"""

from dataclasses import dataclass
from typing import Annotated, NamedTuple, Self

from boltwire.fields import Bytes32, Point, Rest, Scid, Tlv
from boltwire.onion.namespace import Namespace, Tu32, Tu64
from boltwire.onion.rejection import InvalidOnionBlinding
from boltwire.scid import ShortChannelId
from boltwire.tlv import TlvRecord


class PaymentData(NamedTuple):
    """What links the parts of a payment and proves that the sender knows the invoice."""

    payment_secret: Bytes32
    """32 bytes from the recipient."""
    total_msat: Tu64
    """Amount of all parts together, in millisatoshi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The payload of one hop; None marks an absent record."""

    amt_to_forward: Annotated[Tu64 | None, Tlv(2)] = None
    """Millisatoshi that the outgoing HTLC, or at the final node the incoming one, is to carry."""
    outgoing_cltv_value: Annotated[Tu32 | None, Tlv(4)] = None
    """Expiry (block height) of the outgoing HTLC, or at the final node of the incoming one."""
    short_channel_id: Annotated[Scid | None, Tlv(6)] = None
    """The outgoing channel."""
    payment_data: Annotated[PaymentData | None, Tlv(8)] = None
    """For the final node outside of a blinded path."""
    encrypted_recipient_data: Annotated[Rest | None, Tlv(10)] = None
    """What the recipient has sealed for this hop of its blinded path."""
    current_path_key: Annotated[Point | None, Tlv(12)] = None
    """33 bytes: the path key, for the introduction node of a blinded path."""
    payment_metadata: Annotated[Rest | None, Tlv(16)] = None
    """Data of the invoice that the recipient wants back."""
    total_amount_msat: Annotated[Tu64 | None, Tlv(18)] = None
    """Amount of all parts together, in millisatoshi, for the final node of a blinded path."""
    unknown_tlvs: tuple[TlvRecord, ...] = ()
    """Records of other types, in order of type; odd ones if they were received."""

    @classmethod
    def for_relay(cls, amt_to_forward: int, outgoing_cltv_value: int, short_channel_id: ShortChannelId) -> Self:
        """For a relaying hop outside of a blinded path.

        B04-payload-w-07, B04-payload-w-08, B04-payload-w-09 (no payment data).
        """
        return cls(
            amt_to_forward=amt_to_forward, outgoing_cltv_value=outgoing_cltv_value, short_channel_id=short_channel_id
        )

    @classmethod
    def for_final(
        cls,
        amt_to_forward: int,
        outgoing_cltv_value: int,
        payment_data: PaymentData | None,
        payment_metadata: bytes | None = None,
    ) -> Self:
        """For the final hop outside of a blinded path, with the recipient's own secret, expiry, amount and metadata.

        B04-payload-w-07, B04-payload-w-10 to B04-payload-w-15 (metadata has no limit but the onion's),
        B04-last-node-payload-o-01 to B04-last-node-payload-o-03, B04-mpp-w-10: without ``payment_data`` (None when the
        recipient gave no secret) there is nothing that says that more parts follow.

        AMBIGUOUS: payment-secret-behind-blinded-path: B04-last-node-payload-o-01 has the payment secret without
        condition. A recipient behind a blinded path gives none, and blinded payloads must not have other fields: see
        :meth:`for_blinded_final`.
        """
        return cls(
            amt_to_forward=amt_to_forward,
            outgoing_cltv_value=outgoing_cltv_value,
            payment_data=payment_data,
            payment_metadata=payment_metadata,
        )

    @classmethod
    def for_blinded_relay(cls, encrypted_recipient_data: bytes, current_path_key: bytes | None = None) -> Self:
        """For a relaying hop of a blinded path; ``current_path_key`` is for the introduction node only.

        B04-payload-w-01, B04-payload-w-02, B04-payload-w-06 (nothing else), B04-route-blinding-d-02.
        """
        return cls(encrypted_recipient_data=encrypted_recipient_data, current_path_key=current_path_key)

    @classmethod
    def for_blinded_final(
        cls,
        encrypted_recipient_data: bytes,
        amt_to_forward: int,
        outgoing_cltv_value: int,
        total_amount_msat: int,
        current_path_key: bytes | None = None,
    ) -> Self:
        """For the last hop of a blinded path; ``current_path_key`` only if it is the first one as well.

        B04-payload-w-01 to B04-payload-w-03, B04-payload-w-06 (nothing else), B04-route-blinding-d-02.
        """
        return cls(
            amt_to_forward=amt_to_forward,
            outgoing_cltv_value=outgoing_cltv_value,
            encrypted_recipient_data=encrypted_recipient_data,
            current_path_key=current_path_key,
            total_amount_msat=total_amount_msat,
        )

    @staticmethod
    def decode(data: bytes) -> "Payload":
        """The payload that fills ``data`` (no length prefix).

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

    def path_key(self, message_path_key: bytes | None) -> bytes | None:
        """The path key that opens ``encrypted_recipient_data``; None outside of a blinded path.

        ``message_path_key`` is the one in the incoming ``update_add_htlc``, if any. It is used if it is there
        (B04-payload-d-02), else the one in the payload (B04-payload-d-04). Raises :class:`InvalidOnionBlinding` when
        both are there (B04-payload-d-01), neither (B04-payload-d-03), or one of them without encrypted data
        (B04-payload-d-13).
        """
        given = [key for key in (message_path_key, self.current_path_key) if key is not None]
        if self.encrypted_recipient_data is None:
            if given:
                raise InvalidOnionBlinding("a path key without encrypted_recipient_data", field="current_path_key")
            return None
        if len(given) != 1:
            count = "two path keys" if given else "no path key"
            raise InvalidOnionBlinding(f"{count} for encrypted_recipient_data", field="current_path_key")
        return given[0]


_NAMESPACE = Namespace(Payload)
