"""What remote takes from a revoked commitment transaction of local: everything (BOLT 5, Revoked Transaction Close).

With local's per-commitment secret remote knows the revocation key
(:func:`boltwire.keys.derive_revocation_private_key`). It takes ``to_local`` (B05-revoked-commit-l-03) and HTLC outputs
(B05-revoked-commit-l-04, B05-revoked-commit-l-07), or, where local was faster, the outputs of its HTLC transactions
(B05-revoked-commit-l-10, B05-revoked-commit-l-11). None of these waits for a delay; they race with local's claims.

The revoked :class:`~boltwire.commitment.BuiltCommitment` is rebuilt from what was stored about it; the commitment
number in the transaction's locks tells which (:func:`boltwire.funding.read_commitment_number`). ``to_remote`` is taken
by :func:`boltwire.sweep.sweep_to_remote`, and may join the same transaction.

Functions raise ValueError when the key is not the commitment's revocation key.
"""

from boltwire.commitment import BuiltCommitment, OutputRole
from boltwire.htlc_tx import HtlcTransaction
from boltwire.secp256k1 import PrivateKey
from boltwire.spend import Spend
from boltwire.sweep import output_spend, require_key
from boltwire.transaction import Outpoint
from boltwire.witnesses import htlc_revocation_tail, revocation_tail


def penalise_to_local(commitment: BuiltCommitment, revocation_key: PrivateKey) -> Spend | None:
    """Take local's balance; None if the output is trimmed."""
    vout = commitment.vout(OutputRole.TO_LOCAL)
    if vout is None:
        return None
    require_key(revocation_key, commitment.keys.revocationpubkey)
    return output_spend(commitment, vout, revocation_key, revocation_tail(commitment.delayed_script))


def penalise_htlc(commitment: BuiltCommitment, vout: int, revocation_key: PrivateKey) -> Spend:
    """Take the HTLC output ``vout``, offered or received; ValueError if that output is not an HTLC."""
    commitment.htlc_at(vout)
    require_key(revocation_key, commitment.keys.revocationpubkey)
    tail = htlc_revocation_tail(revocation_key.public_key.encoded, commitment.outputs[vout].witness_script)
    return output_spend(commitment, vout, revocation_key, tail)


def penalise_htlc_transaction(
    commitment: BuiltCommitment, htlc_transaction: HtlcTransaction, outpoint: Outpoint, revocation_key: PrivateKey
) -> Spend:
    """Take the output of an HTLC transaction that local has confirmed.

    ``outpoint`` is that output in the confirmed transaction, which with anchors may hold other inputs and outputs too
    (:func:`boltwire.htlc_tx.second_stage_outpoint`).
    """
    require_key(revocation_key, commitment.keys.revocationpubkey)
    amount, script = htlc_transaction.transaction.outputs[0].amount_sat, htlc_transaction.output_script
    return Spend(outpoint, amount, script, revocation_key, revocation_tail(script))


def penalise_commitment(commitment: BuiltCommitment, revocation_key: PrivateKey) -> tuple[Spend, ...]:
    """Take ``to_local`` and all HTLC outputs while local has spent none of them; empty if all are trimmed."""
    main = penalise_to_local(commitment, revocation_key)
    htlcs = tuple(penalise_htlc(commitment, vout, revocation_key) for vout in commitment.htlc_vouts())
    return htlcs if main is None else (main, *htlcs)
