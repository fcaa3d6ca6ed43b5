"""What a signature signs: the BIP 143 digest of segwit version 0 inputs.

A signature in a witness is DER followed by one byte, its sighash type. In Lightning it is ``SIGHASH_ALL``: everything
is signed (B03-appendix-b-b-01). The exception are the peer's signatures of HTLC transactions in anchor channels, which
leave room for inputs and outputs that pay the fee (BOLT 5, B05-htlc-tx-b-01).
"""

from struct import Struct

from boltwire.hashes import sha256d
from boltwire.secp256k1 import PrivateKey, signature_to_der
from boltwire.transaction import Transaction, compact_size

SIGHASH_ALL = 0x01
"""All inputs and all outputs are signed."""

SIGHASH_SINGLE_ANYONECANPAY = 0x83
"""Only this input and the output with the same index are signed."""

_ZERO = bytes(32)
_U32 = Struct("<I")
_AMOUNT_SEQUENCE = Struct("<qI")
_LOCKTIME_TYPE = Struct("<II")


class SegwitDigests:
    """The BIP 143 digests of one transaction: what its inputs have in common is hashed once."""

    __slots__ = ("_everything", "_transaction")

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._everything: tuple[bytes, bytes, bytes] | None = None

    def _hash_everything(self) -> tuple[bytes, bytes, bytes]:
        """The hashes of all outpoints, all sequences and all outputs, which only ``SIGHASH_ALL`` needs."""
        tx = self._transaction
        return (
            sha256d(b"".join([item.outpoint.serialize() for item in tx.inputs])),
            sha256d(b"".join([_U32.pack(item.sequence) for item in tx.inputs])),
            sha256d(b"".join([output.serialize() for output in tx.outputs])),
        )

    def digest(self, index: int, script_code: bytes, amount_sat: int, sighash_type: int = SIGHASH_ALL) -> bytes:
        """The 32 bytes to be signed for input ``index``.

        ``script_code`` is the witness script of p2wsh or the p2pkh script of the key of p2wpkh; ``amount_sat`` the
        amount of the spent output. ValueError for a sighash type that Lightning does not use, or for the type
        ``SIGHASH_SINGLE|SIGHASH_ANYONECANPAY`` when there is no output with the input's index.
        """
        tx = self._transaction
        if sighash_type == SIGHASH_ALL:
            if self._everything is None:
                self._everything = self._hash_everything()
            outpoints, sequences, outputs = self._everything
        elif sighash_type == SIGHASH_SINGLE_ANYONECANPAY:
            if index >= len(tx.outputs):
                raise ValueError(f"input {index} has no output of the same index to be signed")
            outpoints, sequences, outputs = _ZERO, _ZERO, sha256d(tx.outputs[index].serialize())
        else:
            raise ValueError(f"sighash type {sighash_type:#04x} is not used in Lightning")
        spent = tx.inputs[index]
        common = _U32.pack(tx.version & 0xFFFFFFFF) + outpoints + sequences
        own = spent.outpoint.serialize() + compact_size(len(script_code)) + script_code
        amount_sequence = _AMOUNT_SEQUENCE.pack(amount_sat, spent.sequence)
        return sha256d(common + own + amount_sequence + outputs + _LOCKTIME_TYPE.pack(tx.locktime, sighash_type))


def sign_for_witness(key: PrivateKey, digest: bytes, sighash_type: int = SIGHASH_ALL) -> bytes:
    """A signature as it stands in a witness: DER and the sighash type, at most 73 bytes."""
    return witness_signature(key.sign(digest), sighash_type)


def witness_signature(signature: bytes, sighash_type: int = SIGHASH_ALL) -> bytes:
    """A 64-byte signature from a message (B03-appendix-b-s-01) as it stands in a witness: DER and sighash type."""
    return signature_to_der(signature) + bytes((sighash_type,))
