"""RPC methods about the chain: blocks, transactions in them, and unspent outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from boltchain.block import HEADER_SIZE, parse_block
from boltchain.server.answers import NETWORK, bitcoin, block_json, chainwork, header_json, script_json, transaction_json
from boltchain.server.node import RegtestNode
from boltchain.server.parameters import (
    NOT_FOUND,
    PARAMETER,
    Failure,
    as_entry,
    as_hash,
    as_list,
    as_number,
    as_output_script,
    as_transaction,
)
from boltchain.server.registry import method
from boltchain.transaction import OutPoint, Transaction, Txid, display


@method
def getblockchaininfo(node: RegtestNode) -> dict[str, Any]:
    """State of the best chain."""
    chain = node.chain
    tip = chain.entry(chain.tip)
    assert tip is not None
    return {
        "chain": NETWORK,
        "blocks": chain.height,
        "headers": chain.height,
        "bestblockhash": display(chain.tip),
        "time": tip.time,
        "mediantime": chain.books.median_time_past(chain.height),
        "verificationprogress": 1,
        "initialblockdownload": False,
        "chainwork": chainwork(chain.height),
        "pruned": False,
        "warnings": [],
    }


@method
def getblockcount(node: RegtestNode) -> int:
    """Height of the best block."""
    return node.chain.height


@method
def getbestblockhash(node: RegtestNode) -> str:
    """Hash of the best block."""
    return display(node.chain.tip)


@method
def getblockhash(node: RegtestNode, height: Any) -> str:
    """Hash of the best chain's block at a height."""
    found = node.chain.books.hash_at(as_number(height, "height", low=-(2**31)))
    if found is None:
        raise Failure(PARAMETER, "Block height out of range")
    return display(found)


@method
def getblockheader(node: RegtestNode, blockhash: Any, verbose: Any = True) -> Any:
    """A block's header, as an object or in hexadecimal."""
    entry = as_entry(node, blockhash)
    raw = node.chain.raw_block(entry)[:HEADER_SIZE]
    return header_json(node, entry, raw) if verbose else raw.hex()


@method
def getblock(node: RegtestNode, blockhash: Any, verbosity: Any = 1) -> Any:
    """A block: in hexadecimal (0), with the ids of its transactions (1), with its transactions (2)."""
    entry = as_entry(node, blockhash)
    raw = node.chain.raw_block(entry)
    level = int(verbosity) if isinstance(verbosity, bool) else as_number(verbosity, "verbosity", high=3)
    if level == 0:
        return raw.hex()
    describe: Callable[[Transaction], Any] = transaction_json
    if level == 1:
        describe = lambda transaction: display(transaction.txid)  # noqa: E731
    return block_json(node, entry, parse_block(raw), describe)


@method
def getrawtransaction(node: RegtestNode, txid: Any, verbosity: Any = 0, blockhash: Any = None) -> Any:
    """A transaction of the mempool, or of the block that is named."""
    wanted = Txid(as_hash(txid, "txid"))
    if blockhash is None:
        waiting = node.pool.get(wanted)
        found = None if waiting is None else waiting.transaction
    else:
        block = parse_block(node.chain.raw_block(as_entry(node, blockhash)))
        found = next((each for each in block.transactions if each.txid == wanted), None)
    if found is None:
        where = "mempool (name its block for a confirmed one)" if blockhash is None else "the provided block"
        raise Failure(NOT_FOUND, f"No such transaction found in {where}")
    return transaction_json(found) if verbosity else found.raw.hex()


@method
def decoderawtransaction(node: RegtestNode, hexstring: Any) -> dict[str, Any]:
    """A serialized transaction as an object."""
    del node
    return transaction_json(as_transaction(hexstring))


@method
def gettxout(node: RegtestNode, txid: Any, n: Any, include_mempool: Any = True) -> dict[str, Any] | None:
    """An unspent output; null if it does not exist or is spent."""
    outpoint = OutPoint(Txid(as_hash(txid, "txid")), as_number(n, "n", high=2**32 - 1))
    if include_mempool and node.pool.spender(outpoint) is not None:
        return None
    utxo = node.chain.utxo(outpoint)
    output = node.pool.output(outpoint) if include_mempool and utxo is None else None
    if utxo is None and output is None:
        return None
    amount_sat, script = (output.amount_sat, output.script_pubkey) if output else (0, b"")
    if utxo is not None:
        amount_sat, script = utxo.amount_sat, utxo.script_pubkey
    return {
        "bestblock": display(node.chain.tip),
        "confirmations": 0 if utxo is None else node.chain.height + 1 - utxo.height,
        "value": bitcoin(amount_sat),
        "scriptPubKey": script_json(script),
        "coinbase": utxo is not None and utxo.coinbase,
    }


@method
def scantxoutset(node: RegtestNode, action: Any, scanobjects: Any = None) -> dict[str, Any]:
    """The unspent outputs of some scripts, each given as a descriptor. The only action is `start`."""
    if action != "start":
        raise Failure(PARAMETER, f"Invalid action {action!r}: only start is known")
    found = []
    for item in as_list(scanobjects, "scanobjects"):
        descriptor = item.get("desc") if isinstance(item, dict) else item
        script = as_output_script(descriptor, "scanobjects")
        found += [(outpoint, utxo, descriptor) for outpoint, utxo in node.chain.books.coins_of(script)]
    return {
        "success": True,
        "txouts": node.chain.books.utxo_count(),
        "height": node.chain.height,
        "bestblock": display(node.chain.tip),
        "unspents": [
            {
                "txid": display(outpoint.txid),
                "vout": outpoint.vout,
                "scriptPubKey": utxo.script_pubkey.hex(),
                "desc": descriptor,
                "amount": bitcoin(utxo.amount_sat),
                "coinbase": utxo.coinbase,
                "height": utxo.height,
            }
            for outpoint, utxo, descriptor in found
        ],
        "total_amount": bitcoin(sum(utxo.amount_sat for _, utxo, _ in found)),
    }
