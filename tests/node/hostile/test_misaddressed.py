"""Messages about channels that are none, or are not there yet: nothing of the channels that there are is hurt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltspec.lifetime.state import End
from boltwire.channel_id import ALL_CHANNELS
from boltwire.messages import (
    AcceptChannel,
    AnnouncementSignatures,
    CommitmentSigned,
    Error,
    Message,
    RevokeAndAck,
    Shutdown,
    UpdateFee,
    UpdateFulfillHtlc,
    Warning,  # noqa: A004  # BOLT 1's name
)
from boltwire.scid import ShortChannelId

Attack = Callable[..., None]
NOBODY = b"\x09" * 32
POINT = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")


async def with_channel(town: Any, stories: Any, mallory: Any) -> tuple[Any, Any]:
    """Mallory and Bob have a channel: she, and his side of it."""
    await stories.fund(town)
    stranger = mallory.Mallory(town, town.bob)
    stranger.come()
    hers = await stranger.open()
    (his,) = (one for one in town.bob.machines if one.record.channel_id == hers.record.channel_id)
    return stranger, his


def about(channel_id: bytes) -> list[Message]:
    return [
        UpdateFee(channel_id=channel_id, feerate_per_kw=1_000),
        UpdateFulfillHtlc(channel_id=channel_id, id=0, payment_preimage=bytes(32)),
        CommitmentSigned(channel_id=channel_id, signature=bytes(63) + b"\1", htlc_signature=()),
        RevokeAndAck(channel_id=channel_id, per_commitment_secret=b"\1" * 32, next_per_commitment_point=POINT),
        Shutdown(channel_id=channel_id, scriptpubkey=b"\0\x14" + bytes(20)),
    ]


def announcement(channel_id: bytes) -> AnnouncementSignatures:
    return AnnouncementSignatures(
        channel_id=channel_id, short_channel_id=ShortChannelId(1), node_signature=bytes(63) + b"\1",
        bitcoin_signature=bytes(63) + b"\1",
    )  # fmt: skip


def test_each_message_about_an_unknown_channel_gets_an_error_for_it(attack: Attack, stories: Any, mallory: Any) -> None:
    async def story(town: Any) -> None:
        stranger, his = await with_channel(town, stories, mallory)
        messages = about(NOBODY)
        await stranger.say(*messages)
        said = [message for message in stranger.heard if isinstance(message, Error)]
        assert [message.channel_id for message in said] == [NOBODY] * len(messages)
        await stranger.say(Error(channel_id=NOBODY, data=b""), Warning(channel_id=NOBODY, data=b""))
        assert (stranger.count(Error), his.life.end) == (len(messages), End.NONE)
        assert stranger.hung_up == []

    attack(story)


def test_message_about_all_channels_gets_no_error_which_would_fail_them(
    attack: Attack, stories: Any, mallory: Any
) -> None:
    """D01-error-warning-s-02."""

    async def story(town: Any) -> None:
        stranger, his = await with_channel(town, stories, mallory)
        proposal = replace(stranger.proposal(), temporary_channel_id=ALL_CHANNELS)
        messages = [*about(ALL_CHANNELS), proposal]
        await stranger.say(*messages)
        assert [message.channel_id for message in stranger.heard[-len(messages) :]] == [ALL_CHANNELS] * len(messages)
        assert (stranger.count(Warning), stranger.count(Error)) == (len(messages), 0)
        assert (his.life.end, len(town.bob.machines), stranger.hung_up) == (End.NONE, 1, [])

    attack(story)


def test_error_about_all_channels_fails_each(attack: Attack, stories: Any, mallory: Any) -> None:
    """B01-error-warning-r-01."""

    async def story(town: Any) -> None:
        stranger, his = await with_channel(town, stories, mallory)
        other = mallory.Mallory(town, town.bob, 1)
        other.come()
        await other.say(Error(channel_id=ALL_CHANNELS, data=b""), Error(channel_id=his.record.channel_id, data=b""))
        ends = [his.life.end]
        await stranger.say(Error(channel_id=ALL_CHANNELS, data=b""))
        assert [*ends, his.life.end] == [End.NONE, End.FAILED], "they are the channels of who says so"

    attack(story)


@pytest.mark.parametrize("place", range(5))
def test_message_of_an_open_channel_before_there_is_one_fails_the_proposal_and_nothing_else(
    place: int, attack: Attack, stories: Any, mallory: Any
) -> None:
    """D02-channel-establishment-r-01."""

    async def story(town: Any) -> None:
        stranger, his = await with_channel(town, stories, mallory)
        proposal = stranger.proposal()
        await stranger.say(proposal)
        await town.until("it is accepted", lambda: stranger.count(AcceptChannel) == 2)
        await stranger.say(about(proposal.temporary_channel_id)[place])
        await town.until("she is told", lambda: stranger.count(Error) == 1)
        assert stranger.last(Error).channel_id == proposal.temporary_channel_id
        assert b"D02-channel-establishment-r-01" in stranger.last(Error).data
        assert [one.record.channel_id for one in town.bob.machines] == [his.record.channel_id]
        assert his.life.end is End.NONE
        assert stranger.hung_up == []

    attack(story)


def test_announcement_is_no_message_of_a_channel(attack: Attack, stories: Any, mallory: Any) -> None:
    """Its type is none of those (B01-error-warning-s-02), and a node that does not announce has no use for it."""

    async def story(town: Any) -> None:
        stranger, his = await with_channel(town, stories, mallory)
        heard = len(stranger.heard)
        await stranger.say(announcement(NOBODY), announcement(his.record.channel_id))
        await asyncio.sleep(1)
        assert (len(stranger.heard), his.life.end, stranger.hung_up) == (heard, End.NONE, [])

    attack(story)
