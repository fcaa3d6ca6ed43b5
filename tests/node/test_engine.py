"""The engine in a running node: what two nodes do besides paying, and what is left of openings that come to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from boltchain.client.fees import FeePolicy
from boltnode.channels import policy
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.opening_facts import open_channel_message
from boltnode.demo.stage import MATURE, RefusedByNode, Stage, staged
from boltnode.demo.together import CAPACITY_SAT, open_channel
from boltnode.peers.connection import PeerConnection
from boltnode.peers.limits import PeerLimits
from boltnode.peers.switchboard import Switchboard
from boltwire.channel_id import fresh_temporary_channel_id
from boltwire.codec import encode_message
from boltwire.messages import AcceptChannel, Message
from boltwire.secp256k1 import PrivateKey
from boltwire.transaction import FINAL_SEQUENCE


def silent(_: str) -> None:
    """Tell nothing."""


def on_stage(story: Callable[[Stage], Awaitable[None]], *, simple_close: bool = True) -> None:
    async def told() -> None:
        async with staged(silent, simple_close=simple_close) as stage:
            await story(stage)

    asyncio.run(told())


async def fund(stage: Stage) -> None:
    address = (await stage.alice.quietly("newaddr", addresstype="p2tr"))["p2tr"]
    await stage.mine(to=address)
    await stage.mine(MATURE)


def test_opener_follows_the_estimate_and_closes_by_negotiation_with_a_peer_without_simple_close() -> None:
    async def story(stage: Stage) -> None:
        await fund(stage)
        await open_channel(stage)
        stage.alice.engine._chain._estimator.policy = FeePolicy(forced_per_kw=3_000)
        await stage.mine()

        async def changed() -> bool:
            rows = [(await actor.channels())[0] for actor in (stage.alice, stage.bob)]
            return all(row["feerate"]["perkw"] == 3_000 for row in rows)

        await stage.until("both commitments have the new feerate", changed)
        closed = await stage.alice.quietly("close", id=stage.bob.node_id)
        assert closed["type"] == "mutual"
        transaction = stage.show_transaction("closing", bytes.fromhex(closed["tx"]))
        assert transaction.inputs[0].sequence == FINAL_SEQUENCE  # the legacy form
        await stage.mine()
        await stage.until_state("FUNDING_SPEND_SEEN")

    on_stage(story, simple_close=False)


class Hasty:
    """A peer that proposes channels and leaves."""

    def __init__(self) -> None:
        self.accepted = asyncio.Event()

    def connected(self, peer: PeerConnection) -> None: ...

    async def received(self, peer: PeerConnection, message: Message) -> None:
        if isinstance(message, AcceptChannel):
            self.accepted.set()

    def disconnected(self, node_id: bytes) -> None: ...

    def is_partner(self, node_id: bytes) -> bool:
        return False

    def wants(self, node_id: bytes) -> bool:
        return False


def test_openings_that_the_peer_abandons_leave_nothing() -> None:
    async def story(stage: Stage) -> None:
        bob, network = stage.bob, stage.bob.services.network
        address = bob.services.switchboard.listener.addresses[0]
        handler = Hasty()
        key = PrivateKey(b"\x09" * 32)
        peers = Switchboard(key, (network.chain_hash,), policy.FEATURES, PeerLimits(), handler)
        for attempt in range(PeerLimits().max_pending_channels_per_peer + 1):
            peer = await peers.connect(bytes.fromhex(bob.node_id), *address)
            node = policy.node_facts(network, policy.FEATURES, policy.FEATURES, CAPACITY_SAT, frozenset())
            temporary = fresh_temporary_channel_id()
            proposal = policy.proposal(node, temporary, CAPACITY_SAT, 0, 1_000, announce=False, upfront=b"")
            keys = ChannelKeys.of(bytes(32), bytes([attempt]) * 16)
            peer.send(encode_message(open_channel_message(proposal, keys, b"")))
            await asyncio.wait_for(handler.accepted.wait(), 30)
            assert [row["state"] for row in await bob.channels()] == ["OPENINGD"]
            handler.accepted.clear()
            peer.close("it leaves")
            await peer.ended.wait()
            await stage.until("nothing is left", lambda: nothing_left(stage))
        await peers.close()

    async def nothing_left(stage: Stage) -> bool:
        return await stage.bob.channels() == []

    on_stage(story)


def test_opening_without_the_money_frees_what_it_took() -> None:
    async def story(stage: Stage) -> None:
        at = (await stage.bob.quietly("getinfo"))["binding"][0]
        await stage.alice.quietly("connect", id=stage.bob.node_id, host=at["address"], port=at["port"])
        with pytest.raises(RefusedByNode, match="Could not afford"):
            await stage.alice.quietly("fundchannel", id=stage.bob.node_id, amount=CAPACITY_SAT)
        await fund(stage)
        with pytest.raises(RefusedByNode, match="B02-open-channel"):
            await stage.alice.quietly("fundchannel", id=stage.bob.node_id, amount=5_000)  # too small for its fee
        assert await stage.alice.channels() == []
        balance = stage.alice.engine._chain.wallet.balance()
        assert (balance.committed_sat, balance.unconfirmed_sat) == (0, 0)

    on_stage(story)
