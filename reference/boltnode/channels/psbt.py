"""A signed transaction as a PSBT whose inputs are final (BIP 174), for programs that expect one."""

import base64
from dataclasses import replace

from boltwire.transaction import compact_size, parse_transaction, serialize_witness

_MAGIC = b"psbt\xff"
_UNSIGNED_TX, _FINAL_SCRIPTWITNESS = b"\x00", b"\x08"
_END_OF_MAP = b"\x00"


def finished_psbt(raw: bytes) -> str:
    """The transaction with its witnesses, in base64."""
    signed = parse_transaction(raw)
    unsigned = replace(signed, inputs=tuple(replace(entry, witness=()) for entry in signed.inputs))
    parts = [_MAGIC, _pair(_UNSIGNED_TX, unsigned.serialize()), _END_OF_MAP]
    for entry in signed.inputs:
        parts += [_pair(_FINAL_SCRIPTWITNESS, serialize_witness(entry.witness)), _END_OF_MAP]
    parts += [_END_OF_MAP] * len(signed.outputs)
    return base64.b64encode(b"".join(parts)).decode()


def _pair(key: bytes, value: bytes) -> bytes:
    return compact_size(len(key)) + key + compact_size(len(value)) + value
