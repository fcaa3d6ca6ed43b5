"""The block follower: no gap, no surprise, whatever the chain and the server do."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltchain.bitcoind import BitcoindChain
from boltchain.block import Block, BlockRef, build_block, build_coinbase
from boltchain.client.connection import ChainUnavailable, CredentialsRefused, Endpoint
from boltchain.client.follower import (
    Absence,
    BlockConnected,
    BlockDisconnected,
    BlockEvent,
    BlockFollower,
    ChainMismatch,
)
from boltchain.client.node import ChainClient, ChainInfo, HeaderInfo
from boltchain.embedded import GENESIS
from boltchain.rpc import RpcError
from boltchain.server.process import ServerProcess


def position_of(chain: BitcoindChain) -> BlockRef:
    return BlockRef(chain.height(), chain.tip())


def followed(endpoint: Endpoint, position: BlockRef) -> list[BlockEvent]:
    async def run() -> list[BlockEvent]:
        async with ChainClient(endpoint) as client:
            return [event async for event in BlockFollower(client, position).catch_up()]

    return asyncio.run(run())


def assert_gapless(start: BlockRef, events: list[BlockEvent]) -> None:
    """Every event starts where the one before ended."""
    position = start
    for event in events:
        if isinstance(event, BlockConnected):
            assert event.block.previous == position.hash
            assert event.position == BlockRef(position.height + 1, event.block.hash)
        else:
            assert event.disconnected == position
            assert event.position.height == position.height - 1
        position = event.position


def test_new_blocks_are_connected_in_order(remote: BitcoindChain, endpoint: Endpoint) -> None:
    start = position_of(remote)
    remote.mine(5)
    events = followed(endpoint, start)
    assert [type(event) for event in events] == [BlockConnected] * 5
    assert_gapless(start, events)
    assert events[-1].position == position_of(remote)


def test_nothing_new_is_no_event(remote: BitcoindChain, endpoint: Endpoint) -> None:
    assert followed(endpoint, position_of(remote)) == []


@pytest.mark.parametrize("depth", [1, 3, 30])
def test_position_on_a_branch_that_lost_is_left_block_by_block(
    remote: BitcoindChain, endpoint: Endpoint, depth: int
) -> None:
    remote.mine(depth)
    start = position_of(remote)
    remote.reorganise(depth)
    events = followed(endpoint, start)
    assert [type(event) for event in events] == [BlockDisconnected] * depth + [BlockConnected] * (depth + 1)
    assert_gapless(start, events)
    assert events[-1].position == position_of(remote)


def test_invalidated_blocks_are_disconnected_and_come_back(remote: BitcoindChain, endpoint: Endpoint) -> None:
    remote.mine(3)
    start = position_of(remote)
    doomed = remote.rpc.call("getblockhash", start.height - 1)
    remote.rpc.call("invalidateblock", doomed)
    away = followed(endpoint, start)
    assert [type(event) for event in away] == [BlockDisconnected] * 2
    remote.rpc.call("reconsiderblock", doomed)
    back = followed(endpoint, away[-1].position)
    assert [type(event) for event in back] == [BlockConnected] * 2
    assert_gapless(start, away + back)
    assert back[-1].position == start


def test_stream_goes_on_while_blocks_arrive(remote: BitcoindChain, endpoint: Endpoint) -> None:
    start = position_of(remote)

    async def run() -> list[BlockEvent]:
        events: list[BlockEvent] = []
        async with ChainClient(endpoint) as client:
            follower = BlockFollower(client, start, poll_ms=1)
            remote.mine()
            async for event in follower.events():
                events.append(event)
                if len(events) == 2:
                    remote.reorganise(2)
                elif len(events) < 2:
                    remote.mine()
                if event.position == position_of(remote):
                    return events
        raise AssertionError

    events = asyncio.run(run())
    assert [type(event) for event in events] == [BlockConnected] * 2 + [BlockDisconnected] * 2 + [BlockConnected] * 3
    assert_gapless(start, events)


def test_position_of_another_chain_is_a_mismatch(endpoint: Endpoint) -> None:
    with pytest.raises(ChainMismatch, match="another chain, or its data were deleted"):
        followed(endpoint, BlockRef(7, b"\x07" * 32))


def test_position_with_a_wrong_height_is_a_mismatch(remote: BitcoindChain, endpoint: Endpoint) -> None:
    wrong = BlockRef(remote.height() - 2, bytes.fromhex(remote.rpc.call("getblockhash", 3))[::-1])
    with pytest.raises(ChainMismatch, match="at height 3"):
        followed(endpoint, wrong)


def test_server_that_goes_away_and_comes_back_is_awaited(tmp_path: Path) -> None:
    """The server is killed, started again on the same port, and mines on: the stream has no gap and no end."""
    told: list[Absence | None] = []

    async def run() -> None:
        server = ServerProcess(tmp_path, durable=False)
        try:
            port = server.endpoint.port
            async with ChainClient(server.endpoint) as client:
                genesis = BlockRef(0, await client.block_hash(0))
                follower = BlockFollower(client, genesis, poll_ms=5, on_absence=told.append)
                mine(server, 3)
                events: list[BlockEvent] = []
                stream = follower.events()
                async for event in stream:
                    events.append(event)
                    if len(events) == 2:
                        server.kill()
                        server = await asyncio.to_thread(ServerProcess, tmp_path, port=port, durable=False)
                        mine(server, 2)
                        break
                pending = asyncio.ensure_future(anext(stream))
                events.append(await pending)
                while events[-1].position.height < 5:
                    events.append(await anext(stream))
                assert_gapless(genesis, events)
                server.close()
                absent = asyncio.ensure_future(anext(stream))
                while not told:
                    await asyncio.sleep(0.01)
                server = await asyncio.to_thread(ServerProcess, tmp_path, port=port, durable=False)
                mine(server, 1)
                assert (await absent).position.height == 6
        finally:
            server.close()

    asyncio.run(run())
    assert isinstance(told[0], ChainUnavailable)
    assert told[-1] is None


def mine(server: ServerProcess, blocks: int) -> None:
    rpc = server.connect()
    rpc.call("generatetodescriptor", blocks, "raw(51)")
    rpc.close()


class TreeNode(ChainClient):
    """A node whose best chain changes between any two calls, as a script says."""

    def __init__(self, moves: list[int]) -> None:
        super().__init__(Endpoint(1, credentials="user:password"))
        self.blocks: dict[bytes, tuple[int, Block]] = {GENESIS.hash: (0, GENESIS)}
        self.best = [GENESIS.hash]
        self.moves = list(reversed(moves))
        self.unique = 0
        self.catching_up = False

    def _move(self) -> None:
        """Drop some blocks and mine one more than that."""
        if not self.moves:
            return
        depth = min(self.moves.pop(), len(self.best) - 1)
        del self.best[len(self.best) - depth :]
        for _ in range(depth + 1):
            self.unique += 1
            height = len(self.best)
            previous = self.blocks[self.best[-1]][1]
            coinbase = build_coinbase(height, self.unique, (0, b"\x51"), [])
            block = build_block(previous.hash, previous.time + 1, [coinbase])
            self.blocks[block.hash] = height, block
            self.best.append(block.hash)

    def forget_stale(self) -> None:
        """Know the best chain only, as a node whose data were lost in part."""
        self.blocks = {each: self.blocks[each] for each in self.best}

    async def chain_info(self) -> ChainInfo:
        best = BlockRef(len(self.best) - 1, self.best[-1])
        return ChainInfo("regtest", best, best.height, 0, self.catching_up)

    async def best_hash(self) -> bytes:
        self._move()
        return self.best[-1]

    async def header(self, block_hash: bytes) -> HeaderInfo:
        self._move()
        if block_hash not in self.blocks:
            raise LookupError
        height, block = self.blocks[block_hash]
        active = height < len(self.best) and self.best[height] == block_hash
        above = self.best[height + 1] if active and height + 1 < len(self.best) else None
        return HeaderInfo(BlockRef(height, block_hash), block.previous if height else None, above, active, block.time)

    async def block(self, block_hash: bytes) -> Block:
        self._move()
        if block_hash not in self.blocks:
            raise LookupError
        return self.blocks[block_hash][1]


@given(st.lists(st.integers(0, 4), max_size=30), st.booleans())
def test_no_block_is_skipped_however_the_chain_moves_between_two_questions(moves: list[int], forgets: bool) -> None:
    async def run() -> None:
        node = TreeNode(moves)
        follower = BlockFollower(node, BlockRef(0, GENESIS.hash))
        events: list[BlockEvent] = []
        while node.moves or follower.position.hash != node.best[-1]:
            async for event in follower.catch_up():
                events.append(event)
                if forgets:
                    node.forget_stale()
        assert_gapless(BlockRef(0, GENESIS.hash), events)
        heights = [event.position.height for event in events]
        assert all(abs(later - earlier) == 1 for earlier, later in pairwise([0, *heights]))
        assert [event.position.hash for event in surviving(events)] == node.best[1:]

    asyncio.run(run())


def blocks_of(node: TreeNode) -> list[BlockRef]:
    """Its best chain, lowest first."""
    return [BlockRef(height, block_hash) for height, block_hash in enumerate(node.best)]


async def all_events(follower: BlockFollower) -> list[BlockEvent]:
    return [event async for event in follower.catch_up()]


def test_stale_branch_that_the_node_forgot_while_nobody_followed_is_left_by_the_history() -> None:
    """The follower is a new one, as after a restart; the blocks below its position were stored."""

    async def run() -> None:
        node = TreeNode([0, 0, 0, 0])
        await all_events(BlockFollower(node, BlockRef(0, GENESIS.hash)))
        *below, position = blocks_of(node)
        node.moves = [2]
        node._move()
        node.forget_stale()
        events = await all_events(BlockFollower(node, position, below))
        assert [type(event) for event in events] == [BlockDisconnected] * 2 + [BlockConnected] * 3
        assert_gapless(position, events)

    asyncio.run(run())


@pytest.mark.parametrize("noted", [0, 4])
def test_node_of_another_chain_is_a_mismatch_before_any_block_is_disconnected(noted: int) -> None:
    async def run() -> None:
        position = BlockRef(9, b"\x09" * 32)
        below = [BlockRef(height, bytes([height]) * 32) for height in range(9 - noted, 9)]
        with pytest.raises(ChainMismatch, match=f"none of the {noted} below it.*keep the data"):
            await all_events(BlockFollower(TreeNode([]), position, below))

    asyncio.run(run())


def test_history_that_does_not_lead_to_the_position_is_refused() -> None:
    position = BlockRef(9, b"\x09" * 32)
    with pytest.raises(ValueError, match="lead up to"):
        BlockFollower(TreeNode([]), position, [BlockRef(6, b"\x06" * 32), BlockRef(7, b"\x07" * 32)])


@pytest.mark.parametrize("knows_headers", [False, True])
def test_node_that_builds_its_chain_anew_is_awaited(knows_headers: bool) -> None:
    """It is behind the position and says that it is catching up: nothing is disconnected meanwhile."""

    async def run() -> None:
        node = TreeNode([0, 0, 0, 0])
        await all_events(BlockFollower(node, BlockRef(0, GENESIS.hash)))
        *below, position = blocks_of(node)
        best, blocks = list(node.best), dict(node.blocks)
        del node.best[2:]
        node.catching_up = True
        if not knows_headers:
            node.forget_stale()
        follower = BlockFollower(node, position, below)
        with pytest.raises(ChainUnavailable, match="is at height 1 and catches up with its chain"):
            await all_events(follower)
        node.best, node.blocks = best, blocks
        assert await all_events(follower) == []

    asyncio.run(run())


class FailingNode(TreeNode):
    """A node that has errors for answers, one after the other, before it answers."""

    def __init__(self, failures: list[Absence]) -> None:
        super().__init__([])
        self.failures = failures

    async def best_hash(self) -> bytes:
        if self.failures:
            raise self.failures.pop(0)
        if len(self.best) == 1:
            self.moves = [0]
        return await super().best_hash()


def test_node_that_answers_with_errors_is_awaited_like_an_absent_one() -> None:
    """Restarted, it refuses the old cookie for a moment; pruned, it has no block to give."""
    refused = CredentialsRefused("the old cookie")
    pruned = RpcError("getblock", -1, "Block not available (pruned data)")
    told: list[Absence | None] = []

    async def run() -> None:
        node = FailingNode([refused, refused, pruned])
        follower = BlockFollower(node, BlockRef(0, GENESIS.hash), poll_ms=1, on_absence=told.append)
        assert (await anext(follower.events())).position.height == 1

    asyncio.run(run())
    assert told == [refused, pruned, None], "each reason is told once"


def surviving(events: list[BlockEvent]) -> list[BlockConnected]:
    """The connected blocks that were not disconnected later."""
    chain: list[BlockConnected] = []
    for event in events:
        if isinstance(event, BlockConnected):
            chain.append(event)
        else:
            chain.pop()
    return chain


def test_nudge_ends_the_rest_at_once(remote: BitcoindChain, endpoint: Endpoint) -> None:
    start = position_of(remote)

    async def run() -> BlockEvent:
        async with ChainClient(endpoint) as client:
            follower = BlockFollower(client, start, poll_ms=3_600_000)
            pending = asyncio.ensure_future(anext(follower.events()))
            await asyncio.sleep(0.05)
            remote.mine()
            follower.nudge()
            return await pending

    assert asyncio.run(run()).position == position_of(remote)
