"""Rules that bind the sender, each with the nearest message that keeps it and one that breaks it."""

from dataclasses import replace
from typing import Any

import pytest

from boltwire import messages as m
from boltwire.primitives import MAX_MILLISATOSHI, MAX_SATOSHI
from boltwire.scid import ShortChannelId
from boltwire.sender_rules import SENDER_RULES, broken_sender_rules, check_sendable, missing_negotiated_fields

ID, TXID, SIG = bytes(32), bytes(32), bytes(64)
POINT_A, POINT_B = b"\x02" + bytes(32), b"\x03" + bytes(32)
KEY_FIELDS = (
    "funding_pubkey",
    "revocation_basepoint",
    "payment_basepoint",
    "delayed_payment_basepoint",
    "htlc_basepoint",
    "first_per_commitment_point",
)
COMMON: dict[str, Any] = {
    **dict.fromkeys(KEY_FIELDS, POINT_A),
    "dust_limit_satoshis": 354,
    "max_htlc_value_in_flight_msat": 1,
    "htlc_minimum_msat": 1,
    "to_self_delay": 144,
    "max_accepted_htlcs": 483,
}
OPEN = m.OpenChannel(
    chain_hash=ID,
    temporary_channel_id=ID,
    funding_satoshis=MAX_SATOSHI,
    push_msat=MAX_MILLISATOSHI,
    channel_reserve_satoshis=1000,
    feerate_per_kw=253,
    channel_flags=1,
    upfront_shutdown_script=b"",
    channel_type=b"\x10\x00",
    **COMMON,
)
OPEN2 = m.OpenChannel2(
    chain_hash=ID,
    temporary_channel_id=ID,
    funding_feerate_perkw=253,
    commitment_feerate_perkw=253,
    funding_satoshis=1,
    locktime=0,
    second_per_commitment_point=POINT_A,
    channel_flags=0,
    channel_type=b"\x10\x00",
    **COMMON,
)
ADD_INPUT = m.TxAddInput(
    channel_id=ID, serial_id=0, prevtx=b"", prevtx_vout=0, sequence=0xFFFFFFFD, shared_input_txid=TXID
)
CLOSING_SIG = m.ClosingSig(
    channel_id=ID,
    closer_scriptpubkey=b"",
    closee_scriptpubkey=b"",
    fee_satoshis=1,
    locktime=0,
    closer_output_only=SIG,
)
BATCH = m.StartBatch(channel_id=ID, batch_size=2, message_type=132)
CHANNEL = m.ChannelAnnouncement(
    node_signature_1=SIG,
    node_signature_2=SIG,
    bitcoin_signature_1=SIG,
    bitcoin_signature_2=SIG,
    features=b"",
    chain_hash=ID,
    short_channel_id=ShortChannelId(1),
    node_id_1=POINT_A,
    node_id_2=POINT_B,
    bitcoin_key_1=POINT_B,
    bitcoin_key_2=POINT_A,
)
NODE = m.NodeAnnouncement(
    signature=SIG, features=b"\1", timestamp=1, node_id=POINT_A, rgb_color=b"rgb", alias=ID, addresses=b""
)
UPDATE = m.ChannelUpdate(
    signature=SIG,
    chain_hash=ID,
    short_channel_id=ShortChannelId(1),
    timestamp=1,
    message_flags=3,
    channel_flags=3,
    cltv_expiry_delta=6,
    htlc_minimum_msat=5,
    fee_base_msat=0,
    fee_proportional_millionths=0,
    htlc_maximum_msat=5,
)
QUERY = m.QueryChannelRange(chain_hash=ID, first_blocknum=0, number_of_blocks=1)
SPLICE = m.SpliceInit(
    channel_id=ID,
    funding_contribution_satoshis=-MAX_SATOSHI,
    funding_feerate_perkw=253,
    locktime=0,
    funding_pubkey=POINT_A,
)

CASES: list[tuple[m.Message, dict[str, Any], list[str]]] = [
    (OPEN, {"funding_satoshis": MAX_SATOSHI + 1}, ["B01-types-s-04"]),
    (OPEN, {"push_msat": MAX_MILLISATOSHI + 1}, ["B01-types-s-05"]),
    (OPEN, {"channel_flags": 2}, ["B02-open-channel-s-09"]),
    (OPEN, {"upfront_shutdown_script": None}, ["B02-open-channel-s-12"]),
    (OPEN, {"channel_type": None}, ["B02-open-channel-s-13"]),
    (OPEN, {"channel_type": b"\0\x10\0"}, ["B02-open-channel-s-15"]),
    (OPEN2, {"channel_flags": 2}, ["B02-open-channel-s-09"]),
    (OPEN2, {"channel_type": None}, ["B02-open-channel2-s-01"]),
    (OPEN2, {"channel_type": b"\0\x10\0"}, ["B02-open-channel-s-15"]),
    (SPLICE, {"funding_contribution_satoshis": -MAX_SATOSHI - 1}, ["B01-types-s-04"]),
    (ADD_INPUT, {"sequence": 0xFFFFFFFE}, ["B02-itx-add-input-s-03"]),
    (ADD_INPUT, {"prevtx": b"\1"}, ["B02-splice-add-input-i-02"]),
    (CLOSING_SIG, {"closer_output_only": None}, ["B02-closing-complete-k-18"]),
    (CLOSING_SIG, {"closee_output_only": SIG}, ["B02-closing-complete-k-18"]),
    (BATCH, {"batch_size": 1}, ["B02-batching-s-01"]),
    (BATCH, {"batch_size": 21}, ["B02-batching-s-02"]),
    (BATCH, {"message_type": None}, ["B02-batching-s-03"]),
    (CHANNEL, {"node_id_1": POINT_B}, ["B07-channel-announcement-o-08"]),
    (CHANNEL, {"features": b"\0"}, ["B07-channel-announcement-o-14"]),
    (NODE, {"features": b"\0\1"}, ["B07-node-announcement-o-16"]),
    (UPDATE, {"message_flags": 2}, ["B07-channel-update-o-14"]),
    (UPDATE, {"message_flags": 5}, ["B07-channel-update-o-15"]),
    (UPDATE, {"channel_flags": 4}, ["B07-channel-update-o-15"]),
    (UPDATE, {"htlc_minimum_msat": 6}, ["B07-channel-update-o-22"]),
    (QUERY, {"number_of_blocks": 0}, ["B07-query-range-s-05"]),
]


@pytest.mark.parametrize(
    ("message", "change", "ids"), CASES, ids=lambda part: "" if isinstance(part, m.Message) else None
)
def test_rule_and_its_nearest_breach(message: m.Message, change: dict[str, Any], ids: list[str]) -> None:
    """B01-types-s-04 B01-types-s-05 B02-open-channel-s-09 B02-open-channel-s-12 B02-open-channel-s-13
    B02-open-channel-s-15 B02-open-channel2-s-01 B02-itx-add-input-s-03 B02-splice-add-input-i-02
    B02-closing-complete-k-18 B02-batching-s-01 B02-batching-s-02 B02-batching-s-03 B07-channel-announcement-o-08
    B07-channel-announcement-o-14 B07-node-announcement-o-16 B07-channel-update-o-14 B07-channel-update-o-15
    B07-channel-update-o-22 B07-query-range-s-05
    """
    check_sendable(message)
    broken = replace(message, **change)
    assert [rule.id for rule in broken_sender_rules(broken)] == ids
    with pytest.raises(ValueError, match=f"{message.layout.name} must not be sent: .*{ids[0]}"):
        check_sendable(broken)


def test_every_rule_has_a_breach_here_or_in_its_own_tests() -> None:
    elsewhere = (m.Init, m.Ping, m.Pong, m.PeerStorage)
    listed = {rule.id for cls, rules in SENDER_RULES.items() if cls not in elsewhere for rule in rules}
    assert listed <= {id_ for _, _, ids in CASES for id_ in ids}


def test_open_channel_without_any_tlv_keeps_the_tlv_rules() -> None:
    """B02-open-channel-s-11 B02-open-channel-s-12 B02-open-channel-s-13"""
    assert broken_sender_rules(replace(OPEN, upfront_shutdown_script=None, channel_type=None)) == []


READY = m.ChannelReady(channel_id=ID, second_per_commitment_point=POINT_A)


def test_negotiated_features_make_fields_compulsory() -> None:
    """B01-message-format-s-04 B02-open-channel-s-10 B02-channel-ready-s-03"""
    bare = replace(OPEN, upfront_shutdown_script=None)
    upfront, alias = frozenset(["option_upfront_shutdown_script"]), frozenset(["option_scid_alias"])
    assert missing_negotiated_fields(bare, upfront | alias) == ["upfront_shutdown_script"]
    assert missing_negotiated_fields(OPEN, upfront) == []
    assert missing_negotiated_fields(READY, upfront | alias) == ["short_channel_id"]
    assert missing_negotiated_fields(replace(READY, short_channel_id=ShortChannelId(9)), alias) == []


def test_without_the_feature_fields_are_optional() -> None:
    """B02-open-channel-s-11 B02-channel-ready-s-04"""
    assert missing_negotiated_fields(READY, frozenset(["option_splice"])) == []
    assert missing_negotiated_fields(replace(OPEN, upfront_shutdown_script=None), frozenset()) == []
