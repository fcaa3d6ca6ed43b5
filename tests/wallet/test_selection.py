"""Coin selection: enough, never wasteful, and without change where that can be had."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltchain.transaction import OutPoint, Txid
from boltchain.wallet.coins import Coin
from boltchain.wallet.keys import Branch, KeyKind, KeyPath
from boltchain.wallet.selection import InsufficientFunds, effective_value_sat, select

FEERATE = 1_000


def coins_of(*amounts_sat: int, kind: KeyKind = KeyKind.P2TR) -> list[Coin]:
    path = KeyPath(kind, Branch.RECEIVE, 0)
    return [Coin(OutPoint(Txid(bytes(32)), number), amount, path, 1) for number, amount in enumerate(amounts_sat)]


def value(coins: list[Coin] | tuple[Coin, ...]) -> int:
    return sum(effective_value_sat(coin, FEERATE) for coin in coins)


def test_effective_value_is_what_is_left_after_the_input() -> None:
    (coin,) = coins_of(1_000)
    assert effective_value_sat(coin, FEERATE) == 1_000 - 230
    (other,) = coins_of(1_000, kind=KeyKind.P2WPKH)
    assert effective_value_sat(other, FEERATE) == 1_000 - 271


def test_set_that_fits_is_found_among_many() -> None:
    coins = coins_of(*(10_230 + 7 * number * number for number in range(30)))
    target = value([coins[3], coins[11], coins[17]])
    found = select(coins, target, FEERATE, 0)
    assert found.exact
    assert value(found.coins) == target


def test_largest_coins_pay_when_nothing_fits() -> None:
    coins = coins_of(50_000, 10_000, 90_000)
    found = select(coins, 95_000, FEERATE, 10)
    assert not found.exact
    assert [coin.amount_sat for coin in found.coins] == [90_000, 50_000]


def test_coins_worth_less_than_their_input_are_never_spent() -> None:
    with pytest.raises(InsufficientFunds) as missing:
        select(coins_of(*[229] * 100, 10_000), 9_771, FEERATE, 0)
    assert (missing.value.wanted_sat, missing.value.available_sat) == (9_771, 9_770)
    assert len(select(coins_of(*[229] * 100, 10_000), 9_770, FEERATE, 0).coins) == 1


def test_search_gives_up_in_time_on_coins_that_are_all_alike() -> None:
    coins = coins_of(*[1_000_230] * 60)
    assert len(select(coins, 30_500_000, FEERATE, 0).coins) == 31


@given(
    st.lists(st.integers(1, 5_000), max_size=8),
    st.integers(1, 12_000),
    st.integers(0, 500),
)
def test_selection_is_enough_and_exact_whenever_a_set_fits(amounts: list[int], target: int, spare: int) -> None:
    coins = coins_of(*amounts)
    useful = [coin for coin in coins if effective_value_sat(coin, FEERATE) > 0]
    sums = [value(chosen) for size in range(1, len(useful) + 1) for chosen in combinations(useful, size)]
    fitting = [total for total in sums if target <= total <= target + spare]
    if value(useful) < target:
        with pytest.raises(InsufficientFunds):
            select(coins, target, FEERATE, spare)
        return
    found = select(coins, target, FEERATE, spare)
    assert len(set(found.coins)) == len(found.coins)
    assert found.exact == bool(fitting)
    assert value(found.coins) == min(fitting) if fitting else value(found.coins) >= target
    if not fitting:  # no coin of the set is superfluous
        assert value(found.coins) - min(map(value, ([coin] for coin in found.coins))) < target
