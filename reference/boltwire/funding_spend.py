"""Spending the funding output together: signatures of both funding keys, for whichever transaction spends it.

Commitment, closing and splice transactions do. Signatures are 64 bytes, made with ``SIGHASH_ALL``
(B03-appendix-b-b-01, B03-appendix-b-s-01).
"""

from boltwire.funding import FundingOutput
from boltwire.secp256k1 import PrivateKey, PublicKey
from boltwire.sighash import SegwitDigests, witness_signature
from boltwire.transaction import Transaction
from boltwire.witnesses import Witness, funding_witness


def funding_digest(transaction: Transaction, funding: FundingOutput, index: int = 0) -> bytes:
    """The 32 bytes that both funding keys sign, for input ``index`` of ``transaction``."""
    return SegwitDigests(transaction).digest(index, funding.witness_script(), funding.amount_sat)


def sign_funding_spend(transaction: Transaction, funding: FundingOutput, key: PrivateKey, index: int = 0) -> bytes:
    """One peer's signature (64 bytes)."""
    return key.sign(funding_digest(transaction, funding, index))


def is_funding_signature(
    transaction: Transaction, funding: FundingOutput, pubkey: PublicKey, signature: bytes, *, index: int = 0
) -> bool:
    """Whether ``signature`` (64 bytes) is that of the funding key ``pubkey``; one with a high S never is."""
    return pubkey.verify(funding_digest(transaction, funding, index), signature)


def funding_spend_witness(funding: FundingOutput, local_signature: bytes, remote_signature: bytes) -> Witness:
    """The witness of both 64-byte signatures, of the keys that ``funding`` calls local and remote."""
    return funding_witness(
        witness_signature(local_signature),
        funding.local_funding_pubkey.encoded,
        witness_signature(remote_signature),
        funding.remote_funding_pubkey.encoded,
        funding.witness_script(),
    )
