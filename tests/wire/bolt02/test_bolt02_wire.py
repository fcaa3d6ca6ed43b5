"""Values in BOLT 2's messages: ids, channel types, flags, scripts, interactive transactions, batches, removals."""

import hashlib
from dataclasses import replace

import pytest

from boltwire import channel_id as cid
from boltwire import messages as m
from boltwire.batching import BatchReaction, batch, reaction_to
from boltwire.chains import BITCOIN_CHAIN_HASH, CHAIN_HASHES, chain_hash
from boltwire.channel_flags import announces_channel, channel_flags
from boltwire.channel_type import (
    ANCHORS,
    DEFINED_CHANNEL_TYPES,
    STATIC_REMOTEKEY,
    decode_channel_type,
    encode_channel_type,
    has_variation,
)
from boltwire.closing_variants import ClosingVariant, closing_sig, offered_variants, signed_variant
from boltwire.codec import decode_message, encode_message
from boltwire.errors import MessageError
from boltwire.features import FeatureBits
from boltwire.interactive_messages import (
    MAX_SEQUENCE,
    check_add_input,
    check_witnesses,
    fresh_serial_id,
    has_own_parity,
    shared_input,
    stfu,
    tx_signatures,
)
from boltwire.points import check_points, invalid_points
from boltwire.removal import check_fail_malformed, check_fulfill, onion_hash
from boltwire.secp256k1 import PrivateKey
from boltwire.shutdown_script import is_shutdown_script
from boltwire.transaction import Outpoint, Transaction, TxInput, TxOutput, serialize_witness

ID, SIG = bytes(range(32)), bytes(range(64))
POINT = PrivateKey(b"\1" * 32).public_key.encoded
OTHER_POINT = PrivateKey(b"\2" * 32).public_key.encoded
NO_POINT = b"\x02" + b"\xff" * 32


def test_channel_id_of_v1_is_the_txid_xor_the_index() -> None:
    """B02-funding-signed-e-01"""
    assert cid.channel_id_v1(ID, 0) == ID
    assert cid.channel_id_v1(ID, 0x0103) == ID[:30] + bytes((30 ^ 1, 31 ^ 3))
    with pytest.raises(ValueError, match="not an outpoint"):
        cid.channel_id_v1(ID, 65536)


def test_channel_id_of_v2_hashes_both_basepoints() -> None:
    """B02-open-channel2-s-04"""
    lesser, greater = sorted((POINT, OTHER_POINT))
    assert cid.channel_id_v2(greater, lesser) == hashlib.sha256(lesser + greater).digest()
    assert cid.temporary_channel_id_v2(POINT) == hashlib.sha256(bytes(33) + POINT).digest()


def test_temporary_channel_id_is_unlike_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """B02-open-channel-s-02"""
    draws = iter([cid.ALL_CHANNELS, b"a" * 32, b"b" * 32])
    monkeypatch.setattr("boltwire.channel_id.secrets.token_bytes", lambda size: next(draws))
    assert cid.fresh_temporary_channel_id({b"a" * 32}) == b"b" * 32


def test_chains_go_by_genesis_hash() -> None:
    """B02-open-channel-s-01"""
    assert chain_hash("bitcoin") == BITCOIN_CHAIN_HASH
    assert len(set(CHAIN_HASHES.values())) == len(CHAIN_HASHES)
    with pytest.raises(KeyError):
        chain_hash("dogecoin")


def test_channel_flags() -> None:
    """B02-open-channel-s-09 B02-open-channel-r-01"""
    assert (channel_flags(announce_channel=True), channel_flags(announce_channel=False)) == (1, 0)
    assert announces_channel(0xFF)
    assert not announces_channel(0xFE)


CHANNEL_TYPES: list[FeatureBits] = sorted(DEFINED_CHANNEL_TYPES, key=FeatureBits.to_bytes)


@pytest.mark.parametrize("bits", CHANNEL_TYPES, ids=str)
def test_defined_channel_types_round_trip_in_the_smallest_bit_map(bits: FeatureBits) -> None:
    """B02-open-channel-s-15"""
    data = encode_channel_type(bits)
    assert data[0] != 0
    assert decode_channel_type(data) == decode_channel_type(b"\0" + data) == bits


def test_channel_types() -> None:
    assert len(DEFINED_CHANNEL_TYPES) == 8
    assert encode_channel_type(STATIC_REMOTEKEY).hex() == "1000"
    assert encode_channel_type(ANCHORS).hex() == "401000"
    assert has_variation(ANCHORS | {50}, "option_zeroconf")
    assert not has_variation(ANCHORS, "option_zeroconf")


@pytest.mark.parametrize("bits", [set(), {13}, {22}, {12, 22, 46, 50, 62}])
def test_other_sets_of_bits_are_no_channel_type(bits: set[int]) -> None:
    with pytest.raises(ValueError, match="not a defined channel type"):
        encode_channel_type(FeatureBits(bits))
    with pytest.raises(MessageError, match="not a defined channel type"):
        decode_channel_type(FeatureBits(bits).to_bytes())


ANYSEGWIT, SIMPLE = "option_shutdown_anysegwit", "option_simple_close"
SCRIPTS = [
    ("0014" + "aa" * 20, "", True),
    ("0014" + "aa" * 19, "", False),
    ("0020" + "aa" * 32, "", True),
    ("0020" + "aa" * 33, "", False),
    ("0015" + "aa" * 21, ANYSEGWIT, False),
    ("5102" + "aa" * 2, ANYSEGWIT, True),
    ("5102" + "aa" * 2, "", False),
    ("5101" + "aa", ANYSEGWIT, False),
    ("6028" + "aa" * 40, ANYSEGWIT, True),
    ("6029" + "aa" * 41, ANYSEGWIT, False),
    ("6128" + "aa" * 40, ANYSEGWIT, False),
    ("5020" + "aa" * 32, ANYSEGWIT, False),
    ("5120" + "aa" * 31, ANYSEGWIT, False),
    ("6a06" + "aa" * 6, SIMPLE, True),
    ("6a06" + "aa" * 6, "", False),
    ("6a05" + "aa" * 5, SIMPLE, False),
    ("6a4b" + "aa" * 75, SIMPLE, True),
    ("6a4b" + "aa" * 74, SIMPLE, False),
    ("6a4c4b" + "aa" * 75, SIMPLE, False),
    ("6a4c4c" + "aa" * 76, SIMPLE, True),
    ("6a4c50" + "aa" * 80, SIMPLE, True),
    ("6a4c51" + "aa" * 81, SIMPLE, False),
    ("6a4c4c" + "aa" * 77, SIMPLE, False),
    ("6a06" + "aa" * 7, SIMPLE, False),
    ("6a", SIMPLE, False),
    ("76a914" + "aa" * 20 + "88ac", ANYSEGWIT, False),
    ("", SIMPLE, False),
]


@pytest.mark.parametrize(("script", "feature", "accepted"), SCRIPTS)
def test_shutdown_script_forms(script: str, feature: str, accepted: bool) -> None:
    """B02-shutdown-s-10 B02-shutdown-s-11 B02-shutdown-s-12 B02-shutdown-s-13 B02-shutdown-s-14"""
    assert is_shutdown_script(bytes.fromhex(script), {feature} - {""}) is accepted


def test_serial_ids_tell_who_added() -> None:
    """B02-itx-add-input-i-01 B02-itx-add-input-j-01 B02-itx-add-output-i-01 B02-itx-add-output-j-01"""
    assert has_own_parity(4, initiator=True)
    assert not has_own_parity(4, initiator=False)
    assert has_own_parity(5, initiator=False)
    for initiator in (True, False):
        drawn = {fresh_serial_id((), initiator=initiator) for _ in range(20)}
        assert all(has_own_parity(found, initiator=initiator) and 0 <= found < 2**64 for found in drawn)
        assert len(drawn) == 20


def test_fresh_serial_id_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter([3, 4])
    monkeypatch.setattr("boltwire.interactive_messages.secrets.randbits", lambda bits: next(draws))
    assert fresh_serial_id([7], initiator=False) == 9


def test_shared_input_of_a_splice() -> None:
    """B02-splice-add-input-i-02 B02-splice-add-input-i-03 B02-itx-add-input-s-03"""
    message = shared_input(ID, 2, Outpoint(b"f" * 32, 7))
    assert (message.prevtx, message.prevtx_vout, message.shared_input_txid) == (b"", 7, b"f" * 32)
    assert message.sequence == MAX_SEQUENCE
    check_add_input(message)


def add_input(**changes: object) -> m.TxAddInput:
    parent = Transaction((TxInput(Outpoint(ID, 0)),), (TxOutput(1000, b"\0\x14" + bytes(20)),))
    message = m.TxAddInput(channel_id=ID, serial_id=0, prevtx=parent.serialize(), prevtx_vout=0, sequence=0)
    return replace(message, **changes)  # type: ignore[arg-type]


def test_input_with_a_sound_parent_passes() -> None:
    """B02-itx-add-input-r-07"""
    check_add_input(add_input())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prevtx": b"\1\2\3"}, "no valid transaction"),
        ({"prevtx": add_input().prevtx + b"\0"}, "no valid transaction"),
        ({"prevtx_vout": 1}, "has 1 outputs"),
        ({"prevtx": b""}, "no parent transaction and no shared input"),
    ],
)
def test_input_without_a_sound_parent(changes: dict[str, object], reason: str) -> None:
    """B02-itx-add-input-r-07"""
    with pytest.raises(MessageError, match=reason):
        check_add_input(add_input(**changes))


def test_witnesses_go_by_ascending_serial_id() -> None:
    """B02-itx-signatures-s-02 B02-itx-signatures-s-03"""
    message = tx_signatures(ID, ID, {30: b"\1\0", 4: b"\1\1a", 18: b"\1\1b"})
    assert message.witnesses == (b"\1\1a", b"\1\1b", b"\1\0")
    check_witnesses(message)
    assert decode_message(encode_message(message)) == message


@pytest.mark.parametrize(
    ("witness", "reason"), [(serialize_witness(()), "empty"), (b"", "no witness"), (b"\1\5ab", "no witness")]
)
def test_empty_or_malformed_witness(witness: bytes, reason: str) -> None:
    """B02-itx-signatures-r-01"""
    with pytest.raises(MessageError, match=rf"witnesses\[1\]: .*{reason}"):
        check_witnesses(tx_signatures(ID, ID, {0: b"\1\0", 2: witness}))


def test_abort_may_be_silent() -> None:
    """B02-itx-abort-s-03"""
    message = m.TxAbort(channel_id=ID, data=b"")
    assert decode_message(encode_message(message)) == message


def test_stfu() -> None:
    """B02-quiescence-s-04 B02-quiescence-s-05 B02-quiescence-s-06"""
    assert stfu(ID, replying=True) == m.Stfu(channel_id=ID, initiator=0)
    assert stfu(ID, replying=False) == m.Stfu(channel_id=ID, initiator=1)


def commitment(funding: bytes | None, channel: bytes = ID) -> m.CommitmentSigned:
    return m.CommitmentSigned(channel_id=channel, signature=SIG, htlc_signature=(), funding_txid=funding)


@pytest.mark.parametrize("size", [2, 20])
def test_batch(size: int) -> None:
    """B02-batching-s-01 B02-batching-s-02 B02-batching-s-03 B02-commitment-signed-s-10"""
    commitments = [commitment(bytes((index,)) * 32) for index in range(size)]
    start, *rest = batch(commitments)
    assert start == m.StartBatch(channel_id=ID, batch_size=size, message_type=132)
    assert rest == commitments
    assert isinstance(start, m.StartBatch)
    assert reaction_to(start) is BatchReaction.GROUP


@pytest.mark.parametrize(
    ("commitments", "reason"),
    [
        ([commitment(ID)], "2 to 20"),
        ([commitment(ID)] * 21, "2 to 20"),
        ([commitment(ID), commitment(None)], "names its funding"),
        ([commitment(ID), commitment(ID, bytes(32))], "one channel"),
    ],
)
def test_batch_that_must_not_be_sent(commitments: list[m.CommitmentSigned], reason: str) -> None:
    """B02-batching-s-01 B02-batching-s-02 B02-commitment-signed-s-10"""
    with pytest.raises(ValueError, match=reason):
        batch(commitments)


@pytest.mark.parametrize(
    ("size", "type_", "reaction"),
    [
        (0, 132, BatchReaction.IGNORE_AND_WARN),
        (1, 132, BatchReaction.IGNORE_AND_WARN),
        (2, 132, BatchReaction.GROUP),
        (20, 132, BatchReaction.GROUP),
        (21, 132, BatchReaction.FAIL),
        (21, None, BatchReaction.FAIL),
        (2, None, BatchReaction.IGNORE),
        (2, 133, BatchReaction.IGNORE),
    ],
)
def test_reaction_to_a_batch(size: int, type_: int | None, reaction: BatchReaction) -> None:
    """B02-batching-r-01 B02-batching-r-02 B02-batching-r-03 B02-batching-r-06"""
    assert reaction_to(m.StartBatch(channel_id=ID, batch_size=size, message_type=type_)) is reaction


CLOSING = m.ClosingComplete(
    channel_id=ID,
    closer_scriptpubkey=b"a",
    closee_scriptpubkey=b"b",
    fee_satoshis=5,
    locktime=6,
    closer_output_only=SIG,
    closer_and_closee_outputs=SIG,
)


def test_closing_sig_answers_in_the_chosen_record() -> None:
    """B02-closing-complete-k-18 B02-closing-complete-c-22"""
    assert set(offered_variants(CLOSING)) == {ClosingVariant.CLOSER_ONLY, ClosingVariant.BOTH}
    for variant in (ClosingVariant.CLOSER_ONLY, ClosingVariant.BOTH):
        answer = closing_sig(CLOSING, variant, b"s" * 64)
        assert (answer.closer_scriptpubkey, answer.closee_scriptpubkey, answer.fee_satoshis) == (b"a", b"b", 5)
        assert answer.locktime == 6
        assert signed_variant(answer) == (variant, b"s" * 64)
    with pytest.raises(ValueError, match="does not offer closee_output_only"):
        closing_sig(CLOSING, ClosingVariant.CLOSEE_ONLY, SIG)
    only_closee = replace(CLOSING, closer_output_only=None, closer_and_closee_outputs=None, closee_output_only=SIG)
    assert signed_variant(closing_sig(only_closee, ClosingVariant.CLOSEE_ONLY, SIG))[0] is ClosingVariant.CLOSEE_ONLY


@pytest.mark.parametrize("count", [0, 2, 3])
def test_closing_sig_with_other_than_one_signature(count: int) -> None:
    """B02-closing-complete-c-22"""
    answer = closing_sig(CLOSING, ClosingVariant.BOTH, SIG)
    signatures = dict(zip(map(str, ClosingVariant), [SIG] * count + [None] * 3, strict=False))
    with pytest.raises(MessageError, match=f"exactly one signature is expected, not {count}"):
        signed_variant(replace(answer, **signatures))  # type: ignore[arg-type]


def test_preimage_has_to_match() -> None:
    """B02-removing-htlc-r-02"""
    message = m.UpdateFulfillHtlc(channel_id=ID, id=0, payment_preimage=b"p" * 32)
    check_fulfill(message, hashlib.sha256(b"p" * 32).digest())
    with pytest.raises(MessageError, match="does not hash"):
        check_fulfill(message, hashlib.sha256(b"q" * 32).digest())


def test_malformed_failures_say_badonion() -> None:
    """B02-removing-htlc-r-03 B02-removing-htlc-m-02 B02-removing-htlc-m-03 B02-removing-htlc-m-06
    B02-removing-htlc-m-07
    """
    for digest in (onion_hash(b"onion"), bytes(32)):
        message = m.UpdateFailMalformedHtlc(channel_id=ID, id=0, sha256_of_onion=digest, failure_code=0xC018)
        check_fail_malformed(message)
        assert decode_message(encode_message(message)) == message
    assert onion_hash(b"onion") == hashlib.sha256(b"onion").digest()
    with pytest.raises(MessageError, match="0x4018 lacks BADONION"):
        check_fail_malformed(replace(message, failure_code=0x4018))


KEY_FIELDS = [
    "funding_pubkey",
    "revocation_basepoint",
    "payment_basepoint",
    "delayed_payment_basepoint",
    "htlc_basepoint",
]


@pytest.mark.parametrize("field", [*KEY_FIELDS, "first_per_commitment_point"])
def test_points_off_the_curve_are_found(field: str) -> None:
    """B02-open-channel-s-06 B02-open-channel-r-18"""
    points = dict.fromkeys((*KEY_FIELDS, "first_per_commitment_point"), POINT)
    limits = dict.fromkeys(
        (
            "dust_limit_satoshis",
            "max_htlc_value_in_flight_msat",
            "channel_reserve_satoshis",
            "htlc_minimum_msat",
            "minimum_depth",
            "to_self_delay",
            "max_accepted_htlcs",
        ),
        1,
    )
    message = m.AcceptChannel(temporary_channel_id=ID, **points, **limits)  # type: ignore[arg-type]
    check_points(message)
    bad = decode_message(encode_message(replace(message, **{field: NO_POINT})))  # type: ignore[arg-type]
    assert isinstance(bad, m.Message)
    assert invalid_points(bad) == [field]
    with pytest.raises(MessageError, match=f"accept_channel.{field}: not a point"):
        check_points(bad)


def test_reestablish_point_carries_no_meaning_but_has_the_form_of_a_point() -> None:
    """B02-retransmission-s-03 B02-retransmission-r-01 B02-retransmission-r-02"""
    message = m.ChannelReestablish(
        channel_id=ID,
        next_commitment_number=1,
        next_revocation_number=0,
        your_last_per_commitment_secret=bytes(32),
        my_current_per_commitment_point=NO_POINT,
    )
    assert decode_message(encode_message(message)) == message
    with pytest.raises(MessageError, match="my_current_per_commitment_point"):
        check_points(message)
    with pytest.raises(ValueError, match="my_current_per_commitment_point"):
        encode_message(replace(message, my_current_per_commitment_point=bytes(33)))
