"""What either peer takes from a confirmed commitment transaction that is not revoked (BOLTs 3 and 5).

Local, its owner, takes ``to_local`` and the outputs of its HTLC transactions after ``to_self_delay``. Remote takes
``to_remote``, HTLCs offered by local with the preimage, and HTLCs received by local once they have expired. Each takes
its own anchor, and anybody takes what is left of anchors after 16 blocks.

Every function gives a :class:`~boltwire.spend.Spend`, and raises ValueError when the output has another role or the key
is not the one of the script.
"""

from boltwire.commitment import BuiltCommitment, OutputRole
from boltwire.commitment_format import CommitmentFormat
from boltwire.hashes import sha256
from boltwire.htlc_tx import HtlcTransaction
from boltwire.scripts import p2wpkh, p2wpkh_script_code, p2wsh, to_remote_anchors_script
from boltwire.secp256k1 import PrivateKey, PublicKey
from boltwire.spend import Spend
from boltwire.transaction import RBF_SEQUENCE, Outpoint, Transaction, TxInput
from boltwire.witnesses import (
    Witness,
    anchor_anybody_witness,
    delayed_tail,
    htlc_expired_tail,
    htlc_preimage_tail,
    key_tail,
    p2wpkh_tail,
)

ANCHOR_DELAY = 16
"""Blocks after which anybody can spend an anchor."""


def sweep_to_local(commitment: BuiltCommitment, local_delayed_key: PrivateKey) -> Spend | None:
    """Local takes its balance, ``to_self_delay`` blocks after confirmation; None if the output is trimmed."""
    vout = commitment.vout(OutputRole.TO_LOCAL)
    if vout is None:
        return None
    require_key(local_delayed_key, commitment.keys.local_delayedpubkey)
    tail, delay = delayed_tail(commitment.delayed_script), commitment.params.terms.to_self_delay
    return output_spend(commitment, vout, local_delayed_key, tail, sequence=delay)


def sweep_htlc_transaction(
    commitment: BuiltCommitment,
    htlc_transaction: HtlcTransaction,
    outpoint: Outpoint,
    local_delayed_key: PrivateKey,
) -> Spend:
    """Local takes the output of one of its HTLC transactions, ``to_self_delay`` blocks after that confirmed.

    ``outpoint`` is that of the confirmed transaction (:func:`boltwire.htlc_tx.second_stage_outpoint`).
    """
    require_key(local_delayed_key, commitment.keys.local_delayedpubkey)
    amount, script = htlc_transaction.transaction.outputs[0].amount_sat, htlc_transaction.output_script
    delay = commitment.params.terms.to_self_delay
    return Spend(outpoint, amount, script, local_delayed_key, delayed_tail(script), delay)


def sweep_to_remote(commitment: BuiltCommitment, remote_payment_key: PrivateKey) -> Spend | None:
    """Remote takes its balance, one block after confirmation with anchors; None if the output is trimmed."""
    if commitment.vout(OutputRole.TO_REMOTE) is None:
        return None
    require_key(remote_payment_key, commitment.keys.remotepubkey)
    return find_to_remote(commitment.transaction, remote_payment_key, commitment.params.terms.commitment_format)


def find_to_remote(
    transaction: Transaction, remote_payment_key: PrivateKey, commitment_format: CommitmentFormat
) -> Spend | None:
    """The same, given nothing but the commitment transaction: its script is the same in all commitments of local's.

    None if the transaction has no such output. So remote finds its balance in a commitment that it has no record of
    (B02-retransmission-r-03).
    """
    pubkey = remote_payment_key.public_key.encoded
    if commitment_format.has_anchors:
        script = to_remote_anchors_script(pubkey)
        output, code, tail, sequence = p2wsh(script), script, key_tail(script), 1
    else:
        output, code, tail, sequence = p2wpkh(pubkey), p2wpkh_script_code(pubkey), p2wpkh_tail(pubkey), RBF_SEQUENCE
    vout = next((at for at, made in enumerate(transaction.outputs) if made.script_pubkey == output), None)
    if vout is None:
        return None
    amount = transaction.outputs[vout].amount_sat
    return Spend(Outpoint(transaction.txid(), vout), amount, code, remote_payment_key, tail, sequence)


def claim_htlc_with_preimage(
    commitment: BuiltCommitment, vout: int, remote_htlc_key: PrivateKey, payment_preimage: bytes
) -> Spend:
    """Remote takes an HTLC that local offered; ValueError if the preimage is not that of its payment hash."""
    _require_role(commitment, vout, OutputRole.OFFERED_HTLC)
    require_key(remote_htlc_key, commitment.keys.remote_htlcpubkey)
    if sha256(payment_preimage) != commitment.htlc_at(vout).payment_hash:
        raise ValueError("the preimage does not belong to the payment hash")
    tail = htlc_preimage_tail(payment_preimage, commitment.outputs[vout].witness_script)
    return output_spend(commitment, vout, remote_htlc_key, tail, sequence=_direct_claim_sequence(commitment))


def claim_expired_htlc(commitment: BuiltCommitment, vout: int, remote_htlc_key: PrivateKey) -> Spend:
    """Remote takes back an HTLC that it offered (local received), once the chain has reached ``cltv_expiry``."""
    _require_role(commitment, vout, OutputRole.RECEIVED_HTLC)
    require_key(remote_htlc_key, commitment.keys.remote_htlcpubkey)
    tail = htlc_expired_tail(commitment.outputs[vout].witness_script)
    sequence, expiry = _direct_claim_sequence(commitment), commitment.htlc_at(vout).cltv_expiry
    return output_spend(commitment, vout, remote_htlc_key, tail, sequence=sequence, locktime=expiry)


def sweep_anchor(commitment: BuiltCommitment, role: OutputRole, funding_key: PrivateKey) -> Spend | None:
    """The owner of an anchor takes it, to make a child pay for the commitment; None if there is no such output.

    ``role`` is ``TO_LOCAL_ANCHOR`` or ``TO_REMOTE_ANCHOR``.
    """
    vout, funding = commitment.vout(role), commitment.params.terms.funding
    is_local = role is OutputRole.TO_LOCAL_ANCHOR
    if vout is None:
        return None
    require_key(funding_key, funding.local_funding_pubkey if is_local else funding.remote_funding_pubkey)
    return output_spend(commitment, vout, funding_key, key_tail(commitment.outputs[vout].witness_script))


def abandoned_anchor_input(commitment: BuiltCommitment, vout: int) -> TxInput:
    """The input by which anybody takes an anchor 16 blocks after confirmation: no signature is needed."""
    if commitment.outputs[vout].role not in {OutputRole.TO_LOCAL_ANCHOR, OutputRole.TO_REMOTE_ANCHOR}:
        raise ValueError(f"output {vout} is not an anchor")
    script = commitment.outputs[vout].witness_script
    return TxInput(commitment.outpoint(vout), ANCHOR_DELAY, witness=anchor_anybody_witness(script))


def output_spend(
    commitment: BuiltCommitment,
    vout: int,
    key: PrivateKey,
    witness_tail: Witness,
    *,
    sequence: int = RBF_SEQUENCE,
    locktime: int = 0,
) -> Spend:
    """The spend of a p2wsh output of ``commitment`` by ``key``."""
    output = commitment.outputs[vout]
    outpoint = commitment.outpoint(vout)
    return Spend(outpoint, output.output.amount_sat, output.witness_script, key, witness_tail, sequence, locktime)


def require_key(key: PrivateKey, pubkey: PublicKey) -> None:
    """ValueError unless ``key`` is the secret of ``pubkey``: a wrong key would make an invalid transaction."""
    if key.public_key != pubkey:
        raise ValueError(f"the key of {pubkey.encoded.hex()} is needed, not that of {key.public_key.encoded.hex()}")


def _require_role(commitment: BuiltCommitment, vout: int, role: OutputRole) -> None:
    if commitment.outputs[vout].role is not role:
        raise ValueError(f"output {vout} is {commitment.outputs[vout].role.value}, not {role.value}")


def _direct_claim_sequence(commitment: BuiltCommitment) -> int:
    """With anchors the scripts demand one block; without, any sequence that keeps the lock time alive."""
    commitment_format = commitment.params.terms.commitment_format
    return commitment_format.htlc_sequence if commitment_format.has_anchors else RBF_SEQUENCE
