"""Floods of lawful and unlawful messages: what is kept does not grow with them, and others are served meanwhile."""

from __future__ import annotations

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest

from boltnode.channels import hearing, machine, policy
from boltnode.state_codec import encode_state
from boltspec.closing import simple
from boltspec.closing.messages import ClosingComplete as Proposal
from boltspec.closing.transaction import ClosingDetails
from boltspec.lifetime.state import End
from boltspec.params import MAX_ACCEPTED_HTLCS
from boltspec.units import Sat
from boltwire.bolt11 import decode
from boltwire.messages import (
    ChannelReady,
    ClosingComplete,
    ClosingSig,
    Error,
    UpdateFailHtlc,
    UpdateFee,
    Warning,  # noqa: A004  # BOLT 1's name
)
from boltwire.scid import ShortChannelId

Attack = Callable[..., None]
TINY_MSAT = 1
ROUNDS, EACH = 16, 40
"""So many times so many HTLCs."""
SHARE_ON_DISK = 5
"""The rows for penalties are less than a so-many-th of what she had to send for them."""


async def with_stranger(town: Any, stories: Any, mallory: Any, **options: Any) -> Any:
    """Alice and Bob have a channel, and Mallory and Bob: what is told of Alice, Mallory, her channel, and Bob's."""
    await stories.fund(town)
    await stories.open_channel(town)
    stranger = mallory.Mallory(town, town.bob, **options)
    stranger.come()
    hers = await stranger.open()
    return stories.Told(town), stranger, hers, next(
        entry for entry in town.bob.machines if entry.record.peer == stranger.node_id
    )  # fmt: skip


def disk_bytes(town: Any) -> int:
    """What the attacked node has in its tables."""
    connection = town.bob.database.connection
    pages, free = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
    found: int = (pages - free) * connection.execute("PRAGMA page_size").fetchone()[0]
    return found


@pytest.fixture
def traced() -> Iterator[Callable[[], int]]:
    """``traced()``: bytes that Python has given out."""
    logging.disable()  # pytest keeps every line
    tracemalloc.start()

    def now() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    yield now
    tracemalloc.stop()
    logging.disable(logging.NOTSET)


# --- updates ---


async def tiny_htlcs(stranger: Any, hers: Any, like: Any) -> None:
    """One round: all of them are offered, given back, and gone."""
    for _ in range(EACH):
        assert stranger.offer(hers, like, TINY_MSAT) is None
    await stranger.talk()
    assert hers.channel.htlcs.items == ()


def test_tiny_htlcs_by_the_hundred(attack: Attack, stories: Any, mallory: Any, traced: Callable[[], int]) -> None:
    """What is kept for penalties is a small part of what she had to send; nothing else grows."""

    async def story(town: Any) -> None:
        told, stranger, hers, bobs = await with_stranger(town, stories, mallory)
        like = decode(await stranger.invoice(1_000))
        await tiny_htlcs(stranger, hers, like)
        before, said, record = disk_bytes(town), stranger.said_bytes, len(encode_state(bobs.record))
        sizes = []
        for number in range(ROUNDS):
            await tiny_htlcs(stranger, hers, like)
            stranger.heard.clear()
            if number % 4 == 3:
                sizes.append(traced())
        assert bobs.life.end is End.NONE
        assert stranger.said_bytes - said >= ROUNDS * EACH * 1_400
        assert (disk_bytes(town) - before) * SHARE_ON_DISK < stranger.said_bytes - said
        assert len(encode_state(bobs.record)) <= record + 2_000  # 49 secrets stand for all revoked ones, at most
        assert sizes[-1] - sizes[0] < 100_000, sizes
        await stories.pay(told, 0, 1_000, "meanwhile")

    attack(story)


def test_more_htlcs_than_were_agreed_on_fail_her_channel_and_no_other(
    attack: Attack, stories: Any, mallory: Any
) -> None:
    async def story(town: Any) -> None:
        told, stranger, hers, bobs = await with_stranger(town, stories, mallory)
        like = decode(await stranger.invoice(1_000))
        for _ in range(MAX_ACCEPTED_HTLCS):
            assert stranger.offer(hers, like, TINY_MSAT) is None
        adds = hers.take().out.messages
        await stranger.say(*adds)
        assert (bobs.life.end, len(bobs.record.received)) == (End.NONE, MAX_ACCEPTED_HTLCS)
        await stranger.say(mallory.replace(adds[-1], id=MAX_ACCEPTED_HTLCS))
        assert bobs.life.end is End.FAILED
        assert bobs.record.failure.startswith("B02-adding-htlc-r")
        await stories.pay(told, 0, 1_000, "meanwhile")

    attack(story)


def test_thousands_of_fee_updates_are_one(attack: Attack, stories: Any, mallory: Any) -> None:
    async def story(town: Any) -> None:
        told, stranger, hers, bobs = await with_stranger(town, stories, mallory)
        record, before = len(encode_state(bobs.record)), disk_bytes(town)
        fee = UpdateFee(channel_id=hers.record.channel_id, feerate_per_kw=1_000)
        for number in range(5_000):
            await stranger.say(mallory.replace(fee, feerate_per_kw=1_000 + number % 2))
        await town.until("the engine rests", lambda: not town.bob.is_busy)
        assert bobs.life.end is End.NONE
        assert len(encode_state(bobs.record)) <= record + 200
        assert disk_bytes(town) <= before + 20_000
        await stories.pay(told, 0, 1_000, "meanwhile")

    attack(story)


# --- words ---


def test_errors_warnings_and_aliases_by_the_thousand(
    attack: Attack, stories: Any, mallory: Any, traced: Callable[[], int]
) -> None:
    async def story(town: Any) -> None:
        told, stranger, hers, bobs = await with_stranger(town, stories, mallory)
        point = hers.keys.point_of(1).encoded
        sizes = []
        for number in range(10_001, 14_001):
            nowhere = number.to_bytes(32, "big")
            await stranger.say(
                Error(channel_id=nowhere, data=b"x" * 1_000),
                Warning(channel_id=hers.record.channel_id, data=b"y" * 1_000),
                UpdateFailHtlc(channel_id=nowhere, id=0, reason=b""),
                ChannelReady(channel_id=hers.record.channel_id, second_per_commitment_point=point,
                             short_channel_id=ShortChannelId(number)),
            )  # fmt: skip
            if number % 1_000 == 0:
                assert stranger.count(Error) == 1_000, "one for each message about a channel that there is not"
                stranger.heard.clear()
                stranger.unread.clear()
                await town.until("the engine rests", lambda: not town.bob.is_busy)
                sizes.append(traced())
        assert len(bobs.life.establishment.aliases_received) == policy.MOST_ALIASES
        assert bobs.life.end is End.NONE
        assert sizes[-1] - sizes[0] < 100_000, sizes
        await stories.pay(told, 0, 1_000, "meanwhile")

    attack(story)


def test_aliases_without_a_limit_are_noticed(attack: Attack, stories: Any, mallory: Any) -> None:
    """The check can fail."""

    async def story(town: Any) -> None:
        _, stranger, hers, bobs = await with_stranger(town, stories, mallory)
        point = hers.keys.point_of(1).encoded
        for number in range(2 * policy.MOST_ALIASES):
            ready = ChannelReady(channel_id=hers.record.channel_id, second_per_commitment_point=point,
                                 short_channel_id=ShortChannelId(number + 1))  # fmt: skip
            await stranger.say(ready)
        assert len(bobs.life.establishment.aliases_received) == 2 * policy.MOST_ALIASES

    with patch.object(hearing, "MOST_ALIASES", 1_000_000):
        attack(story)


# --- connections ---


def test_thousand_reconnections(attack: Attack, stories: Any, mallory: Any, traced: Callable[[], int]) -> None:
    async def story(town: Any) -> None:
        told, stranger, hers, bobs = await with_stranger(town, stories, mallory)
        sizes, rows = [], set()
        for number in range(1_000):
            stranger.leave()
            stranger.come()
            if number % 10 == 0:
                await stranger.talk()
            if number % 250 == 249:
                stranger.heard.clear()
                sizes.append(traced())
                rows.add(disk_bytes(town))
        await stranger.talk()
        assert bobs.life.end is hers.life.end is End.NONE
        assert sizes[-1] - sizes[0] < 100_000, sizes
        assert max(rows) - min(rows) < 20_000
        await stories.pay(told, 0, 1_000, "meanwhile")

    attack(story)


# --- closing ---


async def shut_down(town: Any, stranger: Any, hers: Any) -> None:
    hers.close(hers.life.policy)
    await stranger.talk()
    assert stranger.count(ClosingSig) == 1


async def propose_fees(stranger: Any, hers: Any, fees: range) -> None:
    """``closing_complete`` again and again, each time with another fee."""
    for fee_sat in fees:
        closing = hers.life.closing
        details = ClosingDetails(closing.local_script, closing.remote_script, Sat(fee_sat))
        assert hers._say(Proposal(details, simple.offer(closing, details))) is None
        await stranger.talk(2)
        if stranger.hung_up:
            break


def test_closing_that_never_ends(attack: Attack, stories: Any, mallory: Any) -> None:
    """So many closing transactions are signed; for one more she loses the connection, and the next one again."""

    async def story(town: Any) -> None:
        told, stranger, hers, bobs = await with_stranger(town, stories, mallory)
        await shut_down(town, stranger, hers)
        room = policy.MOST_CLOSING_TRANSACTIONS - len(bobs.record.closing_transactions)
        await propose_fees(stranger, hers, range(2_000, 2_000 + room))
        assert stranger.hung_up == []
        assert len(bobs.record.closing_transactions) == policy.MOST_CLOSING_TRANSACTIONS
        record = len(encode_state(bobs.record))
        for attempt in range(3):
            await propose_fees(stranger, hers, range(50_000 + attempt, 50_010))
            assert stranger.hung_up == [f"more than {policy.MOST_CLOSING_TRANSACTIONS} closing transactions"]
            assert b"more than 50 closing transactions" in stranger.last(Warning).data
            stranger.hung_up.clear()
            await asyncio.sleep(0.1)
            stranger.come()
            await stranger.talk()
        assert len(encode_state(bobs.record)) <= record + 500
        await town.mine()
        assert bobs.life.end is End.CLOSED
        await stories.pay(told, 0, 1_000, "meanwhile")
        assert stranger.count(ClosingComplete) >= 1

    attack(story)


def test_closing_without_a_limit_is_noticed(attack: Attack, stories: Any, mallory: Any) -> None:
    """The check can fail."""

    async def story(town: Any) -> None:
        _, stranger, hers, bobs = await with_stranger(town, stories, mallory)
        await shut_down(town, stranger, hers)
        await propose_fees(stranger, hers, range(2_000, 2_060))
        assert stranger.hung_up == []
        assert len(bobs.record.closing_transactions) > policy.MOST_CLOSING_TRANSACTIONS

    with patch.object(machine, "MOST_CLOSING_TRANSACTIONS", 1_000_000):
        attack(story)
