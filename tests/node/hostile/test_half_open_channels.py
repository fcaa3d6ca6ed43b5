"""Channels that never come to be: however many a stranger begins, little is kept of them, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from boltnode.channels.opening import Opening
from boltnode.peers.limits import PeerLimits
from boltnode.rpc.errors import RpcError
from boltspec.establishment import forgetting
from boltwire.messages import AcceptChannel, Error, FundingSigned

LIMITS = PeerLimits()
MANY = 2_000
FORGOTTEN_AFTER = 6
"""Blocks, in place of 2016."""
Attack = Callable[..., None]


def rows(town: Any, table: str) -> int:
    """How many the attacked node has on disk."""
    found: int = town.bob.database.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return found


def size(town: Any) -> tuple[int, ...]:
    """What could grow: channels in memory, scripts and watched transactions of the wallet, rows on disk."""
    engine = town.bob.engine
    next_scripts = [bytes(value) for key, value in town.bob.database.connection.execute(
        "SELECT key, value FROM wallet_records WHERE CAST(key AS TEXT) LIKE 'next/%' ORDER BY key")]  # fmt: skip
    tables = ("channels", "signed_commitments", "onchain_notes", "wallet_records")
    quota = engine._services.pending_channels._taken.total()
    return (len(engine._roster.ids), quota, sum(map(int, next_scripts)), *(rows(town, table) for table in tables))


async def settled(town: Any) -> None:
    for _ in range(20):
        await asyncio.sleep(0.01)
    await town.until("the engine rests", lambda: not town.bob.is_busy)


async def honest_payment(town: Any, stories: Any, told: Any, label: str) -> None:
    """Alice is served meanwhile."""
    made = len(told.complete)
    await stories.pay(told, 0, 1_000, label)
    assert len(told.complete) == made + 1


async def at_home(town: Any, stories: Any) -> Any:
    """Alice and Bob have a channel."""
    await stories.fund(town)
    await stories.open_channel(town)
    return stories.Told(town)


def test_thousands_of_proposals_find_four_places(attack: Attack, stories: Any, mallory: Any) -> None:
    async def story(town: Any) -> None:
        told = await at_home(town, stories)
        stranger = mallory.Mallory(town, town.bob)
        stranger.come()
        for _ in range(MANY):
            await stranger.say(stranger.proposal())
        await settled(town)
        most = LIMITS.max_pending_channels_per_peer
        assert (stranger.count(AcceptChannel), stranger.count(Error)) == (most, MANY - most)
        assert b"too many channels: 4 channels with this peer" in stranger.last(Error).data
        await honest_payment(town, stories, told, "during")
        await asyncio.sleep(LIMITS.proposal_seconds)
        assert stranger.count(Error) == MANY
        assert stranger.last(Error).data == b"no funding_created within 600 s"
        assert len(town.bob.machines) == 1
        await stranger.say(stranger.proposal())
        await settled(town)
        assert stranger.count(AcceptChannel) == most + 1, "there is room again"

    attack(story, limits=replace(LIMITS, max_refused_proposals=MANY))


def test_proposal_that_goes_on_within_its_time_is_kept(attack: Attack, mallory: Any) -> None:
    async def story(town: Any) -> None:
        stranger = mallory.Mallory(town, town.bob)
        stranger.come()
        slow, too_slow = await stranger.agree(), await stranger.agree()
        await asyncio.sleep(LIMITS.proposal_seconds - 5)
        await stranger.sign(slow, real=False)
        await asyncio.sleep(LIMITS.proposal_seconds)
        assert [machine.record.channel_id for machine in town.bob.machines] == [slow.record.channel_id]
        assert stranger.last(Error).channel_id == too_slow.record.channel_id

    with patch("town.STORY_SECONDS", 5_000):
        attack(story)


async def come_and_go(town: Any, stranger: Any, times: int) -> None:
    for _ in range(times):
        stranger.come()
        await stranger.say(*(stranger.proposal() for _ in range(LIMITS.max_pending_channels_per_peer + 1)))
        await settled(town)
        stranger.leave()
        await settled(town)


def test_proposals_of_a_stranger_who_comes_a_thousand_times_leave_nothing(attack: Attack, mallory: Any) -> None:
    async def story(town: Any) -> None:
        stranger = mallory.Mallory(town, town.bob)
        await come_and_go(town, stranger, 5)
        before = size(town)
        await come_and_go(town, stranger, 245)
        assert stranger.count(AcceptChannel) == 1_000
        assert size(town) == before

    with patch("town.STORY_SECONDS", 5_000):
        attack(story)


def test_wallet_that_grows_with_each_proposal_is_noticed(attack: Attack, mallory: Any) -> None:
    """The check can fail: with a new script for each proposal it does."""

    async def story(town: Any) -> None:
        stranger = mallory.Mallory(town, town.bob)
        await come_and_go(town, stranger, 5)
        before = size(town)
        await come_and_go(town, stranger, 5)
        assert size(town)[2] == before[2] + 5 * LIMITS.max_pending_channels_per_peer

    with patch.object(Opening, "_new_script", lambda self, kind: self._floor.chain.wallet.new_script(kind)):
        attack(story)


def test_strangers_fill_all_places_but_those_of_friends_and_our_own(attack: Attack, stories: Any, mallory: Any) -> None:
    limits = replace(LIMITS, max_pending_channels=6)

    async def story(town: Any) -> None:
        told = await at_home(town, stories)
        for number in range(2):
            crowd = mallory.Mallory(town, town.bob, number)
            crowd.come()
            for _ in range(4):
                await crowd.say(crowd.proposal())
        await settled(town)
        assert crowd.count(AcceptChannel) == 2
        assert b"too many channels: 6 channels wait" in crowd.last(Error).data
        await town.alice.ask("fundchannel", id=town.bob.node_id.hex(), amount=100_000)
        assert len(town.bob.machines) == 8, "Alice has a channel already"
        address = (await town.bob.ask("newaddr", addresstype="p2tr"))["p2tr"]
        town.chain.fund(stories.script_of(address, "regtest"), 1_000_000)
        await town.until("both have seen the block", town._is_seen)
        await town.bob.ask("fundchannel", id=town.alice.node_id.hex(), amount=100_000)
        await honest_payment(town, stories, told, "meanwhile")

    attack(story, limits=limits)


def test_own_channels_with_a_peer_that_wait_are_limited_too(attack: Attack, stories: Any) -> None:
    limits = replace(LIMITS, max_pending_channels_per_peer=1)

    async def story(town: Any) -> None:
        await stories.fund(town)
        await town.alice.ask("fundchannel", id=town.bob.node_id.hex(), amount=100_000)
        await town.until("it waits", lambda: len(town.chain.node.pool))
        await stories.fund(town)
        with pytest.raises(RpcError, match="1 channels with this peer wait for their confirmation"):
            await town.alice.ask("fundchannel", id=town.bob.node_id.hex(), amount=100_000)

    attack(story, limits=limits)


@pytest.mark.parametrize("fails", [False, True], ids=["alive", "failed by the stranger"])
def test_channel_whose_funding_never_comes_is_forgotten(
    fails: bool, attack: Attack, stories: Any, mallory: Any
) -> None:
    """One that is confirmed in the last block is not, and a place is free again."""

    async def story(town: Any) -> None:
        stranger = mallory.Mallory(town, town.bob)
        stranger.come()
        before = size(town)
        lost = await stranger.agree()
        await stranger.sign(lost, real=False)
        late = await stranger.agree()
        payment = await stranger.sign(late, real=True)
        assert rows(town, "signed_commitments") == 2
        if fails:
            await stranger.say(Error(channel_id=lost.record.channel_id, data=b"never mind"))
        await town.mine(FORGOTTEN_AFTER)
        assert len(town.bob.machines) == 2
        stranger.confirm(payment)
        await town.until("the block is seen", town._is_seen)
        await settled(town)
        assert [machine.record.channel_id for machine in town.bob.machines] == [late.record.channel_id]
        assert rows(town, "signed_commitments") == 1
        assert b"was not confirmed within" in stranger.last(Error).data
        assert size(town)[1] == before[1]
        assert stranger.count(FundingSigned) == 2

    with patch.object(forgetting, "FORGET_BLOCKS", FORGOTTEN_AFTER):
        attack(story)


def test_channel_on_a_transaction_of_somebody_else_keeps_its_place_and_is_forgotten(
    attack: Attack, mallory: Any
) -> None:
    """A transaction that is confirmed, but does not pay as was agreed, is nobody's funding transaction."""

    async def story(town: Any) -> None:
        stranger = mallory.Mallory(town, town.bob)
        stranger.come()
        before = size(town)
        machine = await stranger.agree()
        await stranger.fund_by_another(machine)
        await settled(town)
        (bobs,) = town.bob.machines
        assert (bobs.record.funding_height, size(town)[1]) == (None, before[1] + 1)
        await town.mine(FORGOTTEN_AFTER)
        await settled(town)
        assert (town.bob.machines, rows(town, "signed_commitments"), size(town)[1]) == ([], 0, before[1])

    with patch.object(forgetting, "FORGET_BLOCKS", FORGOTTEN_AFTER):
        attack(story)


def test_forgotten_channel_stays_forgotten_after_a_restart(attack: Attack, mallory: Any) -> None:
    async def story(town: Any) -> None:
        stranger = mallory.Mallory(town, town.bob)
        stranger.come()
        await stranger.sign(await stranger.agree(), real=False)
        await town.mine(FORGOTTEN_AFTER + 1)
        town.bob.die()
        await town.until("Bob is back", lambda: town.deaths == 1 and not town.bob.dead)
        assert town.bob.machines == []

    with patch.object(forgetting, "FORGET_BLOCKS", FORGOTTEN_AFTER):
        attack(story)
