"""Claims that are refused before they become a transaction: wrong output, wrong key, wrong fee."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltwire.commitment import BuiltCommitment, HtlcOutput, OutputRole
from boltwire.commitment_format import CommitmentFormat
from boltwire.htlc_tx import build_htlc_transaction, combine, second_stage_outpoint
from boltwire.penalty import penalise_commitment, penalise_htlc, penalise_htlc_transaction, penalise_to_local
from boltwire.scripts import p2wpkh, p2wsh
from boltwire.spend import SpendError, build_spend, sign_spends, spend_weight
from boltwire.sweep import (
    abandoned_anchor_input,
    claim_expired_htlc,
    claim_htlc_with_preimage,
    sweep_anchor,
    sweep_htlc_transaction,
    sweep_to_local,
    sweep_to_remote,
)
from boltwire.transaction import Outpoint

PREIMAGE = bytes(range(32))
PAYMENT_HASH = hashlib.sha256(PREIMAGE).digest()
DESTINATION = p2wpkh(b"\x02" * 33)
ANCHORS = CommitmentFormat.ANCHORS_ZERO_FEE_HTLC


@pytest.fixture(params=CommitmentFormat, ids=lambda item: item.name.lower())
def channel(request: pytest.FixtureRequest, open_channel: Any) -> Any:
    return open_channel(request.param)


@pytest.fixture
def commitment(channel: Any) -> BuiltCommitment:
    htlcs = [HtlcOutput(offered, 20_000_000, PAYMENT_HASH, 500 + offered) for offered in (True, False)]
    built: BuiltCommitment = channel.commitment(to_local_msat=5_000_000_000, to_remote_msat=4_000_000_000, htlcs=htlcs)
    return built


def vout(commitment: BuiltCommitment, role: OutputRole) -> int:
    found = commitment.vout(role)
    assert found is not None
    return found


def test_claim_with_another_key_is_refused(channel: Any, commitment: BuiltCommitment) -> None:
    stranger = channel.local.funding_key
    offered, received = (vout(commitment, role) for role in (OutputRole.OFFERED_HTLC, OutputRole.RECEIVED_HTLC))
    second = build_htlc_transaction(commitment, offered)
    outpoint = second_stage_outpoint(second.transaction)
    attempts: list[Callable[[], object]] = [
        lambda: sweep_to_local(commitment, stranger),
        lambda: sweep_to_remote(commitment, stranger),
        lambda: sweep_htlc_transaction(commitment, second, outpoint, stranger),
        lambda: claim_htlc_with_preimage(commitment, offered, stranger, PREIMAGE),
        lambda: claim_expired_htlc(commitment, received, stranger),
        lambda: penalise_to_local(commitment, stranger),
        lambda: penalise_htlc(commitment, offered, stranger),
        lambda: penalise_htlc_transaction(commitment, second, outpoint, stranger),
        lambda: penalise_commitment(commitment, stranger),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match="is needed, not that of"):
            attempt()


def test_claim_of_another_output_is_refused(channel: Any, commitment: BuiltCommitment) -> None:
    key, revocation_key = channel.remote_htlc_key(commitment), channel.revocation_key(commitment)
    offered, received = (vout(commitment, role) for role in (OutputRole.OFFERED_HTLC, OutputRole.RECEIVED_HTLC))
    main = vout(commitment, OutputRole.TO_LOCAL)
    with pytest.raises(ValueError, match="is received_htlc, not offered_htlc"):
        claim_htlc_with_preimage(commitment, received, key, PREIMAGE)
    with pytest.raises(ValueError, match="is offered_htlc, not received_htlc"):
        claim_expired_htlc(commitment, offered, key)
    with pytest.raises(ValueError, match="is to_local, not an HTLC"):
        penalise_htlc(commitment, main, revocation_key)
    with pytest.raises(ValueError, match="is to_local, not an HTLC"):
        build_htlc_transaction(commitment, main)
    with pytest.raises(ValueError, match="not an anchor"):
        abandoned_anchor_input(commitment, main)


def test_claim_with_another_preimage_is_refused(channel: Any, commitment: BuiltCommitment) -> None:
    offered, key = vout(commitment, OutputRole.OFFERED_HTLC), channel.remote_htlc_key(commitment)
    assert claim_htlc_with_preimage(commitment, offered, key, PREIMAGE).amount_sat == 20_000
    with pytest.raises(ValueError, match="does not belong"):
        claim_htlc_with_preimage(commitment, offered, key, bytes(32))


def test_trimmed_outputs_give_nothing_to_claim(channel: Any) -> None:
    commitment = channel.commitment(to_local_msat=0, to_remote_msat=0)
    assert sweep_to_local(commitment, channel.local_delayed_key(commitment)) is None
    assert sweep_to_remote(commitment, channel.remote.secrets.payment_basepoint_secret) is None
    assert sweep_anchor(commitment, OutputRole.TO_LOCAL_ANCHOR, channel.local.funding_key) is None
    assert penalise_to_local(commitment, channel.revocation_key(commitment)) is None
    assert penalise_commitment(commitment, channel.revocation_key(commitment)) == ()


def test_anchor_belongs_to_one_funding_key(open_channel: Any) -> None:
    channel = open_channel(ANCHORS)
    commitment = channel.commitment(to_local_msat=5_000_000_000, to_remote_msat=4_000_000_000)
    assert sweep_anchor(commitment, OutputRole.TO_REMOTE_ANCHOR, channel.remote.funding_key) is not None
    with pytest.raises(ValueError, match="is needed"):
        sweep_anchor(commitment, OutputRole.TO_REMOTE_ANCHOR, channel.local.funding_key)


def test_preimage_is_for_success_only(channel: Any, commitment: BuiltCommitment) -> None:
    key = channel.local_htlc_key(commitment)
    for role, preimage in ((OutputRole.OFFERED_HTLC, PREIMAGE), (OutputRole.RECEIVED_HTLC, None)):
        unsigned = build_htlc_transaction(commitment, vout(commitment, role))
        with pytest.raises(ValueError, match="HTLC-success needs the preimage"):
            unsigned.complete(key.sign(bytes(32)), key, preimage)


def test_combination_needs_anchors_and_one_lock_time(channel: Any, commitment: BuiltCommitment) -> None:
    members = [build_htlc_transaction(commitment, position) for position in commitment.htlc_vouts()]
    with pytest.raises(ValueError, match="one lock time" if channel.commitment_format is ANCHORS else "stands alone"):
        combine(members)


def test_fee_may_leave_no_dust(channel: Any, commitment: BuiltCommitment) -> None:
    spend = penalise_to_local(commitment, channel.revocation_key(commitment))
    assert spend is not None
    for destination, dust in ((DESTINATION, 294), (p2wsh(b""), 330)):
        weight = spend_weight([spend], destination)
        enough = replace(spend, amount_sat=weight + dust)
        assert build_spend([enough], destination, 1000).outputs[0].amount_sat == dust
        with pytest.raises(SpendError, match=f"{dust - 1} sat would be left"):
            build_spend([replace(enough, amount_sat=enough.amount_sat - 1)], destination, 1000)


def test_spends_must_be_different_and_some(channel: Any, commitment: BuiltCommitment) -> None:
    spend = penalise_to_local(commitment, channel.revocation_key(commitment))
    assert spend is not None
    for spends in ([], [spend, spend]):
        with pytest.raises(SpendError, match="different outputs"):
            build_spend(spends, DESTINATION, 1000)


def test_only_fitting_inputs_are_signed(channel: Any, commitment: BuiltCommitment) -> None:
    spend = claim_expired_htlc(
        commitment, vout(commitment, OutputRole.RECEIVED_HTLC), channel.remote_htlc_key(commitment)
    )
    transaction = build_spend([spend], DESTINATION, 1000)
    assert sign_spends(transaction, [spend]) == transaction
    for wrong in (replace(spend, sequence=spend.sequence - 1), replace(spend, outpoint=Outpoint(bytes(32), 0))):
        with pytest.raises(SpendError, match="no input spends"):
            sign_spends(transaction, [wrong])
    with pytest.raises(SpendError, match="lock time of at least 500"):
        sign_spends(replace(transaction, locktime=499), [spend])
