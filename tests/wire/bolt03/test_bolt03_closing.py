"""Closing transactions, legacy and simple: amounts, order, dust, OP_RETURN; both signed and on consensus code."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltchain.embedded import EmbeddedChain
from boltwire.closing import (
    ClosingBalance,
    ClosingError,
    ClosingVariant,
    legacy_closing_transaction,
    simple_closing_outputs,
    simple_closing_transaction,
)
from boltwire.commitment_format import CommitmentFormat
from boltwire.fees import dust_threshold
from boltwire.funding import FundingOutput
from boltwire.funding_spend import funding_spend_witness, is_funding_signature, sign_funding_spend
from boltwire.scripts import p2wpkh, p2wsh
from boltwire.transaction import FINAL_SEQUENCE, RBF_SEQUENCE, Outpoint, Transaction, TxOutput

SIGNER_SCRIPT, PEER_SCRIPT = p2wpkh(b"\x02" * 33), p2wsh(b"\x51")
OP_RETURN_SCRIPT = bytes.fromhex("6a06") + b"boltsp"
DUST = 546

amounts = st.integers(0, 5_000_000_000)
fees = st.integers(0, 6_000_000)


@pytest.fixture(scope="module")
def channel(open_channel: Any) -> Any:
    return open_channel(CommitmentFormat.STATIC_REMOTEKEY)


def legacy(channel: Any, signer_msat: int, peer_msat: int, **changes: Any) -> Transaction:
    options = {"fee_satoshis": 1000, "signer_is_funder": True, "signer_dust_limit_satoshis": DUST} | changes
    signer, peer = ClosingBalance(signer_msat, SIGNER_SCRIPT), ClosingBalance(peer_msat, PEER_SCRIPT)
    return legacy_closing_transaction(channel.funding, signer, peer, **options)


@given(signer_msat=amounts, peer_msat=amounts, fee=fees, signer_is_funder=st.booleans(), omit=st.booleans())
def test_legacy_amounts(
    *, channel: Any, signer_msat: int, peer_msat: int, fee: int, signer_is_funder: bool, omit: bool
) -> None:
    """B03-legacy-closing-tx-s-01, B03-legacy-closing-tx-s-02, B03-legacy-closing-tx-s-03, B03-legacy-closing-tx-s-04"""
    signer_sat, peer_sat = signer_msat // 1000, peer_msat // 1000
    signer_sat, peer_sat = (signer_sat - fee, peer_sat) if signer_is_funder else (signer_sat, peer_sat - fee)
    expected = {} if omit or signer_sat < DUST else {SIGNER_SCRIPT: signer_sat}
    expected |= {} if peer_sat < DUST else {PEER_SCRIPT: peer_sat}
    options = {"fee_satoshis": fee, "signer_is_funder": signer_is_funder, "omit_signer": omit}
    if min(signer_sat, peer_sat) < 0 or not expected:
        with pytest.raises(ClosingError):
            legacy(channel, signer_msat, peer_msat, **options)
        return
    transaction = legacy(channel, signer_msat, peer_msat, **options)
    assert {output.script_pubkey: output.amount_sat for output in transaction.outputs} == expected


def test_legacy_shape(channel: Any) -> None:
    transaction = legacy(channel, 5_000_000_999, 4_000_000_999)
    assert (transaction.version, transaction.locktime) == (2, 0)
    assert [(item.outpoint, item.sequence) for item in transaction.inputs] == [
        (channel.funding.outpoint, FINAL_SEQUENCE)
    ]
    assert transaction.outputs == (TxOutput(4_000_000, PEER_SCRIPT), TxOutput(4_999_000, SIGNER_SCRIPT))


@pytest.mark.parametrize("below", [0, 1])
def test_legacy_output_below_the_signers_dust_limit_is_left_out(channel: Any, below: int) -> None:
    """B03-legacy-closing-tx-s-03"""
    kept = legacy(channel, 5_000_000_000, (DUST - below) * 1000)
    assert len(kept.outputs) == 2 - below
    kept = legacy(channel, (1000 + DUST - below) * 1000, 5_000_000_000)
    assert len(kept.outputs) == 2 - below


@pytest.mark.parametrize("short", [0, 1])
def test_legacy_fee_must_be_affordable(channel: Any, short: int) -> None:
    """B03-legacy-closing-tx-s-02"""
    if short:
        with pytest.raises(ClosingError, match="cannot pay a fee of 1000 sat"):
            legacy(channel, 999_999, 5_000_000_000)
    else:
        assert len(legacy(channel, 1_000_000, 5_000_000_000).outputs) == 1


def test_legacy_closing_without_outputs_is_refused(channel: Any) -> None:
    with pytest.raises(ClosingError, match="needs an output"):
        legacy(channel, 1_000_000, (DUST - 1) * 1000)


def simple(channel: Any, closer: ClosingBalance, closee: ClosingBalance, **changes: Any) -> Transaction:
    both = ClosingVariant.CLOSER_AND_CLOSEE_OUTPUTS
    options: dict[str, Any] = {"fee_satoshis": 1000, "locktime": 0, "variant": both} | changes
    return simple_closing_transaction(channel.funding, closer, closee, **options)


@given(closer_msat=amounts, closee_msat=amounts, fee=fees, locktime=st.integers(0, 2**32 - 1))
def test_simple_amounts(channel: Any, closer_msat: int, closee_msat: int, fee: int, locktime: int) -> None:
    """B03-closing-tx-s-01, B03-closing-tx-s-02, B02-closing-complete-c-01, B02-closing-complete-c-05"""
    closer, closee = ClosingBalance(closer_msat, SIGNER_SCRIPT), ClosingBalance(closee_msat, PEER_SCRIPT)
    if fee > closer_msat // 1000:
        with pytest.raises(ClosingError, match="closer cannot pay"):
            simple(channel, closer, closee, fee_satoshis=fee)
        return
    transaction = simple(channel, closer, closee, fee_satoshis=fee, locktime=locktime)
    assert {output.script_pubkey: output.amount_sat for output in transaction.outputs} == {
        SIGNER_SCRIPT: closer_msat // 1000 - fee,
        PEER_SCRIPT: closee_msat // 1000,
    }
    assert list(transaction.outputs) == sorted(transaction.outputs, key=lambda item: item.amount_sat)
    assert (transaction.version, transaction.locktime) == (2, locktime)
    assert transaction.inputs[0].sequence == RBF_SEQUENCE


def test_simple_variants(channel: Any) -> None:
    closer, closee = ClosingBalance(5_000_000_000, SIGNER_SCRIPT), ClosingBalance(4_000_000_000, PEER_SCRIPT)
    scripts = {
        variant: {output.script_pubkey for output in simple(channel, closer, closee, variant=variant).outputs}
        for variant in ClosingVariant
    }
    assert scripts == {
        ClosingVariant.CLOSER_OUTPUT_ONLY: {SIGNER_SCRIPT},
        ClosingVariant.CLOSEE_OUTPUT_ONLY: {PEER_SCRIPT},
        ClosingVariant.CLOSER_AND_CLOSEE_OUTPUTS: {SIGNER_SCRIPT, PEER_SCRIPT},
    }


def test_equal_amounts_are_ordered_by_script(channel: Any) -> None:
    longer = OP_RETURN_SCRIPT[:1] + b"\x07" + OP_RETURN_SCRIPT[2:] + b"\x00"
    prefix = OP_RETURN_SCRIPT[:1] + b"\x07" + OP_RETURN_SCRIPT[2:]
    transaction = simple(channel, ClosingBalance(1_000_000, longer), ClosingBalance(1_000_000, prefix))
    assert [output.script_pubkey for output in transaction.outputs] == [prefix, longer]


@pytest.mark.parametrize("closer_returns", [True, False])
@pytest.mark.parametrize("closee_returns", [True, False])
def test_op_return_gets_nothing(closer_returns: bool, closee_returns: bool) -> None:
    """B03-closing-tx-s-03, B02-closing-complete-c-11, B02-closing-complete-k-08"""
    closer = ClosingBalance(2_000_000, OP_RETURN_SCRIPT if closer_returns else SIGNER_SCRIPT)
    closee = ClosingBalance(3_000_000, OP_RETURN_SCRIPT if closee_returns else PEER_SCRIPT)
    outputs = simple_closing_outputs(closer, closee, 500)
    assert [output.amount_sat for output in outputs] == [
        0 if closer_returns else 1500,
        0 if closee_returns else 3000,
    ]
    assert all(output.amount_sat >= dust_threshold(output.script_pubkey) for output in outputs)


def test_closing_transactions_are_valid_with_both_signatures(open_channel: Any, embedded_chain: EmbeddedChain) -> None:
    draft = open_channel(CommitmentFormat.STATIC_REMOTEKEY, name="closing")
    coin = embedded_chain.fund(draft.funding.output().script_pubkey, draft.funding.amount_sat)
    funding: FundingOutput = replace(draft.funding, outpoint=Outpoint(coin.txid, coin.vout))
    channel = replace(draft, funding=funding)
    closer, closee = ClosingBalance(5_000_000_000, SIGNER_SCRIPT), ClosingBalance(4_000_000_000, PEER_SCRIPT)
    candidates = [simple(channel, closer, closee, variant=variant) for variant in ClosingVariant]
    candidates += [simple(channel, replace(closer, script_pubkey=OP_RETURN_SCRIPT), closee)]
    candidates += [legacy(channel, 5_000_000_000, 4_000_000_000, omit_signer=omit) for omit in (True, False)]
    for unsigned in candidates:
        local = sign_funding_spend(unsigned, funding, channel.local.funding_key)
        remote = sign_funding_spend(unsigned, funding, channel.remote.funding_key)
        assert is_funding_signature(unsigned, funding, funding.remote_funding_pubkey, remote)
        assert not is_funding_signature(unsigned, funding, funding.remote_funding_pubkey, local)
        signed = unsigned.with_witness(0, funding_spend_witness(funding, local, remote))
        assert embedded_chain.check(signed.serialize()) is None
        swapped = unsigned.with_witness(0, funding_spend_witness(funding, remote, local))
        assert "script-verify-flag-failed" in str(embedded_chain.check(swapped.serialize()))
