"""Which coins pay: a set that needs no change if there is one, else the largest coins first.

A coin counts for what it is worth after paying for its own input (its effective value). The search for a set without
change is branch and bound over the coins from the largest down. What such a set pays beyond the target goes to the fee;
it is too little for a change output that is not dust.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boltchain.wallet.coins import Coin
from boltchain.wallet.weights import fee_sat, input_weight

MAX_TRIES = 20_000
"""Steps of the search before it gives up and change is made."""


class InsufficientFunds(Exception):
    """The coins do not suffice; the message has the amounts."""

    def __init__(self, wanted_sat: int, available_sat: int) -> None:
        super().__init__(f"{wanted_sat} sat are needed with fees, and {available_sat} sat can be used")
        self.wanted_sat = wanted_sat
        """What the coins had to bring after paying for their own inputs."""
        self.available_sat = available_sat
        """What all usable coins bring."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Chosen coins. `exact` says that no change is wanted: what is beyond the target is less than change would cost."""

    coins: tuple[Coin, ...]
    exact: bool


def effective_value_sat(coin: Coin, feerate_per_kw: int) -> int:
    """What a coin brings after paying for its input; below zero if it is not worth spending."""
    return coin.amount_sat - fee_sat(feerate_per_kw, input_weight(coin.path.kind))


def select(coins: Sequence[Coin], target_sat: int, feerate_per_kw: int, spare_sat: int) -> Selection:
    """Choose coins whose effective values reach the target. InsufficientFunds if all together do not.

    `spare_sat` is how much more than the target a set without change may bring.
    """
    valued = [(effective_value_sat(coin, feerate_per_kw), coin) for coin in coins]
    useful = sorted(((value, coin) for value, coin in valued if value > 0), key=_largest_first)
    available_sat = sum(value for value, _ in useful)
    if available_sat < target_sat:
        raise InsufficientFunds(target_sat, available_sat)
    values = [value for value, _ in useful]
    exact = _branch_and_bound(values, target_sat, target_sat + spare_sat)
    if exact is not None:
        return Selection(tuple(useful[number][1] for number in exact), exact=True)
    chosen: list[Coin] = []
    missing_sat = target_sat
    for value, coin in useful:
        if missing_sat <= 0:
            break
        chosen.append(coin)
        missing_sat -= value
    return Selection(tuple(chosen), exact=False)


def _largest_first(valued: tuple[int, Coin]) -> tuple[int, str]:
    return -valued[0], str(valued[1].outpoint)  # equal coins in an order that does not depend on chance


def _branch_and_bound(values: Sequence[int], low: int, high: int) -> list[int] | None:
    """Numbers of values (which fall) whose sum is between `low` and `high`, with as little as possible above `low`.

    None if no such set was found within `MAX_TRIES` steps.
    """
    if low <= 0:
        return None
    rest = [0] * (len(values) + 1)  # rest[i]: sum of the values from i on
    for number in reversed(range(len(values))):
        rest[number] = rest[number + 1] + values[number]
    best: list[int] | None = None
    best_sum, chosen, total, depth = high + 1, list[int](), 0, 0
    for _ in range(MAX_TRIES):
        hopeless = total + rest[depth] < low or total > high or total >= best_sum
        if not hopeless and total >= low:
            best, best_sum = list(chosen), total
            if total == low:
                break
            hopeless = True
        if hopeless or depth == len(values):
            if not chosen:  # everything was tried
                break
            depth = chosen.pop()  # go on without the value that was taken last
            total -= values[depth]
            depth += 1
            continue
        chosen.append(depth)
        total += values[depth]
        depth += 1
    return best
