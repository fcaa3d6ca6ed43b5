"""Where regtest money comes from: every block pays an output that anybody can spend, and the faucet spends those."""

from __future__ import annotations

from collections.abc import Callable

from boltchain.interface import FaucetEmpty, Utxo
from boltchain.spending import Draft, p2wsh_script
from boltchain.transaction import SEQUENCE_FINAL, Input, OutPoint, Output, Transaction, parse_transaction

COINBASE_MATURITY = 100
"""A coinbase output is spendable in the block this many heights above its own (consensus)."""

PREMINED_BLOCKS = COINBASE_MATURITY + 20
"""Height of a new chain: leaves the faucet twenty mature coinbases of 50 bitcoin."""

_OP_TRUE = b"\x51"

FAUCET_SCRIPT = p2wsh_script(_OP_TRUE)
"""The faucet's script: pay to the witness script OP_TRUE. No signature is needed, which keeps funding cheap."""


class Faucet:
    """Builds payments from the outputs of `FAUCET_SCRIPT`, which `scan` lists from the best chain."""

    def __init__(self, scan: Callable[[], list[tuple[OutPoint, Utxo]]]) -> None:
        self._scan = scan
        self._coins: list[tuple[OutPoint, Utxo]] = []

    def forget(self) -> None:
        """Drop what is known about the coins: the chain was reorganised."""
        self._coins = []

    def payment(self, script_pubkey: bytes, amount_sat: int, height: int) -> Transaction:
        """A transaction without fee whose output 0 pays the script, valid in the block at `height`; change comes back.

        The faucet expects it to be mined. FaucetEmpty if the mature coins do not suffice, ValueError for an amount
        below zero.
        """
        if amount_sat < 0:
            msg = f"cannot pay a negative amount: {amount_sat} sat"
            raise ValueError(msg)
        coins = self._select(amount_sat, height)
        change_sat = sum(utxo.amount_sat for _, utxo in coins) - amount_sat
        outputs = [Output(amount_sat, script_pubkey)]
        if change_sat:
            outputs.append(Output(change_sat, FAUCET_SCRIPT))
        draft = Draft(tuple(Input(outpoint, SEQUENCE_FINAL) for outpoint, _ in coins), tuple(outputs))
        transaction = parse_transaction(draft.with_witnesses([[_OP_TRUE]] * len(coins)))
        if change_sat:
            change = Utxo(change_sat, FAUCET_SCRIPT, height, coinbase=False)
            self._coins.append((OutPoint(transaction.txid, 1), change))
        return transaction

    def _select(self, amount_sat: int, height: int) -> list[tuple[OutPoint, Utxo]]:
        chosen = self._take(amount_sat, height)
        if chosen is None:
            self._coins = self._scan()
            chosen = self._take(amount_sat, height)
        if chosen is None:
            total = sum(utxo.amount_sat for _, utxo in self._coins)
            msg = f"{amount_sat} sat wanted, but too little of the faucet's {total} sat is mature at height {height}"
            raise FaucetEmpty(msg)
        return chosen

    def _take(self, amount_sat: int, height: int) -> list[tuple[OutPoint, Utxo]] | None:
        """Remove and give coins worth at least the amount, the newest first; None (and nothing removed) if too few."""
        chosen: list[tuple[OutPoint, Utxo]] = []
        missing = max(amount_sat, 1)
        for coin in reversed(self._coins):
            if coin[1].coinbase and coin[1].height + COINBASE_MATURITY > height:
                continue
            chosen.append(coin)
            missing -= coin[1].amount_sat
            if missing <= 0:
                self._coins = [other for other in self._coins if other not in chosen]
                return chosen
        return None
