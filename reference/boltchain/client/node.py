"""What a program asks of a Bitcoin node, as typed calls: amounts in satoshi, hashes in internal byte order.

Every method may raise :class:`~boltchain.client.connection.ChainUnavailable` (no answer; nothing is known) and
:class:`~boltchain.rpc.RpcError` (the node's own error with its code), besides what its docstring names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from boltchain.block import Block, BlockRef, parse_block
from boltchain.client.connection import Endpoint, RpcConnections
from boltchain.interface import TransactionRejected, Utxo
from boltchain.rpc import RpcError
from boltchain.transaction import OutPoint, Transaction, Txid, display, from_display, parse_transaction

SAT_PER_BITCOIN = 100_000_000
"""The node states amounts in bitcoin."""

MEMPOOL_HEIGHT = -1
"""Height of an output whose transaction waits in the mempool, in a :class:`~boltchain.interface.Utxo`."""

NOT_FOUND = -5
"""RPC error code for an unknown block or transaction."""

OUT_OF_RANGE = -8
"""RPC error code for a parameter out of range, such as a height above the tip."""

_VERIFY_ERROR, _VERIFY_REJECTED, _ALREADY_CONFIRMED, _DECODE_FAILED = -25, -26, -27, -22
_REJECTIONS = {_VERIFY_ERROR, _VERIFY_REJECTED, _DECODE_FAILED}
_NO_FEERATE_LIMIT, _NO_BURN_LIMIT = 0, 21_000_000
_VBYTES_PER_KVB, _WEIGHT_PER_VBYTE = 1000, 4


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """The state of a node's best chain."""

    network: str
    """`main`, `test`, `testnet4`, `signet` or `regtest`."""
    best: BlockRef
    headers: int
    """Height of the best header; above the best block while the node catches up."""
    median_time_past: int
    """Median time of the last eleven blocks, in Unix seconds (BIP 113)."""
    catching_up: bool
    """The node says that it is in its initial block download."""


@dataclass(frozen=True, slots=True)
class HeaderInfo:
    """A block's header and its place."""

    ref: BlockRef
    previous: bytes | None
    """Hash of the block below; None for genesis."""
    next: bytes | None
    """Hash of the block above in the best chain; None at the tip and for a block outside of the best chain."""
    active: bool
    """Whether the block is part of the best chain."""
    time: int
    """The header's time in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the mempool says, or would say, to a transaction."""

    txid: Txid
    reason: str | None
    """None if it is taken; else why not, in the node's words."""
    vsize: int | None
    """Virtual size in vbytes, where the node tells it."""
    fee_sat: int | None
    """Its own fee in satoshi, where the node tells it."""


@dataclass(frozen=True, slots=True)
class PackageResult:
    """What the mempool made of a package of transactions."""

    accepted: bool
    """Whether all of them are in the mempool now."""
    message: str
    """The node's word on the package: `success`, or what is wrong with it."""
    transactions: tuple[Acceptance, ...]
    """What became of each, in the package's order."""


@dataclass(frozen=True, slots=True)
class MempoolEntry:
    """A waiting transaction: sizes in vbytes, fees in satoshi; with itself among its relatives."""

    vsize: int
    fee_sat: int
    ancestor_count: int
    ancestor_vsize: int
    ancestor_fees_sat: int
    descendant_count: int
    descendant_vsize: int
    descendant_fees_sat: int


@dataclass(frozen=True, slots=True)
class MempoolInfo:
    """Size of the mempool, and what it demands: feerates in satoshi per 1000 weight units, rounded up."""

    transactions: int
    vsize: int
    min_feerate_per_kw: int
    """Below this nothing is taken now."""
    min_relay_feerate_per_kw: int
    """Below this nothing is ever taken, outside of packages."""


class ChainClient:
    """A node as seen by its user. One object serves a whole program; calls may run side by side."""

    def __init__(self, endpoint: Endpoint, *, timeout_seconds: int = 60, connections: int = 4) -> None:
        self._rpc = RpcConnections(endpoint, timeout_seconds=timeout_seconds, connections=connections)

    @property
    def endpoint(self) -> Endpoint:
        """Where the node is."""
        return self._rpc.endpoint

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._rpc.close()

    async def call(self, method: str, *parameters: object, idempotent: bool = True) -> Any:
        """Call any method: see `RpcConnections.call`. `idempotent` tells whether it may be sent twice."""
        return await self._rpc.call(method, *parameters, idempotent=idempotent)

    async def chain_info(self) -> ChainInfo:
        """Network, best block and clock of the node's chain."""
        info = await self.call("getblockchaininfo")
        best = BlockRef(info["blocks"], from_display(info["bestblockhash"]))
        return ChainInfo(
            info["chain"], best, info["headers"], info["mediantime"], info.get("initialblockdownload", False)
        )

    async def best_hash(self) -> bytes:
        """Hash of the best block."""
        return from_display(await self.call("getbestblockhash"))

    async def block_hash(self, height: int) -> bytes:
        """Hash of the best chain's block at `height`; LookupError if there is none."""
        try:
            return from_display(await self.call("getblockhash", height))
        except RpcError as error:
            raise _lookup_error(error, OUT_OF_RANGE, f"no block at height {height}") from error

    async def header(self, block_hash: bytes) -> HeaderInfo:
        """The header of any block that the node knows, also outside of the best chain; LookupError for others."""
        try:
            found = await self.call("getblockheader", display(block_hash), True)
        except RpcError as error:
            raise _lookup_error(error, NOT_FOUND, f"unknown block {display(block_hash)}") from error
        ref = BlockRef(found["height"], block_hash)
        above, below = found.get("nextblockhash"), found.get("previousblockhash")
        return HeaderInfo(
            ref,
            None if below is None else from_display(below),
            None if above is None else from_display(above),
            found["confirmations"] > 0,
            found["time"],
        )

    async def block(self, block_hash: bytes) -> Block:
        """A block, parsed. LookupError if the node does not have it."""
        try:
            raw = bytes.fromhex(await self.call("getblock", display(block_hash), 0))
        except RpcError as error:
            raise _lookup_error(error, NOT_FOUND, f"unknown block {display(block_hash)}") from error
        return parse_block(raw)

    async def transaction(self, txid: Txid, block_hash: bytes | None = None) -> Transaction:
        """A transaction of the mempool, or of the block that is named; LookupError if it is not there."""
        parameters = [display(txid), 0] + ([] if block_hash is None else [display(block_hash)])
        try:
            return parse_transaction(bytes.fromhex(await self.call("getrawtransaction", *parameters)))
        except RpcError as error:
            raise _lookup_error(error, NOT_FOUND, f"unknown transaction {display(txid)}") from error

    async def utxo(self, outpoint: OutPoint, *, mempool: bool = False) -> Utxo | None:
        """The output, if it is unspent. With `mempool`, its transactions count too (see `MEMPOOL_HEIGHT`)."""
        found = await self.call("gettxout", display(outpoint.txid), outpoint.vout, mempool)
        if found is None:
            return None
        height = MEMPOOL_HEIGHT
        if found["confirmations"]:
            # The height follows from the very block that the node looked from, whatever has happened since.
            best = await self.header(from_display(found["bestblock"]))
            height = best.ref.height + 1 - found["confirmations"]
        script = bytes.fromhex(found["scriptPubKey"]["hex"])
        return Utxo(_sat(found["value"]), script, height, found["coinbase"])

    async def send(self, transaction: bytes) -> Txid:
        """Offer a transaction to the mempool; TransactionRejected with the node's reason.

        Sending again what waits there, or is in the chain already, is no error.
        """
        try:
            txid = await self.call("sendrawtransaction", transaction.hex(), _NO_FEERATE_LIMIT, _NO_BURN_LIMIT)
        except RpcError as error:
            if error.code == _ALREADY_CONFIRMED:
                return parse_transaction(transaction).txid
            if error.code in _REJECTIONS:
                raise TransactionRejected(error.message) from error
            raise
        return Txid(from_display(txid))

    async def test_acceptance(self, *transactions: bytes) -> tuple[Acceptance, ...]:
        """Whether the mempool would take the transactions (several: as a package that pays for itself)."""
        raw = [transaction.hex() for transaction in transactions]
        try:
            found = await self.call("testmempoolaccept", raw, _NO_FEERATE_LIMIT)
        except RpcError as error:
            if error.code in _REJECTIONS:
                raise TransactionRejected(error.message) from error
            raise
        return tuple(_tested(result) for result in found)

    async def submit_package(self, *transactions: bytes) -> PackageResult:
        """Offer a package, parents before the one child, so that the child may pay for its parents.

        TransactionRejected if one of them cannot be read, or if they are no child with its parents.
        """
        parsed = [parse_transaction(raw) for raw in transactions]
        raw = [transaction.hex() for transaction in transactions]
        try:
            found = await self.call("submitpackage", raw, _NO_FEERATE_LIMIT, _NO_BURN_LIMIT)
        except RpcError as error:
            if error.code in _REJECTIONS:
                raise TransactionRejected(error.message) from error
            raise
        by_txid = {result["txid"]: result for result in found["tx-results"].values()}
        results = tuple(_submitted(transaction.txid, by_txid.get(display(transaction.txid))) for transaction in parsed)
        return PackageResult(found["package_msg"] == "success", found["package_msg"], results)

    async def estimate_feerate_per_kw(self, target_blocks: int) -> int | None:
        """Estimated satoshi per 1000 weight units to confirm within so many blocks; None if the node cannot tell."""
        found = await self.call("estimatesmartfee", target_blocks, "CONSERVATIVE")
        return None if "feerate" not in found else feerate_per_kw(found["feerate"])

    async def mempool_info(self) -> MempoolInfo:
        """How full the mempool is and what it demands."""
        info = await self.call("getmempoolinfo")
        floor, relay = feerate_per_kw(info["mempoolminfee"]), feerate_per_kw(info["minrelaytxfee"])
        return MempoolInfo(info["size"], info["bytes"], floor, relay)

    async def mempool_entry(self, txid: Txid) -> MempoolEntry | None:
        """The waiting transaction with its relatives; None if it does not wait."""
        try:
            found = await self.call("getmempoolentry", display(txid))
        except RpcError as error:
            if error.code == NOT_FOUND:
                return None
            raise
        fees = found["fees"]
        return MempoolEntry(
            found["vsize"],
            _sat(fees["base"]),
            found["ancestorcount"],
            found["ancestorsize"],
            _sat(fees["ancestor"]),
            found["descendantcount"],
            found["descendantsize"],
            _sat(fees["descendant"]),
        )

    async def mempool(self) -> list[Txid]:
        """Ids of the waiting transactions, in no particular order."""
        return [Txid(from_display(txid)) for txid in await self.call("getrawmempool")]

    async def generate(self, blocks: int, address: str) -> list[bytes]:
        """Mine blocks (regtest) that pay the address; their hashes. Never tried again: it is not idempotent."""
        found: Sequence[str] = await self.call("generatetoaddress", blocks, address, idempotent=False)
        return [from_display(block_hash) for block_hash in found]


def feerate_per_kw(bitcoin_per_kvb: Decimal | int) -> int:
    """Convert a node's feerate (bitcoin per 1000 vbytes) to satoshi per 1000 weight units, rounded up."""
    return -(-_sat(bitcoin_per_kvb) // _WEIGHT_PER_VBYTE)


def _sat(bitcoin: Decimal | int) -> int:
    return int(bitcoin * SAT_PER_BITCOIN)


def _lookup_error(error: RpcError, code: int, message: str) -> Exception:
    """A LookupError in place of the node's error if that has this code; else the error itself."""
    return LookupError(message) if error.code == code else error


def _tested(result: dict[str, Any]) -> Acceptance:
    txid = Txid(from_display(result["txid"]))
    if result.get("allowed"):
        return Acceptance(txid, None, result["vsize"], _sat(result["fees"]["base"]))
    reason = result.get("reject-details") or result.get("reject-reason") or result.get("package-error") or "not judged"
    return Acceptance(txid, reason, None, None)


def _submitted(txid: Txid, result: dict[str, Any] | None) -> Acceptance:
    if result is None or "error" in result:
        return Acceptance(txid, "not judged" if result is None else result["error"], None, None)
    fees = result.get("fees")
    return Acceptance(txid, None, result.get("vsize"), None if fees is None else _sat(fees["base"]))
