"""Which coins pay, as far as the user says so: by their age, or one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boltchain.wallet.coins import Coin
from boltchain.wallet.wallet import Wallet
from boltnode.engine import EngineError
from boltnode.rpc.errors import Code
from boltnode.rpc.kinds import Outpoint


@dataclass(frozen=True, slots=True)
class CoinChoice:
    """Coins that may be spent, and whether all of them are to be."""

    coins: tuple[Coin, ...]
    all_of_them: bool

    @property
    def must_spend(self) -> tuple[Coin, ...]:
        """Coins that are spent in any case."""
        return self.coins if self.all_of_them else ()

    @property
    def among(self) -> tuple[Coin, ...]:
        """Coins of which as many are spent as it takes."""
        return () if self.all_of_them else self.coins


def choose(wallet: Wallet, height: int, minconf: int, utxos: Sequence[Outpoint]) -> CoinChoice:
    """The free coins with so many confirmations; or those that are named, all of which are spent.

    ``minconf`` 0 takes change of our own payments that wait for a block, too. :class:`EngineError` for a named coin
    that the wallet does not have, or that is not free: spent, kept to raise fees with, or not deep enough.
    """
    free = {
        Outpoint(coin.outpoint.txid[::-1], coin.outpoint.vout): coin
        for coin in wallet.spendable(unconfirmed=minconf == 0)
        if _confirmations(coin, height) >= minconf
    }
    if not utxos:
        return CoinChoice(tuple(free.values()), all_of_them=False)
    if len(set(utxos)) < len(utxos):
        raise EngineError(Code.INVALID_PARAMS, "utxos: should be coins that differ")
    for named in utxos:
        if named not in free:
            shown = f"{named.txid.hex()}:{named.output}"
            words = f"utxos: should be free coins of the wallet with {minconf} confirmations: {shown} is none"
            raise EngineError(Code.INVALID_PARAMS, words)
    return CoinChoice(tuple(free[named] for named in utxos), all_of_them=True)


def _confirmations(coin: Coin, height: int) -> int:
    return 0 if coin.height is None else height - coin.height + 1
