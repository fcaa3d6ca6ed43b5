"""What inputs and outputs weigh, so that fees are exact before anything is signed. All in weight units (BIP 141)."""

from __future__ import annotations

from boltchain.serialization import compact_size
from boltchain.transaction import Output
from boltchain.wallet.keys import ECDSA_SIGNATURE_SIZE, KeyKind

WITNESS_SCALE = 4
"""Weight units of a byte outside of witnesses."""

BARE_INPUT_WEIGHT = WITNESS_SCALE * (36 + 1 + 4)
"""An input without its witness: outpoint, empty signature script, sequence."""

WITNESS_WEIGHT = {
    KeyKind.P2WPKH: 1 + (1 + ECDSA_SIGNATURE_SIZE) + (1 + 33),
    KeyKind.P2TR: 1 + (1 + 64),
}
"""The witness of an input of ours: number of items, and each with its length."""

SCRIPT_SIZE = {KeyKind.P2WPKH: 22, KeyKind.P2TR: 34}
"""Bytes of an output script of ours."""

DUST_LIMIT_SAT = {KeyKind.P2WPKH: 294, KeyKind.P2TR: 330}
"""Outputs below are not relayed (Bitcoin Core's dust limit at its default of 3 satoshi per vbyte)."""

_VERSION_LOCKTIME_WEIGHT = WITNESS_SCALE * (4 + 4)
_MARKER_AND_FLAG_WEIGHT = 2


def input_weight(kind: KeyKind) -> int:
    """An input that spends a coin of ours, witness included."""
    return BARE_INPUT_WEIGHT + WITNESS_WEIGHT[kind]


def output_weight(script_size: int) -> int:
    """An output whose script has so many bytes."""
    return WITNESS_SCALE * (8 + len(compact_size(script_size)) + script_size)


def transaction_weight(input_weights: list[int], outputs: list[Output]) -> int:
    """A segwit transaction with such inputs (witnesses included) and outputs."""
    counts = len(compact_size(len(input_weights))) + len(compact_size(len(outputs)))
    fixed = _VERSION_LOCKTIME_WEIGHT + _MARKER_AND_FLAG_WEIGHT + WITNESS_SCALE * counts
    return fixed + sum(input_weights) + sum(output_weight(len(output.script_pubkey)) for output in outputs)


def witness_weight(stack: list[bytes]) -> int:
    """A witness stack as it stands in a transaction."""
    return len(compact_size(len(stack))) + sum(len(compact_size(len(item))) + len(item) for item in stack)


def fee_sat(feerate_per_kw: int, weight: int) -> int:
    """The fee in satoshi for a weight at a feerate in satoshi per 1000 weight units, rounded up."""
    return -(-feerate_per_kw * weight // 1000)
