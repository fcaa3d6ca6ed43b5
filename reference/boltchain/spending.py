"""Making transactions that spend: drafts, their BIP 143 digests, and single keys that sign them.

Enough for tests, faucets and replays to pay and be paid. All inputs are native segwit version 0.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from bitcointx.core import Hash160
from coincurve import PrivateKey

from boltchain.serialization import compact_size, double_sha256
from boltchain.transaction import Input, Output

SIGHASH_ALL = 1
"""The signature covers all inputs and all outputs."""

_VERSION = struct.pack("<i", 2)  # relative locks (BIP 68) need version 2


def p2wsh_script(witness_script: bytes) -> bytes:
    """The output script that pays to a witness script (34 bytes)."""
    return b"\x00\x20" + sha256(witness_script).digest()


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction of version 2 without its witnesses.

    `locktime` is a height, or Unix seconds from 500,000,000 on (BIP 65).
    """

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    locktime: int = 0

    def digest(self, index: int, script_code: bytes, amount_sat: int) -> bytes:
        """What the signature of input `index`, worth `amount_sat`, signs under SIGHASH_ALL (BIP 143): 32 bytes.

        `script_code` is the witness script, or for a key hash the script that BIP 143 puts in its place.
        """
        outpoints = b"".join(spent.previous.serialize() for spent in self.inputs)
        sequences = b"".join(struct.pack("<I", spent.sequence) for spent in self.inputs)
        signed = self.inputs[index]
        preimage = _VERSION + double_sha256(outpoints) + double_sha256(sequences) + signed.previous.serialize()
        preimage += compact_size(len(script_code)) + script_code + struct.pack("<q", amount_sat)
        preimage += struct.pack("<I", signed.sequence) + double_sha256(b"".join(map(_serialize_output, self.outputs)))
        return double_sha256(preimage + struct.pack("<II", self.locktime, SIGHASH_ALL))

    def with_witnesses(self, witnesses: Sequence[Sequence[bytes]]) -> bytes:
        """The serialized transaction. ValueError unless there is one witness stack per input."""
        if len(witnesses) != len(self.inputs):
            msg = f"{len(self.inputs)} inputs need as many witness stacks, got {len(witnesses)}"
            raise ValueError(msg)
        parts = [_VERSION, b"\x00\x01", compact_size(len(self.inputs))]
        for spent in self.inputs:
            parts += [spent.previous.serialize(), b"\x00", struct.pack("<I", spent.sequence)]
        parts += [compact_size(len(self.outputs)), *map(_serialize_output, self.outputs)]
        for stack in witnesses:
            parts += [compact_size(len(stack)), *(compact_size(len(item)) + item for item in stack)]
        return b"".join([*parts, struct.pack("<I", self.locktime)])


def _serialize_output(output: Output) -> bytes:
    return struct.pack("<q", output.amount_sat) + compact_size(len(output.script_pubkey)) + output.script_pubkey


class SigningKey:
    """A private key (32 bytes, big-endian) with the pay-to-witness-public-key-hash script that it opens."""

    def __init__(self, secret: bytes) -> None:
        self._private = PrivateKey(secret)
        self.public = self._private.public_key.format()
        """The compressed public key, 33 bytes."""
        self._key_hash = Hash160(self.public)

    @property
    def script_pubkey(self) -> bytes:
        """The output script that pays to this key (22 bytes)."""
        return b"\x00\x14" + self._key_hash

    def sign(self, digest: bytes) -> bytes:
        """A signature over the digest as it stands in a witness: DER and the SIGHASH_ALL byte."""
        return self._private.sign(digest, hasher=None) + bytes((SIGHASH_ALL,))

    def witness(self, draft: Draft, index: int, amount_sat: int) -> list[bytes]:
        """The witness that opens input `index`, which spends `amount_sat` paid to this key."""
        script_code = b"\x76\xa9\x14" + self._key_hash + b"\x88\xac"
        return [self.sign(draft.digest(index, script_code, amount_sat)), self.public]
