"""Coins that a node keeps back while it has a channel with anchors, and what it refuses because of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from boltchain.addresses import script_of
from boltnode.rpc.errors import Code, RpcError
from boltspec.chain.fee_reserve import coin_sat
from boltspec.units import FeeratePerKw

ANYWHERE = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
DEFENDED = 10_000
COIN_SAT = int(coin_sat(FeeratePerKw(DEFENDED)))


async def coins(node: Any) -> tuple[list[int], list[int]]:
    """The amounts of free coins, and of those that are kept."""
    rows = (await node.ask("listfunds"))["outputs"]
    amounts = [(row["amount_msat"] // 1000, row["reserved"]) for row in rows]
    return [amount for amount, kept in amounts if not kept], [amount for amount, kept in amounts if kept]


async def refused(node: Any, method: str, **parameters: object) -> RpcError:
    with pytest.raises(RpcError) as found:
        await node.ask(method, **parameters)
    return found.value


def test_funding_makes_the_coin_and_nothing_takes_it_while_the_channel_is_there(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        alice, bob_id = town.alice, town.bob.node_id.hex()
        await stories.fund(town)
        assert (await coins(alice))[1] == []
        await stories.open_channel(town)
        (free,), kept = await coins(alice)
        assert kept == [COIN_SAT]
        for method, wish in (
            ("withdraw", {"destination": ANYWHERE, "satoshi": free}),
            ("withdraw", {"destination": ANYWHERE, "satoshi": free + COIN_SAT}),
            ("fundchannel", {"id": bob_id, "amount": free - COIN_SAT}),  # it would need a coin of its own
        ):
            error = await refused(alice, method, **wish)
            assert error.code == Code.FUND_CANNOT_AFFORD
            needed = 2 if method == "fundchannel" else 1
            assert f"{needed} coins of {COIN_SAT} sat are kept" in error.message
            assert "defended-feerate" in error.message
        await alice.ask("withdraw", destination=ANYWHERE, satoshi="all")
        await town.mine()
        assert await coins(alice) == ([], [COIN_SAT])
        await stories.close(stories.Told(town), 0)
        assert (await coins(alice))[1] == [], "nothing is left to be defended"
        await alice.ask("withdraw", destination=ANYWHERE, satoshi="all")
        await town.mine()
        assert await coins(alice) == ([], [])

    towns.run(new_town("kept"), story)


def test_all_funds_make_a_channel_and_the_coin_to_defend_it(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        opened = await town.alice.ask("fundchannel", id=town.bob.node_id.hex(), amount="all")
        await town.mine()
        assert await coins(town.alice) == ([], [COIN_SAT])
        (channel,) = town.alice.machines
        assert int(channel.life.establishment.open_channel.funding_satoshis) > towns.PURSE_SAT - COIN_SAT - 2_000
        assert opened["channel_id"] == channel.record.channel_id.hex()

    towns.run(new_town("all"), story)


def test_node_that_is_told_to_keep_nothing_spends_it_all(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        await town.alice.ask("withdraw", destination=ANYWHERE, satoshi="all")
        await town.mine()
        assert await coins(town.alice) == ([], [])

    towns.run(new_town("nothing", options={"defended_feerate": 0}), story)


def test_fundee_without_coins_refuses_what_it_could_not_defend(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        alice, bob_id = town.alice, town.bob.node_id.hex()
        await stories.fund(town)
        error = await refused(alice, "fundchannel", id=bob_id, amount=towns.CAPACITY_SAT)
        assert "could not be defended" in error.message
        await give(town, town.bob, 2 * COIN_SAT)
        await stories.open_channel(town)
        assert (await coins(town.bob))[0] == [2 * COIN_SAT], "one coin suffices for a channel without HTLCs"

    towns.run(new_town("fundee", options={"refuse_undefended": True}), story)


async def give(town: Any, node: Any, *amounts_sat: int) -> None:
    for amount_sat in amounts_sat:
        address = (await node.ask("newaddr", addresstype="p2tr"))["p2tr"]
        town.chain.fund(script_of(address, "regtest"), amount_sat)
    await town.until("both have seen the block", town._is_seen)


def test_htlc_that_neither_can_defend_is_not_offered_and_not_taken(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """A second coin each, and the same payment is made."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await give(town, town.bob, COIN_SAT)
        await stories.open_channel(town)
        await town.alice.ask("withdraw", destination=ANYWHERE, satoshi="all")
        await town.mine()
        bolt11 = (await town.bob.ask("invoice", amount_msat=9_000_000, label="tea", description="tea"))["bolt11"]
        error = await refused(town.alice, "pay", bolt11=bolt11)
        assert "could not be defended" in error.message
        await give(town, town.alice, COIN_SAT)
        error = await refused(town.alice, "pay", bolt11=bolt11)
        assert "temporary_node_failure" in error.message
        await give(town, town.bob, COIN_SAT)
        assert (await town.alice.ask("pay", bolt11=bolt11))["status"] == "complete"

    towns.run(new_town("htlcs", options={"refuse_undefended": True}), story)


def test_payments_that_are_made_at_once_are_defended_each(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """Alice has coins for her commitment and for two HTLCs: of three payments one is not offered."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await give(town, town.bob, *[COIN_SAT] * 4)
        await stories.open_channel(town)
        await town.alice.ask("withdraw", destination=ANYWHERE, satoshi="all")
        await town.mine()
        await give(town, town.alice, COIN_SAT, COIN_SAT)
        wishes = []
        for label in ("tea", "cake", "jam"):
            asked = await town.bob.ask("invoice", amount_msat=9_000_000, label=label, description=label)
            wishes.append(town.alice.ask("pay", bolt11=asked["bolt11"]))
        found: list[Any] = await asyncio.gather(*wishes, return_exceptions=True)
        (refusal,) = (entry for entry in found if isinstance(entry, RpcError))
        assert "could not be defended" in refusal.message
        assert f"at least 4 of {COIN_SAT} sat would be needed" in refusal.message
        assert [entry["status"] for entry in found if entry is not refusal] == ["complete"] * 2

    towns.run(new_town("at once", options={"refuse_undefended": True}), story)
