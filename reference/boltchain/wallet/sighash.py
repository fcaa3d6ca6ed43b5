"""What a taproot key path signature signs (BIP 341), for signatures over all inputs and all outputs."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256

from boltchain.serialization import compact_size
from boltchain.spending import Draft
from boltchain.transaction import Output
from boltchain.wallet.hd import tagged_hash

_EPOCH, _SIGHASH_DEFAULT, _KEY_PATH_WITHOUT_ANNEX = b"\x00", b"\x00", b"\x00"
_VERSION = struct.pack("<i", 2)  # the version of every draft


def taproot_digest(draft: Draft, index: int, spent: Sequence[Output]) -> bytes:
    """The digest that input `index` signs under SIGHASH_DEFAULT: 32 bytes.

    `spent` holds the outputs that all inputs spend, in order. ValueError if their number differs from the inputs'.
    """
    if len(spent) != len(draft.inputs):
        msg = f"{len(draft.inputs)} inputs spend as many outputs, got {len(spent)}"
        raise ValueError(msg)
    message = [
        _EPOCH,
        _SIGHASH_DEFAULT,
        _VERSION,
        struct.pack("<I", draft.locktime),
        _sha256(used.previous.serialize() for used in draft.inputs),
        _sha256(struct.pack("<q", output.amount_sat) for output in spent),
        _sha256(_script(output) for output in spent),
        _sha256(struct.pack("<I", used.sequence) for used in draft.inputs),
        _sha256(struct.pack("<q", output.amount_sat) + _script(output) for output in draft.outputs),
        _KEY_PATH_WITHOUT_ANNEX,
        struct.pack("<I", index),
    ]
    return tagged_hash("TapSighash", b"".join(message))


def _sha256(parts: Iterable[bytes]) -> bytes:
    return sha256(b"".join(parts)).digest()


def _script(output: Output) -> bytes:
    return compact_size(len(output.script_pubkey)) + output.script_pubkey
