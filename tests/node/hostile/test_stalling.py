"""Strangers who want to keep the node busy: what they may take of its time is bounded, and it goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from boltnode.channels import policy
from boltnode.channels.engine import ChannelEngine
from boltnode.demo.stage import NOBODY, Stage, staged
from boltnode.peers.limits import PeerLimits
from boltwire.chains import chain_hash
from boltwire.codec import encode_message
from boltwire.messages import (
    AcceptChannel,
    Error,
    UpdateFailHtlc,
    Warning,  # noqa: A004  # BOLT 1's name
)
from boltwire.peer_init import init
from boltwire.secp256k1 import PrivateKey
from boltwire.transport import MessageStream, connect

LIMITS = PeerLimits()
STRANGERS, EACH = 12, 4_000
"""Who flood, and with how many messages; fewer than a peer may send at once by its own rate."""
Attack = Callable[..., None]


# --- a flood ---


class Strangers:
    """They are connected to Bob, and say all at once what is about no channel."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.streams, self.listening = stage, [], []  # type: ignore[var-annotated]

    async def come(self) -> None:
        bob = self.stage.bob
        host, port = bob.services.switchboard.listener.addresses[0]
        hello = encode_message(init(policy.FEATURES, (chain_hash("regtest"),)))
        for number in range(STRANGERS):
            key = PrivateKey((1_000 + number).to_bytes(32, "big"))
            stream = await connect(host, port, key, bytes.fromhex(bob.node_id))
            await stream.send(hello)
            self.streams.append(stream)
            self.listening.append(asyncio.ensure_future(self._listen(stream)))

    async def _listen(self, stream: MessageStream) -> None:
        while await stream.receive() is not None:
            pass

    def flood(self) -> None:
        nonsense = encode_message(UpdateFailHtlc(channel_id=b"\1" * 32, id=0, reason=b""))
        for stream in self.streams:
            stream._writer.write(stream._encryptor.encrypt_all((nonsense,) * EACH))

    async def leave(self) -> None:
        for stream in self.streams:
            stream.abort()
        await asyncio.gather(*self.listening, return_exceptions=True)


def test_block_is_followed_and_a_command_answered_before_a_flood_is_through() -> None:
    handled = 0
    received = ChannelEngine.received

    async def counting(engine: ChannelEngine, peer: Any, message: Any) -> None:
        nonlocal handled
        handled += 1
        await received(engine, peer, message)

    async def story() -> None:
        async with staged(lambda _: None) as stage:
            strangers, bob = Strangers(stage), stage.bob.engine
            await strangers.come()
            height = bob.block_height()
            strangers.flood()
            while not handled:
                await asyncio.sleep(0)
            await stage.chain.generate(1, NOBODY)
            while bob.block_height() == height:
                await stage.bob.quietly("getinfo")
            assert handled < STRANGERS * EACH
            await strangers.leave()

    with patch.object(ChannelEngine, "received", counting):
        asyncio.run(story())


# --- proposals ---


@pytest.mark.parametrize("refused", [3, 4])
@pytest.mark.parametrize("lawful", [True, False], ids=["too many", "against a rule"])
def test_peer_whose_proposals_are_refused_again_and_again_is_parted_with(
    lawful: bool, refused: int, attack: Attack, mallory: Any
) -> None:
    limits = replace(LIMITS, max_pending_channels_per_peer=1, max_refused_proposals=4)

    async def story(town: Any) -> None:
        stranger = mallory.Mallory(town, town.bob)
        stranger.come()
        for _ in range(1 if lawful else 0):
            await stranger.say(stranger.proposal())
        for _ in range(refused):
            proposal = stranger.proposal()
            await stranger.say(proposal if lawful else mallory.replace(proposal, funding_satoshis=10))
            await town.until("the engine rests", lambda: not town.bob.is_busy)
        assert stranger.count(AcceptChannel) == lawful
        if refused < limits.max_refused_proposals:
            assert (stranger.hung_up, stranger.count(Error)) == ([], refused)
        else:
            assert stranger.hung_up == ["4 proposals of channels were refused, which is the most on one connection"]
            assert stranger.last(Warning).data.decode() == stranger.hung_up[0]
            stranger.come()
            await stranger.say(stranger.proposal())
            await town.until("the engine rests", lambda: not town.bob.is_busy)
            assert stranger.count(AcceptChannel) == lawful + 1, "she may begin again"

    attack(story, limits=limits)


def test_confirmed_channel_makes_a_partner_and_a_promised_one_does_not(attack: Attack, mallory: Any) -> None:
    async def story(town: Any) -> None:
        stranger = mallory.Mallory(town, town.bob)
        stranger.come()
        engine = town.bob.engine
        assert not engine.is_partner(stranger.node_id)
        await stranger.sign(await stranger.agree(), real=False)
        assert (engine.wants(stranger.node_id), engine.is_partner(stranger.node_id)) == (True, False)
        await stranger.open()
        assert engine.is_partner(stranger.node_id)

    attack(story)
