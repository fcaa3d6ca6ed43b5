"""RPC methods that make blocks and reorganisations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from boltchain.server.chainstate import BlockRejected
from boltchain.server.node import RegtestNode
from boltchain.server.parameters import (
    DATABASE,
    DECODING,
    NOT_FOUND,
    VERIFY,
    Failure,
    as_address,
    as_block,
    as_entry,
    as_hash,
    as_list,
    as_number,
    as_output_script,
    as_text,
    as_transaction,
)
from boltchain.server.registry import method
from boltchain.transaction import Transaction, Txid, display

_BLOCKS_BETWEEN_OTHERS = 10
_MAX_GENERATED = 100_000


@method
def generatetoaddress(node: RegtestNode, nblocks: Any, address: Any, maxtries: Any = 0) -> Awaitable[list[str]]:
    """Mine blocks that pay an address; their hashes."""
    del maxtries
    return _generate(node, as_number(nblocks, "nblocks", high=_MAX_GENERATED), as_address(address))


@method
def generatetodescriptor(
    node: RegtestNode, num_blocks: Any, descriptor: Any, maxtries: Any = 0
) -> Awaitable[list[str]]:
    """Mine blocks that pay the script of a descriptor; their hashes."""
    del maxtries
    script = as_output_script(descriptor, "descriptor")
    return _generate(node, as_number(num_blocks, "num_blocks", high=_MAX_GENERATED), script)


async def _generate(node: RegtestNode, number: int, script_pubkey: bytes) -> list[str]:
    hashes: list[str] = []
    for done in range(1, number + 1):
        hashes.append(display(node.generate(script_pubkey).hash))
        if done % _BLOCKS_BETWEEN_OTHERS == 0 and done < number:
            node.sync()
            await asyncio.sleep(0)
    node.sync()
    return hashes


@method
def generateblock(node: RegtestNode, output: Any, transactions: Any, submit: Any = True) -> dict[str, Any]:
    """Mine one block of exactly these transactions: ids of waiting ones, or serialized ones."""
    script = as_output_script(output, "output")
    chosen = [_chosen(node, item) for item in as_list(transactions, "transactions")]
    if not submit:
        reason = node.block_refusal(chosen, script)
        if reason is not None:
            raise Failure(VERIFY, f"TestBlockValidity failed: {reason}")
        block = node.assemble(chosen, script)
        return {"hash": display(block.hash), "hex": block.raw.hex()}
    try:
        block = node.generate_block(chosen, script)
    except BlockRejected as rejected:
        raise Failure(VERIFY, f"TestBlockValidity failed: {rejected.reason}") from rejected
    node.sync()
    return {"hash": display(block.hash)}


def _chosen(node: RegtestNode, item: Any) -> Transaction:
    text = as_text(item, "transactions")
    if len(text) != 64:
        try:
            return as_transaction(text)
        except Failure as failure:
            raise Failure(DECODING, f"Transaction decode failed for {text}. {failure.message}") from failure
    waiting = node.pool.get(Txid(as_hash(text, "transactions")))
    if waiting is None:
        raise Failure(NOT_FOUND, f"Transaction {text} not in mempool.")
    return waiting.transaction


@method
def submitblock(node: RegtestNode, hexdata: Any) -> str | None:
    """Add a block that somebody else made: null if it was taken, else the reason."""
    block = as_block(hexdata)
    try:
        node.submit_block(block)
    except BlockRejected as rejected:
        return rejected.reason
    node.sync()
    return None if node.chain.tip == block.hash else "inconclusive"


@method
def invalidateblock(node: RegtestNode, blockhash: Any) -> None:
    """Declare a block invalid, and with it all that builds on it."""
    entry = as_entry(node, blockhash)
    if entry.height == 0:
        raise Failure(DATABASE, "the genesis block cannot be declared invalid")
    node.invalidate(entry.hash)


@method
def reconsiderblock(node: RegtestNode, blockhash: Any) -> None:
    """Take back what was declared of a block, its ancestors and its descendants."""
    node.reconsider(as_entry(node, blockhash).hash)


@method
def setmocktime(node: RegtestNode, timestamp: Any) -> None:
    """Stop the node's clock at so many Unix seconds; 0 lets it run again."""
    seconds = as_number(timestamp, "timestamp", high=2**32 - 1)
    node.stop_clock(seconds or None)
