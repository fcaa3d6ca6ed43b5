"""The signatures of ``commitment_signed``: made by remote, checked by local, completed when local broadcasts.

Remote signs local's commitment transaction with its funding key and each HTLC transaction with its HTLC key of this
commitment. Signatures are 64 bytes, as on the wire (B03-appendix-b-s-01).
"""

from dataclasses import dataclass
from enum import Enum

from boltwire.commitment import BuiltCommitment
from boltwire.funding_spend import funding_spend_witness, is_funding_signature, sign_funding_spend
from boltwire.htlc_tx import build_htlc_transactions
from boltwire.keys import derive_private_key
from boltwire.secp256k1 import PrivateKey
from boltwire.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CommitmentSignatures:
    """What ``commitment_signed`` carries; field names as there."""

    signature: bytes
    htlc_signature: tuple[bytes, ...]
    """One per untrimmed HTLC, in the order of the commitment's outputs."""


def sign_commitment(
    commitment: BuiltCommitment, remote_funding_key: PrivateKey, remote_htlc_basepoint_secret: PrivateKey
) -> CommitmentSignatures:
    """Remote's signatures for local's commitment transaction and all of its HTLC transactions."""
    htlc_transactions = build_htlc_transactions(commitment)
    funding = commitment.params.terms.funding
    signature = sign_funding_spend(commitment.transaction, funding, remote_funding_key)
    if not htlc_transactions:
        return CommitmentSignatures(signature, ())
    htlc_key = derive_private_key(remote_htlc_basepoint_secret, commitment.params.per_commitment_point)
    return CommitmentSignatures(signature, tuple(htlc_key.sign(item.remote_digest()) for item in htlc_transactions))


class SignatureCheck(Enum):
    """What is wrong with received signatures: one value per rule of ``commitment_signed``."""

    VALID = "valid"
    BAD_SIGNATURE = "signature is not the funding key's for this commitment transaction"
    WRONG_NUMBER = "the number of htlc_signature is not that of untrimmed HTLCs"
    BAD_HTLC_SIGNATURE = "an htlc_signature is not the HTLC key's for its HTLC transaction"


def check_signatures(commitment: BuiltCommitment, signatures: CommitmentSignatures) -> SignatureCheck:
    """Whether these are all of remote's signatures for this commitment; one with a high S is bad.

    ValueError unless every signature has 64 bytes.
    """
    funding = commitment.params.terms.funding
    pubkey = funding.remote_funding_pubkey
    if not is_funding_signature(commitment.transaction, funding, pubkey, signatures.signature):
        return SignatureCheck.BAD_SIGNATURE
    htlc_transactions = build_htlc_transactions(commitment)
    if len(htlc_transactions) != len(signatures.htlc_signature):
        return SignatureCheck.WRONG_NUMBER
    htlc_pubkey = commitment.keys.remote_htlcpubkey
    for item, signature in zip(htlc_transactions, signatures.htlc_signature, strict=True):
        if not htlc_pubkey.verify(item.remote_digest(), signature):
            return SignatureCheck.BAD_HTLC_SIGNATURE
    return SignatureCheck.VALID


def complete_commitment(
    commitment: BuiltCommitment, remote_signature: bytes, local_funding_key: PrivateKey
) -> Transaction:
    """Local's commitment transaction ready for broadcast, from remote's 64-byte signature and local's key."""
    funding = commitment.params.terms.funding
    local_signature = sign_funding_spend(commitment.transaction, funding, local_funding_key)
    return commitment.transaction.with_witness(0, funding_spend_witness(funding, local_signature, remote_signature))
