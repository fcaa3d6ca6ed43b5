"""Coins that are kept for raising fees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boltchain.transaction import OutPoint
from boltchain.wallet.coins import Coin
from boltchain.wallet.weights import DUST_LIMIT_SAT

MAX_NEW_RESERVE_COINS = 10
"""Most coins that one payment makes for the reserve: their addresses must be within the lookahead of
`boltchain.wallet.state`."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """How many coins of what amount are kept for raising fees.

    A payment from the wallet that finds fewer of them makes the missing ones, as outputs of its own. Where more than
    `MAX_NEW_RESERVE_COINS` are missing, the last one that it makes is worth all the rest.
    """

    coins: int = 0
    coin_sat: int = 50_000

    def __post_init__(self) -> None:
        if self.coins < 0 or self.coin_sat < max(DUST_LIMIT_SAT.values()):
            msg = "a reserve has coins that are not dust, or none"
            raise ValueError(msg)

    @property
    def amount_sat(self) -> int:
        """All of it."""
        return self.coins * self.coin_sat

    def kept(self, coins: Sequence[Coin]) -> frozenset[OutPoint]:
        """The coins that make up the reserve: of those that were set aside and are free the largest ones."""
        aside = sorted(_set_aside(coins), key=lambda coin: (-coin.amount_sat, str(coin.outpoint)))
        kept, missing = list[OutPoint](), self.coins
        for coin in aside:
            if missing <= 0:
                break
            kept.append(coin.outpoint)
            missing -= coin.amount_sat // self.coin_sat
        return frozenset(kept)

    def missing(self, coins: Sequence[Coin]) -> tuple[int, ...]:
        """Amounts, in satoshis, of the coins that make the reserve complete."""
        missing = max(0, self.coins - sum(coin.amount_sat // self.coin_sat for coin in _set_aside(coins)))
        made = min(missing, MAX_NEW_RESERVE_COINS)
        return (*[self.coin_sat] * (made - 1), self.coin_sat * (missing - made + 1)) if made else ()


def _set_aside(coins: Sequence[Coin]) -> list[Coin]:
    return [coin for coin in coins if coin.reserve and coin.spent_by is None]
