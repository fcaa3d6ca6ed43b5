"""Coins that a stranger would like to bind: channels that are begun, or only announced, keep none from being spent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from boltchain.addresses import address_of, script_of
from boltnode.channels import fee_reserve, policy
from boltnode.peers.limits import PeerLimits
from boltnode.rpc.errors import Code, RpcError
from boltspec.chain.fee_reserve import coin_sat, coins_promised
from boltspec.units import Blocks, FeeratePerKw

ANYWHERE = address_of(b"\x00\x14" + bytes(20), "regtest")
COIN_SAT = int(coin_sat(FeeratePerKw(10_000)))
PURSE_SAT = 300_000
STRANGERS, EACH = 10, PeerLimits().max_pending_channels_per_peer
Attack = Callable[..., None]
REFUSE = {"options": {"refuse_undefended": True}}


async def give(town: Any, *amounts_sat: int) -> None:
    """Coins for Bob."""
    for amount_sat in amounts_sat:
        address = (await town.bob.ask("newaddr", addresstype="p2tr"))["p2tr"]
        town.chain.fund(script_of(address, "regtest"), amount_sat)
    await town.until("both have seen the blocks", town._is_seen)


async def kept(town: Any) -> list[bool]:
    """Of each of Bob's coins, whether it is kept."""
    return [row["reserved"] for row in (await town.bob.ask("listfunds"))["outputs"]]


def stranger(town: Any, mallory: Any, number: int = 0) -> Any:
    found = mallory.Mallory(town, town.bob, number)
    found.come()
    return found


async def crowd(town: Any, mallory: Any) -> None:
    """Strangers take all the places that they find: with proposals, and with transactions that there are not."""
    for number in range(STRANGERS):
        one = stranger(town, mallory, number)
        for index in range(EACH):
            machine = await one.agree()
            if index % 2:
                await one.sign(machine, real=False)
    machines = town.bob.machines
    assert len(machines) == STRANGERS * EACH
    assert sum(machine.channel is not None for machine in machines) == STRANGERS * EACH // 2
    assert STRANGERS * EACH * COIN_SAT > PURSE_SAT


async def empty_wallet(town: Any, by: str) -> None:
    """Bob spends all that he has, but for what a channel of his own needs."""
    if by == "withdraw":
        await town.bob.ask("withdraw", destination=ANYWHERE, satoshi="all")
    else:
        await town.bob.ask("fundchannel", id=town.alice.node_id.hex(), amount=PURSE_SAT - COIN_SAT - 1_000)
    await town.mine()
    assert town.bob.coins_sat() == (0 if by == "withdraw" else COIN_SAT)


@pytest.mark.parametrize("by", ["withdraw", "fundchannel"])
def test_wallet_is_spent_whatever_strangers_propose_and_announce(by: str, attack: Attack, mallory: Any) -> None:
    async def story(town: Any) -> None:
        await give(town, PURSE_SAT)
        await crowd(town, mallory)
        assert await kept(town) == [False]
        await empty_wallet(town, by)

    attack(story)


@pytest.mark.parametrize("by", ["withdraw", "fundchannel"])
def test_wallet_that_reckons_with_all_that_is_promised_is_bound(by: str, attack: Attack, mallory: Any) -> None:
    """The attack is one: without the rule it succeeds."""

    async def story(town: Any) -> None:
        await give(town, PURSE_SAT)
        await crowd(town, mallory)
        with pytest.raises(RpcError, match="are kept to have transactions of channels confirmed") as found:
            await empty_wallet(town, by)
        assert found.value.code == Code.FUND_CANNOT_AFFORD

    with patch.object(fee_reserve, "coins_kept", coins_promised):
        attack(story)


def test_transaction_of_somebody_else_binds_nothing_when_it_is_confirmed(attack: Attack, mallory: Any) -> None:
    async def story(town: Any) -> None:
        await give(town, PURSE_SAT)
        one = stranger(town, mallory)
        machine = await one.agree()
        await one.fund_by_another(machine)
        (bobs,) = town.bob.machines
        assert bobs.life.establishment.seen.output is not None
        await empty_wallet(town, "withdraw")

    attack(story)


async def funded(town: Any, mallory: Any) -> Any:
    """A channel of a stranger's that is confirmed, with money for Bob in it: Bob's side of it."""
    one = stranger(town, mallory)
    payment = await one.sign(await one.agree(), real=True)
    assert await kept(town) == [False]
    one.confirm(payment)
    await town.until("the block is seen", town._is_seen)
    (machine,) = town.bob.machines
    return machine


async def reorganise(town: Any) -> None:
    """The last block is not part of the chain any more, and what was in it is not in another one."""
    town.chain.branch(town.chain.height - 1, 2)
    await town.until("the blocks are seen", town._is_seen)


@pytest.mark.parametrize("depth", [1, 3])
def test_funded_channel_binds_a_coin_and_keeps_it_after_a_reorganisation_once_it_was_ready(
    depth: int, attack: Attack, mallory: Any
) -> None:
    async def story(town: Any) -> None:
        await give(town, PURSE_SAT)
        machine = await funded(town, mallory)
        await town.until("what is to be said was said", lambda: not town.bob.is_busy)
        wish = {"destination": ANYWHERE, "satoshi": PURSE_SAT - 1_000}
        with pytest.raises(RpcError, match=f"1 coins of {COIN_SAT} sat are kept"):
            await town.bob.ask("withdraw", **wish)
        await reorganise(town)
        assert machine.record.funding_height is None
        assert machine.life.establishment.ready_sent is (depth == 1)
        if depth > 1:
            await town.bob.ask("withdraw", **wish)
        else:
            with pytest.raises(RpcError, match=f"1 coins of {COIN_SAT} sat are kept"):
                await town.bob.ask("withdraw", **wish)

    with patch.dict(policy.DEPTHS, regtest=Blocks(depth)):
        attack(story)


def test_node_that_refuses_the_undefended_reckons_with_what_may_be_funded_at_any_time(
    attack: Attack, stories: Any, mallory: Any
) -> None:
    """Bob has a coin for each of two commitments, and none for an HTLC."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await give(town, COIN_SAT, COIN_SAT)
        await stories.open_channel(town)
        one = stranger(town, mallory)
        machine = await one.agree()
        await one.say(one.proposal())
        await asyncio.sleep(0.1)
        assert b"could not be defended" in one.heard[-1].data, "two channels at once"
        for what in ("proposed", "announced", "funded"):
            if what == "announced":
                payment = await one.sign(machine, real=True)
            elif what == "funded":
                one.confirm(payment)
                await town.until("the block is seen", town._is_seen)
            bolt11 = (await town.bob.ask("invoice", amount_msat=9_000_000, label=what, description=what))["bolt11"]
            with pytest.raises(RpcError, match="temporary_node_failure"):
                await town.alice.ask("pay", bolt11=bolt11)
        await give(town, COIN_SAT)
        assert (await town.alice.ask("pay", bolt11=bolt11))["status"] == "complete"

    attack(story, **REFUSE)
