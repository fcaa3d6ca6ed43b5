"""When an output is not worth having: Bitcoin Core's dust limit, and outputs that can never be spent at all."""

from __future__ import annotations

from boltchain.serialization import compact_size
from boltchain.transaction import Output

DUST_FEERATE_SAT_PER_KVB = 3_000
"""Satoshi per 1000 vbytes at which spending an output must not cost more than the output holds."""

MAX_SCRIPT_SIZE = 10_000
"""Longer output scripts can never be executed: consensus forgets such outputs, as it does those of OP_RETURN."""

_OP_RETURN = b"\x6a"
_OP_1, _OP_16 = 0x51, 0x60
_WITNESS_SPEND_SIZE, _LEGACY_SPEND_SIZE = 67, 148


def is_unspendable(script_pubkey: bytes) -> bool:
    """Whether consensus keeps no output with this script, since nothing can ever spend it."""
    return script_pubkey[:1] == _OP_RETURN or len(script_pubkey) > MAX_SCRIPT_SIZE


def witness_program(script: bytes) -> tuple[int, bytes] | None:
    """Version and program of a witness output script (BIP 141); None if the script is none."""
    if not 4 <= len(script) <= 42 or script[1] != len(script) - 2:
        return None
    if script[0] == 0:
        return 0, script[2:]
    return (script[0] - _OP_1 + 1, script[2:]) if _OP_1 <= script[0] <= _OP_16 else None


def dust_limit_sat(output: Output, feerate_sat_per_kvb: int = DUST_FEERATE_SAT_PER_KVB) -> int:
    """The amount below which an output is dust: what making and spending it costs at that feerate, in satoshi."""
    if is_unspendable(output.script_pubkey):
        return 0
    size = 8 + len(compact_size(len(output.script_pubkey))) + len(output.script_pubkey)
    spend_size = _LEGACY_SPEND_SIZE if witness_program(output.script_pubkey) is None else _WITNESS_SPEND_SIZE
    return (size + spend_size) * feerate_sat_per_kvb // 1000
