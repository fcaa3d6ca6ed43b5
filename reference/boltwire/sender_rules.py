"""What a node must not write into a message, as far as the message alone tells (BOLTs 1, 2 and 7).

The codec reads whatever has the right form; these are the rules on top that bind the sender. A node checks its own
messages with :func:`check_sendable`; a judge asks :func:`broken_sender_rules` about a peer's. SHOULDs are listed, too:
the requirement's row says which is which. Rules that need more than the message (roles, negotiated features, earlier
messages) are in the modules of their subject, or in the specification.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from boltwire import messages as m
from boltwire.batching import MAX_BATCH_SIZE, MIN_BATCH_SIZE
from boltwire.features import FeatureBits
from boltwire.interactive_messages import MAX_SEQUENCE
from boltwire.peer_storage import MAX_BLOB_SIZE
from boltwire.primitives import MAX_MILLISATOSHI, MAX_SATOSHI
from boltwire.wiretypes import AmountType


@dataclass(frozen=True, slots=True)
class SenderRule:
    """One rule about one kind of message."""

    id: str
    """Of the requirement."""
    says: str
    """The rule in a few words."""
    holds: Callable[[Any], bool]
    """Whether a message keeps it."""


def _minimal(bitmap: bytes | None) -> bool:
    """No leading zero byte."""
    return not bitmap or bitmap[0] != 0


def _all_zero(data: bytes) -> bool:
    return not any(data)


def _signature_count(message: m.ClosingComplete | m.ClosingSig) -> int:
    variants = (message.closer_output_only, message.closee_output_only, message.closer_and_closee_outputs)
    return sum(variant is not None for variant in variants)


def _has_tlvs(message: m.OpenChannel) -> bool:
    tlvs = (message.upfront_shutdown_script, message.channel_type, message.unknown_tlvs or None)
    return any(tlv is not None for tlv in tlvs)


SENDER_RULES: Final[dict[type[m.Message], tuple[SenderRule, ...]]] = {
    m.Init: (
        SenderRule("B01-init-s-05", "no bit above 13 in globalfeatures", lambda x: _low_bits(x.globalfeatures)),
        SenderRule("B01-init-s-06", "features is as short as possible", lambda x: _minimal(x.features)),
    ),
    m.Ping: (SenderRule("B01-ping-pong-s-01", "ignored is all zero", lambda x: _all_zero(x.ignored)),),
    m.Pong: (SenderRule("B01-ping-pong-s-05", "ignored is all zero", lambda x: _all_zero(x.ignored)),),
    m.PeerStorage: (
        SenderRule("B01-peer-storage-s-02", "at most 65531 bytes", lambda x: len(x.blob) <= MAX_BLOB_SIZE),
        SenderRule("B01-peer-storage-s-04", "exactly 65531 bytes", lambda x: len(x.blob) == MAX_BLOB_SIZE),
    ),
    m.TxAddInput: (
        SenderRule("B02-itx-add-input-s-03", "sequence signals replaceability", lambda x: x.sequence <= MAX_SEQUENCE),
        SenderRule(
            "B02-splice-add-input-i-02",
            "no prevtx for the shared input",
            lambda x: not (x.shared_input_txid and x.prevtx),
        ),
    ),
    m.OpenChannel: (
        SenderRule("B02-open-channel-s-09", "unassigned channel_flags are 0", lambda x: x.channel_flags < 2),
        SenderRule(
            "B02-open-channel-s-12",
            "upfront_shutdown_script is in every TLV stream",
            lambda x: not _has_tlvs(x) or x.upfront_shutdown_script is not None,
        ),
        SenderRule(
            "B02-open-channel-s-13",
            "channel_type is in every TLV stream",
            lambda x: not _has_tlvs(x) or x.channel_type is not None,
        ),
        SenderRule("B02-open-channel-s-15", "channel_type is as short as possible", lambda x: _minimal(x.channel_type)),
    ),
    m.OpenChannel2: (
        SenderRule("B02-open-channel-s-09", "unassigned channel_flags are 0", lambda x: x.channel_flags < 2),
        SenderRule("B02-open-channel-s-15", "channel_type is as short as possible", lambda x: _minimal(x.channel_type)),
        SenderRule("B02-open-channel2-s-01", "channel_type is present", lambda x: x.channel_type is not None),
    ),
    m.ClosingSig: (
        SenderRule("B02-closing-complete-k-18", "exactly one signature", lambda x: _signature_count(x) == 1),
    ),
    m.StartBatch: (
        SenderRule("B02-batching-s-01", "at least two messages", lambda x: x.batch_size >= MIN_BATCH_SIZE),
        SenderRule("B02-batching-s-02", "at most twenty messages", lambda x: x.batch_size <= MAX_BATCH_SIZE),
        SenderRule("B02-batching-s-03", "of commitment_signed (132)", lambda x: x.message_type == 132),
    ),
    m.ChannelAnnouncement: (
        SenderRule(
            "B07-channel-announcement-o-08", "node ids are in ascending order", lambda x: x.node_id_1 < x.node_id_2
        ),
        SenderRule("B07-channel-announcement-o-14", "features is as short as possible", lambda x: _minimal(x.features)),
    ),
    m.NodeAnnouncement: (
        SenderRule("B07-node-announcement-o-16", "features is as short as possible", lambda x: _minimal(x.features)),
    ),
    m.ChannelUpdate: (
        SenderRule("B07-channel-update-o-14", "must_be_one is set", lambda x: x.message_flags & 1 == 1),
        SenderRule(
            "B07-channel-update-o-15", "unassigned flags are 0", lambda x: x.message_flags < 4 and x.channel_flags < 4
        ),
        SenderRule(
            "B07-channel-update-o-22",
            "the minimum is not above the maximum",
            lambda x: x.htlc_minimum_msat <= x.htlc_maximum_msat,
        ),
    ),
    m.QueryChannelRange: (SenderRule("B07-query-range-s-05", "at least one block", lambda x: x.number_of_blocks >= 1),),
}
"""The rules by message."""


def _low_bits(globalfeatures: bytes) -> bool:
    return max(FeatureBits.from_bytes(globalfeatures), default=0) <= 13


_AMOUNT_BOUNDS: Final = {
    "sat": SenderRule(
        "B01-types-s-04", "a satoshi amount is at most 21M BTC", lambda amount: abs(amount) <= MAX_SATOSHI
    ),
    "msat": SenderRule(
        "B01-types-s-05", "a millisatoshi amount is at most 21M BTC", lambda amount: abs(amount) <= MAX_MILLISATOSHI
    ),
}


def broken_sender_rules(message: m.Message) -> list[SenderRule]:
    """The rules that ``message`` breaks, amounts first."""
    return [
        *_broken_bounds(message),
        *(rule for rule in SENDER_RULES.get(type(message), ()) if not rule.holds(message)),
    ]


def _broken_bounds(message: m.Message) -> Iterator[SenderRule]:
    for field in (*message.layout.fixed, *message.layout.records.values()):
        value = getattr(message, field.name)
        if isinstance(field.wire, AmountType) and value is not None:
            rule = _AMOUNT_BOUNDS[field.wire.unit]
            if not rule.holds(value):
                yield rule


def check_sendable(message: m.Message) -> None:
    """Raise ValueError, naming the requirements, if ``message`` breaks a sender's rule."""
    if broken := broken_sender_rules(message):
        reasons = "; ".join(f"{rule.says} ({rule.id})" for rule in broken)
        raise ValueError(f"{message.layout.name} must not be sent: {reasons}")


def missing_negotiated_fields(message: m.Message, negotiated: frozenset[str]) -> list[str]:
    """The fields that the negotiated features make compulsory and that ``message`` lacks (B01-message-format-s-04).

    B02-open-channel-s-10 (upfront_shutdown_script, elsewhere optional: B02-open-channel-s-11) and
    B02-channel-ready-s-03 (short_channel_id, elsewhere optional: B02-channel-ready-s-04).
    """
    demanded = {"option_upfront_shutdown_script": _OPENING, "option_scid_alias": (m.ChannelReady,)}
    return [
        field.name
        for field in message.layout.records.values()
        if field.tlv and field.tlv.feature in negotiated & demanded.keys()
        if isinstance(message, demanded[field.tlv.feature]) and getattr(message, field.name) is None
    ]


_OPENING: Final = (m.OpenChannel, m.AcceptChannel, m.OpenChannel2, m.AcceptChannel2)
