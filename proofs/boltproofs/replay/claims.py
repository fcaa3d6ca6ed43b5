"""Real transactions for the model's paths: what a party can put together to spend an output, ready or not.

A claim is made even when the model says that it must fail: with a guessed key where a secret is missing, and as it
stands where a lock is still closed. Whether it succeeds is for consensus to say.
"""

from __future__ import annotations

from dataclasses import replace

from boltproofs.replay.coins import Coin
from boltproofs.replay.keyring import payment_preimage
from boltproofs.replay.party import Party
from boltspec.commitment import CommittedHtlc
from boltspec.outputs import Kind, Need, Path, Use
from boltwire.commitment import BuiltCommitment
from boltwire.commitment_signatures import CommitmentSignatures
from boltwire.htlc_tx import build_htlc_transaction, second_stage_outpoint
from boltwire.penalty import penalise_htlc, penalise_htlc_transaction, penalise_to_local
from boltwire.secp256k1 import PrivateKey
from boltwire.spend import Spend, sign_spends
from boltwire.sweep import (
    claim_expired_htlc,
    claim_htlc_with_preimage,
    output_spend,
    sweep_htlc_transaction,
    sweep_to_local,
    sweep_to_remote,
)
from boltwire.transaction import RBF_SEQUENCE, Transaction, TxInput, TxOutput
from boltwire.witnesses import Witness, htlc_revocation_tail, revocation_tail


class Impossible(Exception):
    """A party lacks something without which there is no transaction to offer at all."""


def claim(party: Party, built: BuiltCommitment, coin: Coin, path: Path, htlc: CommittedHtlc | None) -> Transaction:
    """The transaction by which a party takes a coin by a path.

    It pays no fee, as the model leaves wallet fees out. Raises :class:`Impossible` when it cannot be written down.
    """
    if path.use in {Use.HTLC_TIMEOUT, Use.HTLC_SUCCESS}:
        preimage = None if htlc is None or path.need is not Need.PREIMAGE else payment_preimage(htlc.payment_hash)
        return _second_stage(party, built, coin, preimage)
    return pay_to_wallet(party, _spend(party, built, coin, path, htlc))


def hurried(party: Party, built: BuiltCommitment, coin: Coin, path: Path, htlc: CommittedHtlc | None) -> Transaction:
    """The same claim without the locks that the script demands: so it is the script that must refuse it."""
    spend = _spend(party, built, coin, path, htlc)
    # With anchors every claim of the other party waits one block by its sequence: that lock is open and stays.
    sequence = RBF_SEQUENCE if path.need is Need.DELAY else spend.sequence
    return pay_to_wallet(party, replace(spend, sequence=sequence, locktime=0))


def to_remote_sweep(party: Party, built: BuiltCommitment) -> Transaction | None:
    """The other party's spend of its ``to_remote``; ``None`` if that is trimmed."""
    spend = sweep_to_remote(built, party.keys.basepoint_secrets.payment_basepoint_secret)
    return None if spend is None else pay_to_wallet(party, spend)


def pay_to_wallet(party: Party, spend: Spend) -> Transaction:
    """The signed transaction that moves a coin to the party's wallet, without a fee."""
    tx_input = TxInput(spend.outpoint, spend.sequence)
    output = TxOutput(spend.amount_sat, party.keys.wallet_script)
    return sign_spends(Transaction((tx_input,), (output,), spend.locktime), (spend,))


def _second_stage(party: Party, built: BuiltCommitment, coin: Coin, preimage: bytes | None) -> Transaction:
    held = next((held for held in party.held if held is not None and held.built.txid == built.txid), None)
    signature = None if held is None else _htlc_signature(built, coin.vout, held.signatures)
    if signature is None:
        raise Impossible("the peer has signed no HTLC transaction for this output")
    transaction = build_htlc_transaction(built, coin.vout)
    return transaction.complete(signature, party.htlc_key(built), preimage)


def _htlc_signature(built: BuiltCommitment, vout: int, signatures: CommitmentSignatures) -> bytes | None:
    by_vout = dict(zip(built.htlc_vouts(), signatures.htlc_signature, strict=False))  # a wrong number may be let pass
    return by_vout.get(vout)


def _spend(party: Party, built: BuiltCommitment, coin: Coin, path: Path, htlc: CommittedHtlc | None) -> Spend:
    match path.use:
        case Use.REVOCATION:
            return _revocation(party, built, coin)
        case Use.DELAYED:
            return _delayed(party, built, coin)
        case Use.CLAIM_EXPIRED:
            return claim_expired_htlc(built, coin.vout, party.htlc_key(built))
        case Use.CLAIM_WITH_PREIMAGE:
            assert htlc is not None
            preimage = payment_preimage(htlc.payment_hash)
            return claim_htlc_with_preimage(built, coin.vout, party.htlc_key(built), preimage)
        case _:
            raise ValueError(f"{path.use} is no direct spend")


def _delayed(party: Party, built: BuiltCommitment, coin: Coin) -> Spend:
    key = party.delayed_key(built)
    if coin.second_stage is not None:
        return sweep_htlc_transaction(built, coin.second_stage, coin.outpoint, key)
    spend = sweep_to_local(built, key)
    assert spend is not None, "a coin is never trimmed"
    return spend


def _revocation(party: Party, built: BuiltCommitment, coin: Coin) -> Spend:
    """A penalty; with a wrong key still in the right form, which ``boltwire`` would refuse to make."""
    key = party.revocation_key(built.params.commitment_number)
    if key.public_key != built.keys.revocationpubkey:
        return _forged_revocation(built, coin, key)
    if coin.second_stage is not None:
        return penalise_htlc_transaction(built, coin.second_stage, coin.outpoint, key)
    if coin.kind is Kind.TO_LOCAL:
        spend = penalise_to_local(built, key)
        assert spend is not None, "a coin is never trimmed"
        return spend
    return penalise_htlc(built, coin.vout, key)


def _forged_revocation(built: BuiltCommitment, coin: Coin, key: PrivateKey) -> Spend:
    if coin.second_stage is not None:
        script = coin.second_stage.output_script
        return Spend(coin.outpoint, coin.output.amount_sat, script, key, revocation_tail(script))
    script = built.outputs[coin.vout].witness_script
    tail: Witness = (
        revocation_tail(script)
        if coin.kind is Kind.TO_LOCAL
        else htlc_revocation_tail(built.keys.revocationpubkey.encoded, script)
    )
    return output_spend(built, coin.vout, key, tail)


def second_stage_coin(built: BuiltCommitment, coin: Coin, kind: Kind, transaction: Transaction) -> Coin:
    """The output that a confirmed HTLC transaction made of an HTLC output."""
    made = build_htlc_transaction(built, coin.vout)
    return Coin(kind, coin.vout, second_stage_outpoint(transaction), transaction.outputs[0], made)
