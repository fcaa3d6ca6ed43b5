"""What a Bitcoin chain can do for us: the interface that every back end of this package fulfils.

Two back ends exist. `boltchain.embedded.EmbeddedChain` runs Bitcoin Core's consensus library in this process: thousands
of blocks a second. `boltchain.bitcoind.BitcoindChain` talks to a real `bitcoind`. Both are regtest only. Code that is
written against `Chain` runs on either.

Amounts are satoshi, heights are blocks (genesis is 0), hashes are 32 bytes in internal byte order, transactions are
serialized bytes with their witnesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from boltchain.transaction import OutPoint, Txid


@dataclass(frozen=True, slots=True)
class Utxo:
    """An unspent output of the best chain."""

    amount_sat: int
    script_pubkey: bytes
    height: int
    """Height of the block that holds the transaction."""
    coinbase: bool
    """Whether a coinbase created it; such an output can be spent in block `height + 100` at the earliest."""


class TransactionRejected(Exception):
    """Consensus or the mempool refused a transaction. `reason` is the one that Bitcoin Core's code gave."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FaucetEmpty(Exception):
    """The faucet has too few mature coins for the payment: mine more blocks or ask for less."""


@runtime_checkable
class Chain(Protocol):
    """A private regtest chain. Not safe for use by several threads at once."""

    def height(self) -> int:
        """Height of the best block."""

    def tip(self) -> bytes:
        """Hash of the best block."""

    def median_time_past(self) -> int:
        """Median time of the last eleven blocks in Unix seconds: the clock of time locks (BIP 113)."""

    def mine(self, count: int = 1, transactions: Sequence[bytes] | None = None) -> None:
        """Mine `count` blocks.

        With `transactions` None the first block holds what the mempool holds and the others are empty. A list is mined
        as it stands, in that order, in one block (`count` must be 1), past every mempool rule; conflicting transactions
        leave the mempool. TransactionRejected if consensus refuses the block; then nothing has changed.
        """

    def submit(self, transaction: bytes) -> Txid:
        """Offer a transaction to the mempool; TransactionRejected with the reason if it is not taken.

        It must be valid in the next block after its unconfirmed ancestors. One that spends what another transaction of
        the mempool spends replaces that one and its descendants if it pays at least one satoshi per vbyte of its own
        size more than all of them together, and a higher feerate than each one that it conflicts with directly.
        Submitting what the mempool holds already changes nothing.
        """

    def check(self, transaction: bytes, after: Sequence[bytes] = ()) -> str | None:
        """Why consensus would refuse the transaction in the next block, placed behind `after`; None if it would not.

        The mempool plays no part: unconfirmed parents must be listed in `after`.
        """

    def utxo(self, outpoint: OutPoint) -> Utxo | None:
        """The output, if it exists and is unspent in the best chain (the mempool plays no part)."""

    def spender(self, outpoint: OutPoint) -> Txid | None:
        """The transaction of the best chain that spends the output, if there is one."""

    def transaction_height(self, txid: Txid) -> int | None:
        """Height of the best chain's block that holds the transaction, if there is one."""

    def block(self, height: int) -> list[bytes]:
        """The transactions of the best chain's block at `height`, coinbase first. LookupError if there is none."""

    def mempool(self) -> list[Txid]:
        """Ids of the transactions that wait for confirmation, parents before children."""

    def reorganise(self, depth: int) -> None:
        """Replace the last `depth` blocks by a branch of `depth + 1` empty blocks.

        The transactions of the disconnected blocks return to the mempool as far as they are still valid, before those
        that wait there. Coinbases vanish with their blocks, and so does all that descends from them. ValueError unless
        1 <= depth < height.
        """

    def fund(self, script_pubkey: bytes, amount_sat: int) -> OutPoint:
        """Pay `amount_sat` to the script from the chain's own faucet and mine that payment, alone, in one block.

        FaucetEmpty if the faucet's mature coins do not suffice.
        """

    def close(self) -> None:
        """Release what the chain holds; the object is of no use afterwards. Closing twice is harmless."""
