"""The ledger: what is confirmed, what is valid in the next block, and where the money is."""

from __future__ import annotations

import pytest

from boltspec.chain import ledger as chain
from boltspec.chain.conditions import Kind, Use, condition
from boltspec.chain.ledger import Ledger, confirm, is_valid, mine
from boltspec.chain.presets import PARAMS
from boltspec.chain.transactions import Form, Transaction, commitment_transaction, spending
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.units import FeeratePerKw, Height, Msat, Sat

HTLC = CommittedHtlc(True, 0, Msat(300_000_000), 0, Height(16))
COMMITMENT = Commitment(1, FeeratePerKw(1_000), Msat(500_000_000), Msat(200_000_000), (HTLC,))
PUBLISHED = commitment_transaction(PARAMS, 0, COMMITMENT, htlcs_signed=True)
OPEN = chain.opened(PARAMS, Height(10))
CLOSED = mine(confirm(OPEN, PUBLISHED))


def spend(ledger: Ledger, kind: Kind, use: Use, signer: int) -> Transaction:
    entry = next(entry for entry in ledger.unspent if entry.coin.kind is kind)
    return spending(PARAMS, entry.outpoint, entry.coin, condition(kind, use), signer)


def total(ledger: Ledger) -> int:
    parts = (*(entry.coin.amount_sat for entry in ledger.unspent), *ledger.received, ledger.fees_sat)
    return sum(map(int, parts))


def test_a_commitment_closes_the_channel_in_the_next_block() -> None:
    closing = CLOSED.closing
    assert closing is not None
    assert (closing.txid.form, closing.txid.seat) == (Form.COMMITMENT, 0)
    assert closing.height == CLOSED.height == Height(11)
    assert closing.outputs_for == ((0, 0),)


def test_to_remote_counts_as_received_and_nothing_is_lost() -> None:
    assert CLOSED.received == (Sat(0), Sat(200_000))
    assert Kind.TO_REMOTE not in {entry.coin.kind for entry in CLOSED.unspent}
    assert total(CLOSED) == 1_000_000


def test_no_second_commitment_is_valid() -> None:
    assert is_valid(OPEN, PUBLISHED)
    rival = commitment_transaction(PARAMS, 1, COMMITMENT, htlcs_signed=True)
    assert not is_valid(CLOSED, rival)
    with pytest.raises(ValueError, match="missing"):
        confirm(CLOSED, rival)


@pytest.mark.parametrize(("height", "valid"), [(14, False), (15, True)])
def test_a_delayed_output_can_be_spent_in_the_block_five_above(height: int, valid: bool) -> None:
    """Confirmed in block 11 with a delay of 5: block 16 is the first one for it."""
    transaction = spend(CLOSED, Kind.TO_LOCAL, Use.DELAYED, signer=0)
    assert is_valid(mine(CLOSED, Height(height)), transaction) is valid


@pytest.mark.parametrize(("height", "valid"), [(15, False), (16, True)])
def test_an_htlc_can_be_timed_out_above_its_expiry(height: int, valid: bool) -> None:
    transaction = spend(CLOSED, Kind.OFFERED_HTLC, Use.HTLC_TIMEOUT, signer=0)
    assert is_valid(mine(CLOSED, Height(height)), transaction) is valid


def test_with_anchors_no_htlc_is_claimed_in_the_block_of_the_commitment() -> None:
    built = confirm(OPEN, PUBLISHED)
    transaction = spend(built, Kind.OFFERED_HTLC, Use.CLAIM_WITH_PREIMAGE, signer=1)
    assert not is_valid(built, transaction)
    assert is_valid(CLOSED, transaction)


def test_a_penalty_may_follow_within_the_block() -> None:
    built = confirm(OPEN, PUBLISHED)
    assert is_valid(built, spend(built, Kind.TO_LOCAL, Use.REVOCATION, signer=1))


def test_a_claim_is_remembered_with_its_block_and_use() -> None:
    claimed = confirm(CLOSED, spend(CLOSED, Kind.OFFERED_HTLC, Use.CLAIM_WITH_PREIMAGE, signer=1))
    (claim,) = claimed.claims
    assert claim == (0, 0, Use.CLAIM_WITH_PREIMAGE, Height(12))
    assert claimed.received == (Sat(0), Sat(500_000))
    assert total(claimed) == 1_000_000


def test_a_second_stage_output_is_delayed_from_its_own_block() -> None:
    late = mine(CLOSED, Height(16))
    timed_out = mine(confirm(late, spend(late, Kind.OFFERED_HTLC, Use.HTLC_TIMEOUT, signer=0)))
    transaction = spend(timed_out, Kind.TIMED_OUT_HTLC, Use.DELAYED, signer=0)
    assert [is_valid(mine(timed_out, Height(at)), transaction) for at in (20, 21)] == [False, True]
    assert total(timed_out) == 1_000_000


def test_revocation_marks_the_owner_as_punished() -> None:
    assert confirm(CLOSED, spend(CLOSED, Kind.TO_LOCAL, Use.REVOCATION, signer=1)).punished == (True, False)
