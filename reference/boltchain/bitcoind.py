"""A regtest chain on a real `bitcoind`, over JSON-RPC.

Every answer about the UTXO set, the mempool and validity is the node's own. Only what a node keeps no index of (which
transaction spent an output) comes from a `Ledger` that follows the node's blocks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from boltchain.block import Block, build_block, build_coinbase, parse_block, subsidy_sat
from boltchain.daemon import BitcoindProcess
from boltchain.faucet import FAUCET_SCRIPT, PREMINED_BLOCKS, Faucet
from boltchain.interface import TransactionRejected, Utxo
from boltchain.ledger import Ledger
from boltchain.rpc import Rpc, RpcError
from boltchain.transaction import OutPoint, Txid, display, from_display

SAT_PER_BITCOIN = 100_000_000
"""The node states amounts in bitcoin."""

_INVALID_PARAMETER = -8
_BLOCK_REFUSED = "TestBlockValidity failed: "
_NO_FEERATE_LIMIT = 0
_NO_BURN_LIMIT = 21_000_000


class BitcoindChain:
    """Implements `boltchain.interface.Chain` on the node behind `rpc`, which must run regtest.

    Mines the faucet's first coins if the chain is shorter than `PREMINED_BLOCKS`. Owns `process` if one is given, and
    stops it when closed.
    """

    def __init__(self, rpc: Rpc, process: BitcoindProcess | None = None) -> None:
        self._rpc = rpc
        self._process = process
        described = rpc.call("getdescriptorinfo", f"raw({FAUCET_SCRIPT.hex()})")
        self._reward: str = described["descriptor"]
        self._ledger = Ledger(self._fetch(0))
        self._unique = count(time.time_ns())
        self._faucet = Faucet(self._faucet_coins)
        if (missing := PREMINED_BLOCKS - self.height()) > 0:
            self.mine(missing)

    @classmethod
    def start(cls, program: Path, extra_settings: tuple[str, ...] = ()) -> Self:
        """A chain on a node of its own, which `close` stops and forgets; `extra_settings` go to its command line."""
        process = BitcoindProcess(program, extra_settings)
        try:
            return cls(process.rpc, process)
        except BaseException:
            process.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def rpc(self) -> Rpc:
        """The connection to the node, for what the interface does not offer."""
        return self._rpc

    def height(self) -> int:
        """Height of the best block."""
        height: int = self._rpc.call("getblockcount")
        return height

    def tip(self) -> bytes:
        """Hash of the best block."""
        return from_display(self._rpc.call("getbestblockhash"))

    def median_time_past(self) -> int:
        """Median time of the last eleven blocks, in Unix seconds."""
        median: int = self._rpc.call("getblockchaininfo")["mediantime"]
        return median

    def mine(self, count: int = 1, transactions: Sequence[bytes] | None = None) -> None:
        """Mine `count` blocks: see `Chain.mine`."""
        if transactions is None:
            self._rpc.call("generatetodescriptor", count, self._reward)
            return
        if count != 1:
            msg = f"given transactions fill one block, not {count}"
            raise ValueError(msg)
        if (reason := self._generate(transactions, submit=True)) is not None:
            raise TransactionRejected(reason)

    def submit(self, transaction: bytes) -> Txid:
        """Offer a transaction to the mempool: see `Chain.submit`."""
        try:
            txid = self._rpc.call("sendrawtransaction", transaction.hex(), _NO_FEERATE_LIMIT, _NO_BURN_LIMIT)
        except RpcError as refusal:
            raise TransactionRejected(refusal.message) from refusal
        return Txid(from_display(txid))

    def check(self, transaction: bytes, after: Sequence[bytes] = ()) -> str | None:
        """Why consensus would refuse the transaction in the next block behind `after`: see `Chain.check`."""
        return self._generate([*after, transaction], submit=False)

    def utxo(self, outpoint: OutPoint) -> Utxo | None:
        """The output, if it is unspent in the best chain."""
        found = self._rpc.call("gettxout", display(outpoint.txid), outpoint.vout, False)
        if found is None:
            return None
        height = self.height() + 1 - found["confirmations"]
        script = bytes.fromhex(found["scriptPubKey"]["hex"])
        return Utxo(int(found["value"] * SAT_PER_BITCOIN), script, height, found["coinbase"])

    def spender(self, outpoint: OutPoint) -> Txid | None:
        """The confirmed transaction that spends the output, if any."""
        return self._followed().spender(outpoint)

    def transaction_height(self, txid: Txid) -> int | None:
        """Height of the block that holds the transaction, if any."""
        return self._followed().transaction_height(txid)

    def block(self, height: int) -> list[bytes]:
        """The transactions of the block at `height`, coinbase first."""
        return [transaction.raw for transaction in self._fetch(height).transactions]

    def mempool(self) -> list[Txid]:
        """Ids of the waiting transactions, parents before children."""
        entries: dict[str, Any] = self._rpc.call("getrawmempool", True)
        ordered = sorted(entries, key=lambda txid: int(entries[txid]["ancestorcount"]))
        return [Txid(from_display(txid)) for txid in ordered]

    def reorganise(self, depth: int) -> None:
        """Replace the last `depth` blocks by `depth + 1` empty ones: see `Chain.reorganise`.

        The branch is built here and wins because it is longer, as in a real reorganisation; nothing is invalidated.
        """
        ledger = self._followed()
        if not 1 <= depth < ledger.height:
            msg = f"cannot disconnect {depth} of {ledger.height} blocks"
            raise ValueError(msg)
        for _ in range(depth):
            ledger.disconnect()
        for _ in range(depth + 1):
            block = self._empty_block(ledger)
            self._rpc.call("submitblock", block.raw.hex())
            ledger.connect(block)
        self._faucet.forget()
        if self.tip() != block.hash:
            msg = f"the node did not follow the branch at height {ledger.height}"
            raise RuntimeError(msg)

    def fund(self, script_pubkey: bytes, amount_sat: int) -> OutPoint:
        """Pay the script from the faucet and mine the payment: see `Chain.fund`."""
        payment = self._faucet.payment(script_pubkey, amount_sat, self.height() + 1)
        try:
            self.mine(transactions=[payment.raw])
        except TransactionRejected:
            self._faucet.forget()
            raise
        return OutPoint(payment.txid, 0)

    def close(self) -> None:
        """Close the connection, and stop the node if this chain owns it."""
        self._rpc.close()
        if self._process is not None:
            self._process.close()

    def _generate(self, transactions: Sequence[bytes], *, submit: bool) -> str | None:
        """Build the next block of these transactions, and keep it if `submit`; gives the node's reason against it."""
        try:
            self._rpc.call("generateblock", self._reward, [raw.hex() for raw in transactions], submit)
        except RpcError as refusal:
            return refusal.message.removeprefix(_BLOCK_REFUSED)
        return None

    def _empty_block(self, ledger: Ledger) -> Block:
        height = ledger.height + 1
        coinbase = build_coinbase(height, next(self._unique), (subsidy_sat(height), FAUCET_SCRIPT), [])
        block_time = max(int(time.time()), ledger.median_time_past(ledger.height) + 1)
        return build_block(ledger.block(ledger.height).hash, block_time, [coinbase])

    def _fetch(self, height: int) -> Block:
        try:
            block_hash = self._rpc.call("getblockhash", height)
        except RpcError as error:
            if error.code != _INVALID_PARAMETER:
                raise
            msg = f"no block at height {height}"
            raise LookupError(msg) from error
        return parse_block(bytes.fromhex(self._rpc.call("getblock", block_hash, 0)))

    def _followed(self) -> Ledger:
        """The ledger, brought up to the node's best block."""
        best = self.height()
        while self._ledger.height > best or not self._agrees():
            self._ledger.disconnect()
        for height in range(self._ledger.height + 1, best + 1):
            self._ledger.connect(self._fetch(height))
        return self._ledger

    def _agrees(self) -> bool:
        """Whether the ledger's last block is part of the node's best chain."""
        height = self._ledger.height
        return from_display(self._rpc.call("getblockhash", height)) == self._ledger.block(height).hash

    def _faucet_coins(self) -> list[tuple[OutPoint, Utxo]]:
        """All unspent outputs of the faucet, oldest first."""
        found = self._rpc.call("scantxoutset", "start", [self._reward])["unspents"]
        return [_coin(unspent) for unspent in sorted(found, key=lambda unspent: int(unspent["height"]))]


def _coin(unspent: dict[str, Any]) -> tuple[OutPoint, Utxo]:
    outpoint = OutPoint(Txid(from_display(unspent["txid"])), unspent["vout"])
    amount_sat = int(unspent["amount"] * SAT_PER_BITCOIN)
    return outpoint, Utxo(amount_sat, FAUCET_SCRIPT, unspent["height"], unspent["coinbase"])
