"""The JSON that the node answers with: field names and units are Bitcoin Core's, numbers never pass through floats."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from boltchain.addresses import address_of
from boltchain.block import HEADER_SIZE, REGTEST_BITS, Block
from boltchain.server.chainstate import IndexEntry
from boltchain.server.node import RegtestNode
from boltchain.server.pool import Pool, Waiting
from boltchain.server.standard import input_scripts, script_kind
from boltchain.transaction import Input, Output, Transaction, display

SAT_PER_BITCOIN = Decimal(100_000_000)

WORK_PER_BLOCK = 2
"""Expected hashes for a block at regtest's target."""

NETWORK = "regtest"
"""The only network that is served."""


def bitcoin(amount_sat: int) -> Decimal:
    """An amount as the node states it: bitcoin with eight decimals."""
    return (Decimal(amount_sat) / SAT_PER_BITCOIN).quantize(Decimal("0.00000001"))


def encode(value: Any) -> str:
    """JSON text. Decimals keep their digits; everything else is as in `json.dumps`."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{encode(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(encode, value)) + "]"
    return json.dumps(value)


def script_json(script_pubkey: bytes) -> dict[str, Any]:
    """An output script."""
    found: dict[str, Any] = {"hex": script_pubkey.hex(), "type": script_kind(script_pubkey)}
    try:
        return found | {"address": address_of(script_pubkey, NETWORK)}
    except ValueError:
        return found


def transaction_json(transaction: Transaction) -> dict[str, Any]:
    """A transaction with its inputs and outputs."""
    scripts = input_scripts(transaction)
    inputs = zip(transaction.inputs, scripts.script_sigs, scripts.witnesses, strict=True)
    return {
        "txid": display(transaction.txid),
        "hash": display(transaction.wtxid),
        "version": transaction.version,
        "size": len(transaction.raw),
        "vsize": transaction.vsize,
        "weight": transaction.weight,
        "locktime": transaction.locktime,
        "vin": [_input_json(used, sig, witness, transaction.is_coinbase) for used, sig, witness in inputs],
        "vout": [_output_json(number, output) for number, output in enumerate(transaction.outputs)],
        "hex": transaction.raw.hex(),
    }


def _input_json(used: Input, script_sig: bytes, witness: tuple[bytes, ...], coinbase: bool) -> dict[str, Any]:
    source: dict[str, Any] = {"coinbase": script_sig.hex()}
    if not coinbase:
        txid = display(used.previous.txid)
        source = {"txid": txid, "vout": used.previous.vout, "scriptSig": {"hex": script_sig.hex()}}
    if witness:
        source["txinwitness"] = [item.hex() for item in witness]
    return source | {"sequence": used.sequence}


def _output_json(number: int, output: Output) -> dict[str, Any]:
    return {"value": bitcoin(output.amount_sat), "n": number, "scriptPubKey": script_json(output.script_pubkey)}


def confirmations(node: RegtestNode, entry: IndexEntry) -> int:
    """Blocks of the best chain from this one on; -1 outside of it."""
    return node.chain.height + 1 - entry.height if node.chain.is_active(entry) else -1


def header_json(node: RegtestNode, entry: IndexEntry, raw: bytes) -> dict[str, Any]:
    """The header of a block, `raw` being at least its first 80 bytes; with its place in the tree."""
    version, nonce = (int.from_bytes(raw[at : at + 4], "little") for at in (0, 76))
    active = node.chain.is_active(entry)
    above = node.chain.books.hash_at(entry.height + 1) if active else None
    found: dict[str, Any] = {
        "hash": display(entry.hash),
        "confirmations": confirmations(node, entry),
        "height": entry.height,
        "version": version,
        "versionHex": f"{version:08x}",
        "merkleroot": display(raw[36:68]),
        "time": entry.time,
        "mediantime": _median_time(node, entry),
        "nonce": nonce,
        "bits": f"{REGTEST_BITS:08x}",
        "chainwork": chainwork(entry.height),
    }
    if entry.height:
        found["previousblockhash"] = display(entry.previous)
    return found if above is None else found | {"nextblockhash": display(above)}


def chainwork(height: int) -> str:
    """Work of a chain up to this height, in hexadecimal."""
    return f"{WORK_PER_BLOCK * (height + 1):064x}"


def _median_time(node: RegtestNode, entry: IndexEntry) -> int:
    """Median time of the eleven blocks that end at this one, on whatever branch."""
    times: list[int] = []
    step: IndexEntry | None = entry
    while step is not None and len(times) < 11:
        times.append(step.time)
        step = node.chain.entry(step.previous)
    return sorted(times)[len(times) // 2]


def block_json(
    node: RegtestNode, entry: IndexEntry, block: Block, describe: Callable[[Transaction], Any]
) -> dict[str, Any]:
    """A block whose transactions are described by `describe`."""
    return header_json(node, entry, block.raw[:HEADER_SIZE]) | {
        "nTx": len(block.transactions),
        "size": len(block.raw),
        "tx": [describe(transaction) for transaction in block.transactions],
    }


def waiting_json(pool: Pool, entry: Waiting) -> dict[str, Any]:
    """A waiting transaction with what its relatives weigh and pay."""
    ancestors = [*pool.ancestors(entry.transaction), entry]
    descendants = pool.with_descendants([entry])
    return {
        "vsize": entry.vsize,
        "weight": entry.transaction.weight,
        "time": entry.time,
        "height": entry.height,
        "ancestorcount": len(ancestors),
        "ancestorsize": sum(each.vsize for each in ancestors),
        "descendantcount": len(descendants),
        "descendantsize": sum(each.vsize for each in descendants),
        "wtxid": display(entry.transaction.wtxid),
        "fees": {
            "base": bitcoin(entry.fee_sat),
            "modified": bitcoin(entry.fee_sat),
            "ancestor": bitcoin(sum(each.fee_sat for each in ancestors)),
            "descendant": bitcoin(sum(each.fee_sat for each in descendants)),
        },
        "depends": [display(each.txid) for each in pool.parents(entry.transaction)],
        "spentby": [display(each.txid) for each in pool.children(entry.transaction)],
        "bip125-replaceable": True,
        "unbroadcast": False,
    }
