"""Which transactions are standard: Bitcoin Core's relay rules that follow from a transaction and what it spends.

Left out: Bitcoin Core also runs scripts under rules that are stricter than consensus (minimal pushes, low S, clean
stacks and the like); the consensus library offers no such flags, so a script that only those rules forbid passes here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from boltchain.dust import witness_program
from boltchain.serialization import Reader
from boltchain.transaction import Output, Transaction

MAX_STANDARD_WEIGHT = 400_000
"""Heaviest transaction that is relayed, in weight units."""

MIN_STANDARD_NON_WITNESS_SIZE = 65
"""Bytes without witnesses; a transaction of 64 could pass for an inner node of the merkle tree."""

MAX_OP_RETURN_SIZE = 83
"""Longest output script that carries data, in bytes: OP_RETURN, a push, and 80 bytes of data."""

TRUC_VERSION = 3
"""Version of topologically restricted transactions (BIP 431)."""

ANCHOR_SCRIPT = b"\x51\x02\x4e\x73"
"""Pay to anchor: an output that anybody can spend, without a witness."""

_MAX_SCRIPT_SIG_SIZE = 1650
_MAX_P2WSH_SCRIPT_SIZE = 3600
_MAX_P2WSH_STACK_ITEMS = 100
_MAX_P2WSH_STACK_ITEM_SIZE = 80
_MAX_TAPSCRIPT_STACK_ITEM_SIZE = 80
_ANNEX_TAG = 0x50
_TAPSCRIPT_LEAF_VERSION = 0xC0
_LEAF_MASK = 0xFE
_OP_16, _OP_PUSHDATA1, _OP_PUSHDATA2, _OP_PUSHDATA4 = 0x60, 0x4C, 0x4D, 0x4E


class ScriptKind(StrEnum):
    """Bitcoin Core's names for the forms of output scripts."""

    NONSTANDARD = "nonstandard"
    PUBKEY = "pubkey"
    PUBKEYHASH = "pubkeyhash"
    SCRIPTHASH = "scripthash"
    MULTISIG = "multisig"
    NULLDATA = "nulldata"
    ANCHOR = "anchor"
    WITNESS_V0_KEYHASH = "witness_v0_keyhash"
    WITNESS_V0_SCRIPTHASH = "witness_v0_scripthash"
    WITNESS_V1_TAPROOT = "witness_v1_taproot"
    WITNESS_UNKNOWN = "witness_unknown"


@dataclass(frozen=True, slots=True)
class InputScripts:
    """What stands in a transaction's inputs beside the outpoints: signature script and witness stack of each."""

    script_sigs: tuple[bytes, ...]
    witnesses: tuple[tuple[bytes, ...], ...]


def input_scripts(transaction: Transaction) -> InputScripts:
    """Read the parts of a transaction that its parsed form leaves out."""
    reader = Reader(transaction.raw, 4)
    has_witness = transaction.raw[4:6] == b"\x00\x01"
    if has_witness:
        reader.take(2)
    script_sigs = []
    for _ in range(reader.compact_size()):
        reader.take(36)
        script_sigs.append(reader.sized())
        reader.take(4)
    witnesses: tuple[tuple[bytes, ...], ...] = ((),) * len(script_sigs)
    if has_witness:
        for _ in range(reader.compact_size()):
            reader.take(8)
            reader.sized()
        witnesses = tuple(tuple(reader.sized() for _ in range(reader.compact_size())) for _ in script_sigs)
    return InputScripts(tuple(script_sigs), witnesses)


def script_kind(script: bytes) -> ScriptKind:
    """The form of an output script."""
    if (program := witness_program(script)) is not None:
        return _witness_kind(script, *program)
    if len(script) == 23 and script[:2] == b"\xa9\x14" and script[-1:] == b"\x87":
        return ScriptKind.SCRIPTHASH
    if len(script) == 25 and script[:3] == b"\x76\xa9\x14" and script[-2:] == b"\x88\xac":
        return ScriptKind.PUBKEYHASH
    if script[:1] == b"\x6a" and is_push_only(script[1:]):
        return ScriptKind.NULLDATA
    if script[-1:] == b"\xac" and len(script) in (35, 67) and script[0] == len(script) - 2:
        return ScriptKind.PUBKEY
    return ScriptKind.MULTISIG if _is_bare_multisig(script) else ScriptKind.NONSTANDARD


def _witness_kind(script: bytes, version: int, program: bytes) -> ScriptKind:
    if version == 0:
        kinds = {20: ScriptKind.WITNESS_V0_KEYHASH, 32: ScriptKind.WITNESS_V0_SCRIPTHASH}
        return kinds.get(len(program), ScriptKind.NONSTANDARD)
    if version == 1 and len(program) == 32:
        return ScriptKind.WITNESS_V1_TAPROOT
    return ScriptKind.ANCHOR if script == ANCHOR_SCRIPT else ScriptKind.WITNESS_UNKNOWN


def _is_bare_multisig(script: bytes) -> bool:
    """Whether this is OP_m, up to three keys, OP_n, OP_CHECKMULTISIG."""
    if len(script) < 3 or script[-1] != 0xAE or not 0x51 <= script[0] <= 0x53 or not 0x51 <= script[-2] <= 0x53:
        return False
    keys, reader = 0, Reader(script[1:-2])
    while reader.offset < len(reader.data):
        size = reader.uint(1)
        if size not in (33, 65) or reader.offset + size > len(reader.data):
            return False
        reader.take(size)
        keys += 1
    return script[0] - 0x50 <= keys == script[-2] - 0x50


def is_push_only(script: bytes) -> bool:
    """Whether a script does nothing but push data."""
    reader = Reader(script)
    try:
        while reader.offset < len(script):
            opcode = reader.uint(1)
            if opcode > _OP_16:
                return False
            sizes = {_OP_PUSHDATA1: 1, _OP_PUSHDATA2: 2, _OP_PUSHDATA4: 4}
            if opcode in sizes:
                reader.take(reader.uint(sizes[opcode]))
            elif opcode < _OP_PUSHDATA1:
                reader.take(opcode)
    except ValueError:
        return False
    return True


def nonstandard_reason(transaction: Transaction, scripts: InputScripts) -> str | None:
    """Why the transaction itself is not standard, dust aside; None if it is."""
    if not 1 <= transaction.version <= TRUC_VERSION:
        return "version"
    if transaction.weight > MAX_STANDARD_WEIGHT:
        return "tx-size"
    for script_sig in scripts.script_sigs:
        if len(script_sig) > _MAX_SCRIPT_SIG_SIZE:
            return "scriptsig-size"
        if not is_push_only(script_sig):
            return "scriptsig-not-pushonly"
    carriers = 0
    for output in transaction.outputs:
        kind = script_kind(output.script_pubkey)
        carriers += kind is ScriptKind.NULLDATA
        too_long = kind is ScriptKind.NULLDATA and len(output.script_pubkey) > MAX_OP_RETURN_SIZE
        if kind is ScriptKind.NONSTANDARD or too_long:
            return "scriptpubkey"
    return "multi-op-return" if carriers > 1 else None


def nonstandard_inputs_reason(scripts: InputScripts, spent: Sequence[Output]) -> str | None:
    """Why the transaction may not spend these outputs in this way under relay rules; None if it may."""
    for script_sig, witness, output in zip(scripts.script_sigs, scripts.witnesses, spent, strict=True):
        kind = script_kind(output.script_pubkey)
        if kind in (ScriptKind.NONSTANDARD, ScriptKind.WITNESS_UNKNOWN):
            return "bad-txns-nonstandard-inputs"
        if witness and not _is_standard_witness(kind, script_sig, witness):
            return "bad-witness-nonstandard"
    return None


def _is_standard_witness(kind: ScriptKind, script_sig: bytes, witness: tuple[bytes, ...]) -> bool:
    if kind is ScriptKind.SCRIPTHASH:  # a nested witness program: the redeem script is the signature script's only push
        kind = script_kind(script_sig[1:])
    if kind is ScriptKind.WITNESS_V0_SCRIPTHASH:
        items = witness[:-1]
        small = all(len(item) <= _MAX_P2WSH_STACK_ITEM_SIZE for item in items)
        return len(witness[-1]) <= _MAX_P2WSH_SCRIPT_SIZE and len(items) <= _MAX_P2WSH_STACK_ITEMS and small
    if kind is ScriptKind.WITNESS_V1_TAPROOT:
        return _is_standard_taproot_witness(witness)
    return kind is ScriptKind.WITNESS_V0_KEYHASH


def _is_standard_taproot_witness(witness: tuple[bytes, ...]) -> bool:
    if len(witness) < 2:
        return True
    if witness[-1][:1] == bytes((_ANNEX_TAG,)):
        return False
    control = witness[-1]
    if control and control[0] & _LEAF_MASK == _TAPSCRIPT_LEAF_VERSION:
        return all(len(item) <= _MAX_TAPSCRIPT_STACK_ITEM_SIZE for item in witness[:-2])
    return bool(control)
