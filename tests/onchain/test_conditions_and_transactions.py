"""BOLT 3 as data: which outputs a commitment has, how each can be spent, and what the spending transactions are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltspec.chain.conditions import CONDITIONS, Keys, Kind, Lock, Use, condition, first_block, relative_lock
from boltspec.chain.presets import PARAMS
from boltspec.chain.transactions import (
    ANY_TIME,
    Coin,
    Form,
    Outpoint,
    Transaction,
    Txid,
    commitment_transaction,
    joined,
    spending,
)
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat

HTLC = CommittedHtlc(True, 0, Msat(300_000_000), 0, Height(16))
THEIRS = HTLC._replace(offered_by_owner=False)
PLAIN = replace(PARAMS, option_anchors=False)


def commitment(to_owner: int, to_other: int, *htlcs: CommittedHtlc) -> Commitment:
    return Commitment(1, FeeratePerKw(1_000), Msat(to_owner * 1000), Msat(to_other * 1000), htlcs)


def total(transaction: Transaction) -> Sat:
    return sum((coin.amount_sat for coin in transaction.outputs), Sat(0))


def kinds(*coins: Coin) -> list[Kind]:
    return [coin.kind for coin in coins]


def test_a_commitment_pays_all_of_the_funding_output() -> None:
    transaction = commitment_transaction(PARAMS, 0, commitment(500_000, 200_000, HTLC), htlcs_signed=True)
    assert kinds(*transaction.outputs) == [
        Kind.TO_LOCAL,
        Kind.TO_REMOTE,
        Kind.OFFERED_HTLC,
        Kind.TO_LOCAL_ANCHOR,
        Kind.TO_REMOTE_ANCHOR,
    ]
    # 1124 + 172 weight units at 1000 satoshis per thousand, and two anchors.
    assert transaction.fee_sat == Sat(1_296)
    assert transaction.charged == (Sat(1_296 + 660), Sat(0))
    assert total(transaction) + transaction.fee_sat == Sat(1_000_000)


def test_the_opener_pays_in_the_commitment_of_its_peer_too() -> None:
    transaction = commitment_transaction(PARAMS, 1, commitment(200_000, 500_000, THEIRS), htlcs_signed=True)
    assert transaction.charged == (Sat(1_296 + 660), Sat(0))


def test_without_htlcs_a_party_without_output_has_no_anchor() -> None:
    transaction = commitment_transaction(PARAMS, 0, commitment(1_000_000, 0), htlcs_signed=True)
    assert kinds(*transaction.outputs) == [Kind.TO_LOCAL, Kind.TO_LOCAL_ANCHOR]


def test_with_an_htlc_both_have_an_anchor() -> None:
    transaction = commitment_transaction(PARAMS, 0, commitment(700_000, 0, HTLC), htlcs_signed=True)
    assert Kind.TO_REMOTE not in kinds(*transaction.outputs)
    assert Kind.TO_REMOTE_ANCHOR in kinds(*transaction.outputs)


def test_without_option_anchors_there_is_none() -> None:
    transaction = commitment_transaction(PLAIN, 0, commitment(500_000, 200_000, HTLC), htlcs_signed=True)
    assert kinds(*transaction.outputs) == [Kind.TO_LOCAL, Kind.TO_REMOTE, Kind.OFFERED_HTLC]


@pytest.mark.parametrize(
    ("lock", "anchors", "blocks"),
    [
        (Lock.NONE, True, 0),
        (Lock.ONE_WITH_ANCHORS, True, 1),
        (Lock.ONE_WITH_ANCHORS, False, 0),
        (Lock.TO_SELF_DELAY, False, 5),
        (Lock.SIXTEEN, True, 16),
    ],
)
def test_relative_locks(lock: Lock, anchors: bool, blocks: int) -> None:
    assert relative_lock(lock, anchors, Blocks(5)) == Blocks(blocks)


def test_the_other_can_revoke_whatever_goes_to_the_owner() -> None:
    """Every output that the owner can bring into its wallet has a branch for the other with the revoked secret."""
    for kind, ways in CONDITIONS.items():
        delayed = [way for way in ways if way.use is Use.DELAYED]
        if delayed:
            assert any(way.secret and way.keys is Keys.OTHER for way in ways), kind
    second_stage = [way for ways in CONDITIONS.values() for way in ways if way.leads_to is not Kind.WALLET]
    assert {way.leads_to for way in second_stage} == {Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC}


@pytest.mark.parametrize(
    ("sequence", "locktime", "block"), [(0, -1, 10), (1, -1, 11), (5, -1, 15), (1, 10, 11), (1, 11, 12), (5, 12, 15)]
)
def test_the_first_block_for_a_spend_obeys_both_locks(sequence: int, locktime: int, block: int) -> None:
    """Confirmed in block 10. A relative lock of n counts from there; a lock time of n opens the block above n."""
    assert first_block(Height(10), Blocks(sequence), Height(locktime)) == Height(block)


COMMITMENT = Txid(Form.COMMITMENT, 0, 1)
OFFERED = Coin(Kind.OFFERED_HTLC, Sat(300_000), 0, 1, HTLC)


def test_htlc_timeout_is_locked_until_the_expiry_and_keeps_the_whole_amount() -> None:
    way = condition(Kind.OFFERED_HTLC, Use.HTLC_TIMEOUT)
    transaction = spending(PARAMS, Outpoint(COMMITMENT, 2), OFFERED, way, signer=0)
    assert transaction.txid == Txid(Form.SECOND_STAGE, 0, 1, 2)
    assert (transaction.locktime, transaction.inputs[0].sequence) == (Height(16), Blocks(1))
    assert transaction.outputs == (OFFERED._replace(kind=Kind.TIMED_OUT_HTLC),)
    assert transaction.fee_sat == Sat(0)


def test_without_anchors_it_pays_a_fee_out_of_the_htlc() -> None:
    """B03-fee-calculation-b-02: 663 weight units."""
    coin = commitment_transaction(PLAIN, 0, commitment(500_000, 200_000, HTLC), htlcs_signed=True).outputs[2]
    way = condition(Kind.OFFERED_HTLC, Use.HTLC_TIMEOUT)
    transaction = spending(PLAIN, Outpoint(COMMITMENT, 2), coin, way, signer=0)
    assert transaction.inputs[0].sequence == Blocks(0)
    assert transaction.fee_sat == Sat(663)
    assert transaction.outputs[0].amount_sat == Sat(300_000 - 663)
    assert transaction.charged == (Sat(663), Sat(0))


def test_a_penalty_needs_no_lock() -> None:
    way = condition(Kind.OFFERED_HTLC, Use.REVOCATION)
    transaction = spending(PARAMS, Outpoint(COMMITMENT, 2), OFFERED, way, signer=1)
    assert (transaction.locktime, transaction.inputs[0].sequence) == (ANY_TIME, Blocks(0))
    assert transaction.outputs == (Coin(Kind.WALLET, Sat(300_000), 1),)


def test_a_second_stage_output_is_named_after_the_output_that_it_began_with() -> None:
    way = condition(Kind.TIMED_OUT_HTLC, Use.REVOCATION)
    coin = OFFERED._replace(kind=Kind.TIMED_OUT_HTLC)
    transaction = spending(PARAMS, Outpoint(Txid(Form.SECOND_STAGE, 0, 1, 2)), coin, way, signer=1)
    assert transaction.txid == Txid(Form.CLAIM, 0, 1, 2)


def test_joined_claims_are_valid_when_all_of_them_are() -> None:
    expired = condition(Kind.RECEIVED_HTLC, Use.CLAIM_EXPIRED)
    received = OFFERED._replace(kind=Kind.RECEIVED_HTLC, htlc=THEIRS)
    one = spending(PARAMS, Outpoint(COMMITMENT, 1), received, expired, signer=1)
    two = spending(PARAMS, Outpoint(COMMITMENT, 2), OFFERED, condition(Kind.OFFERED_HTLC, Use.REVOCATION), signer=1)
    both = joined((one, two))
    assert [spent.outpoint.vout for spent in both.inputs] == [1, 2]
    assert both.locktime == Height(16)
    assert total(both) == Sat(600_000)
