"""A peer that takes and does not answer: it loses the connection, or the channel; deadlines are met on the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from boltnode.channels import patience
from boltnode.peers.limits import PeerLimits
from boltnode.rpc.errors import RpcError
from boltspec.htlc import LOCAL
from boltspec.lifetime.state import End
from boltwire.messages import (
    ClosingSig,
    ClosingSigned,
    CommitmentSigned,
    RevokeAndAck,
    Warning,  # noqa: A004  # BOLT 1's name
)

PATIENCE_SECONDS = PeerLimits().answer_seconds
AMOUNT_SAT = 20_000
Attack = Callable[..., None]


async def with_stranger(town: Any, stories: Any, mallory: Any, **options: Any) -> Any:
    """Alice and Bob have a channel, Mallory and Bob have one: what is told of Alice, Mallory, and her channel."""
    await stories.fund(town)
    await stories.open_channel(town)
    address = (await town.bob.ask("newaddr", addresstype="p2tr"))["p2tr"]
    town.chain.fund(stories.script_of(address, "regtest"), 300_000)  # for the fees of what he has to claim
    await town.until("both have seen the block", town._is_seen)
    stranger = mallory.Mallory(town, town.bob, **options)
    stranger.come()
    return stories.Told(town), stranger, await stranger.open()


async def pay(town: Any, stranger: Any) -> Any:
    """Bob pays her; the task of his command."""
    bolt11 = await stranger.invoice(AMOUNT_SAT)
    return bolt11, asyncio.ensure_future(town.bob.ask("pay", bolt11=bolt11))


async def listen(stranger: Any, seconds: float) -> None:
    """Talk for so long by the clock that jumps, while she is there."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        await stranger.talk(1)
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("late", [False, True], ids=["in the last second", "too late"])
def test_commitment_signed_that_is_not_answered(late: bool, attack: Attack, stories: Any, mallory: Any) -> None:
    async def story(town: Any) -> None:
        told, stranger, _ = await with_stranger(town, stories, mallory)
        stranger.never_says = (RevokeAndAck, CommitmentSigned)
        _, paying = await pay(town, stranger)
        await town.until("she has it", lambda: stranger.count(CommitmentSigned) == 1)
        await asyncio.sleep(PATIENCE_SECONDS + (1 if late else -2))
        assert stranger.hung_up == ([f"no revoke_and_ack within {PATIENCE_SECONDS:g} s"] if late else [])
        if late:
            assert stranger.last(Warning).data == stranger.hung_up[0].encode()
        stranger.never_says = ()
        if late:
            stranger.come()
        await listen(stranger, PATIENCE_SECONDS + 1)
        assert len(stranger.hung_up) == late, "an honest peer goes on, on the same connection or on the next one"
        await stories.pay(told, 0, 1_000, "meanwhile")
        paying.cancel()

    attack(story)


@pytest.mark.parametrize("comes_back", [False, True], ids=["stays away", "comes back, again and again"])
def test_deadline_of_an_htlc_is_met_whatever_she_does(
    comes_back: bool, attack: Attack, stories: Any, mallory: Any
) -> None:
    """She takes Bob's HTLC and says nothing more: Bob's commitment is on the chain in time, and he is refunded."""

    async def story(town: Any) -> None:
        told, stranger, machine = await with_stranger(town, stories, mallory)
        bolt11, paying = await pay(town, stranger)
        await town.until("she has it", lambda: stranger.count(CommitmentSigned) == 1)
        await stranger.talk()
        channel = next(entry for entry in town.bob.machines if entry.record.peer == stranger.node_id)
        (htlc,) = channel.channel.htlcs.items
        assert htlc.offerer is LOCAL
        stranger.never_says = (object,)
        stranger.leave()
        while town.chain.height < int(htlc.cltv_expiry) + 20:
            if comes_back and not stranger.is_there:
                stranger.come()
            town.fees_sat += town.chain.mine()
            await town.until("the block is seen", town._is_seen)
            await asyncio.sleep(1.5)
            if town.chain.height < int(htlc.cltv_expiry):
                assert channel.life.end is End.NONE
        assert channel.life.end is not End.NONE
        assert channel.record.spent_height is not None
        with suppress(RpcError):
            await paying
        (row,) = (await town.bob.ask("listpays", bolt11=bolt11))["pays"]
        assert row["status"] == "failed"
        assert bool(stranger.hung_up) is comes_back
        assert machine.life.end is End.NONE, "she never said that it has failed"
        await stories.pay(told, 0, 1_000, "meanwhile")

    attack(story, limits=replace(PeerLimits(), answer_seconds=3.0))


def test_reestablish_that_never_comes(attack: Attack, stories: Any, mallory: Any) -> None:
    async def story(town: Any) -> None:
        _, stranger, _ = await with_stranger(town, stories, mallory)
        stranger.leave()
        stranger.never_says = (object,)
        stranger.come()
        await listen(stranger, PATIENCE_SECONDS - 2)
        assert stranger.hung_up == []
        await asyncio.sleep(3)
        assert stranger.hung_up == [f"no channel_reestablish within {PATIENCE_SECONDS:g} s"]

    attack(story)


@pytest.mark.parametrize("simple_close", [True, False], ids=["simple close", "legacy close"])
def test_closing_that_she_does_not_go_on_with(
    simple_close: bool, attack: Attack, stories: Any, mallory: Any
) -> None:
    """She owes ``closing_sig``; or, as the funder, the first ``closing_signed``."""

    async def story(town: Any) -> None:
        _, stranger, _ = await with_stranger(town, stories, mallory, simple_close=simple_close)
        stranger.never_says = (ClosingSig, ClosingSigned)
        channel = next(entry for entry in town.bob.machines if entry.record.peer == stranger.node_id)
        closing = asyncio.ensure_future(town.bob.ask("close", id=channel.record.channel_id.hex()))
        await listen(stranger, PATIENCE_SECONDS - 2)
        assert (stranger.hung_up, channel.life.end) == ([], End.NONE)
        await asyncio.sleep(3)
        awaited = "closing_sig" if simple_close else "closing_signed"
        assert stranger.hung_up == [f"no {awaited} within {PATIENCE_SECONDS:g} s"]
        closing.cancel()

    attack(story, simple_close=simple_close)


def test_endless_patience_is_noticed(attack: Attack, stories: Any, mallory: Any) -> None:
    """The check can fail: a node that waits for ever keeps the connection."""

    async def story(town: Any) -> None:
        _, stranger, _ = await with_stranger(town, stories, mallory)
        stranger.never_says = (RevokeAndAck, CommitmentSigned)
        _, paying = await pay(town, stranger)
        await town.until("she has it", lambda: stranger.count(CommitmentSigned) == 1)
        await asyncio.sleep(5 * PATIENCE_SECONDS)
        assert stranger.hung_up == []
        paying.cancel()

    with patch.object(patience, "awaited", lambda *_: None):
        attack(story)


def test_limit_of_the_node_is_the_one_that_counts(attack: Attack, stories: Any, mallory: Any) -> None:
    async def story(town: Any) -> None:
        _, stranger, _ = await with_stranger(town, stories, mallory)
        stranger.never_says = (RevokeAndAck, CommitmentSigned)
        _, paying = await pay(town, stranger)
        await town.until("she is parted with", lambda: stranger.hung_up)
        assert stranger.hung_up == ["no revoke_and_ack within 7 s"]
        paying.cancel()

    attack(story, limits=replace(PeerLimits(), answer_seconds=7.0))
