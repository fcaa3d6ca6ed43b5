"""A node whose chain is in trouble: it goes on when it can, and does not pretend to when it cannot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from boltchain.client.connection import CredentialsRefused
from boltchain.client.node import NOT_FOUND
from boltchain.rpc import RpcError
from boltchain.transaction import display
from boltnode.channels import block_desk
from boltnode.channels.on_chain import OnChain
from boltnode.channels.turns import Turns
from boltnode.onchain.reading import Spender

REFUSED = CredentialsRefused("the credentials are old")
OVERLOADED = RpcError("getbestblockhash", -1, "overloaded")


class Troubled:
    """What a node has of the chain, with answers that a test has put in the place of the chain's own."""

    def __init__(self, client: Any) -> None:
        self._real = client.call
        self.failures: dict[str, Exception] = {}
        """By method and first parameter, or by method alone."""
        client.call = self.call

    async def call(self, method: str, *parameters: object, idempotent: bool = True) -> Any:
        named = f"{method} {parameters[0]}" if parameters else method
        for name in (named, method):
            if name in self.failures:
                await asyncio.sleep(0)
                raise self.failures[name]
        return await self._real(method, *parameters, idempotent=idempotent)


@pytest.mark.parametrize("failure", [REFUSED, OVERLOADED], ids=["restarted", "overloaded"])
def test_chain_that_has_errors_for_answers_is_followed_when_it_is_well_again(
    failure: Exception, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        engine = town.alice.engine
        troubled = Troubled(engine._chain.client)
        troubled.failures["getbestblockhash"] = failure
        await town.until("the trouble is told", engine.warning)
        assert engine.warning() == str(failure)
        town.chain.mine()
        await asyncio.sleep(20)
        assert engine.block_height() == town.chain.height - 1
        troubled.failures.clear()
        await town.until("the block is seen", lambda: engine.block_height() == town.chain.height)
        assert engine.warning() is None
        assert town.alice.services.stopping.failure is None

    towns.run(new_town("errors"), story)


def test_branch_that_the_chain_has_forgotten_is_left_after_a_restart(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """The node was not there when its two newest blocks were replaced, and nobody remembers these but itself."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await town.mine(2)
        alice = town.alice
        await alice.engine.stop()
        alice.dead = True
        top = town.chain.height
        stale = [town.chain.node.chain.books.hash_at(height) for height in (top - 1, top)]
        town.chain.branch(top - 2, 3)

        class Forgetful(towns.DirectClient):  # type: ignore[misc]
            def __init__(self, node: Any) -> None:
                super().__init__(node)
                unknown = RpcError("getblockheader", NOT_FOUND, "Block not found")
                Troubled(self).failures = {f"getblockheader {display(known)}": unknown for known in stale}

        alice.bury()
        with patch.object(towns, "DirectClient", Forgetful):
            await town.begin(0, alice.folder)
        assert town.alice.engine.block_height() == top + 1

    towns.run(new_town("forgotten"), story)


def test_chain_that_can_be_followed_no_longer_stops_the_node(
    new_town: Callable[..., Any], towns: Any, stories: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        engine, stopping = town.alice.engine, town.alice.services.stopping
        with patch.object(engine._chain.wallet, "connect", side_effect=ValueError("the books are wrong")):
            town.chain.mine()
            await town.until("the node gives up", stopping.is_set)
        assert stopping.failure == engine.warning() == "the chain is not followed any more: the books are wrong"

    with caplog.at_level(logging.ERROR):
        towns.run(new_town("lost"), story)
    assert [record.message for record in caplog.records] == ["the chain is not followed any more"]


def test_errand_on_the_chain_that_fails_is_not_taken_for_the_end_of_the_chain(
    new_town: Callable[..., Any], towns: Any, stories: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        engine = town.alice.engine

        async def fail() -> None:
            raise ValueError("no such thing")

        engine._chain.spawn(fail())
        await town.mine()
        assert engine.warning() is None
        assert not town.alice.services.stopping.is_set()

    with caplog.at_level(logging.ERROR):
        towns.run(new_town("errand"), story)
    assert [record.message for record in caplog.records] == ["an errand on the chain has failed"]


# --- one channel of several ---


@contextmanager
def failing(owner: Any, name: str, is_meant: Callable[..., bool]) -> Iterator[list[bool]]:
    """Let a function fail when it is meant; gives what it was asked so far, and whether it failed."""
    real, asked = getattr(owner, name), []

    def called(*parameters: Any) -> Any:
        asked.append(is_meant(*parameters))
        if asked[-1]:
            raise ValueError("nobody has thought of that")
        return real(*parameters)

    with patch.object(owner, name, called):
        yield asked


async def open_two(town: Any, stories: Any) -> tuple[bytes, bytes]:
    """Two channels of Alice with Bob, open; the two have lost contact."""
    await stories.fund(town)
    await stories.open_channel(town)
    await town.alice.ask("fundchannel", id=town.bob.node_id.hex(), amount=500_000)
    await town.mine()
    await town.until("both are open", lambda: all(machine.life.is_open for machine in town.alice.machines))
    first, second = (machine.record.channel_id for machine in town.alice.machines)
    town.is_apart = True
    town.wire.cut()
    return first, second


def told_of(caplog: pytest.LogCaptureFixture) -> set[str]:
    """The channels that the log says are not looked after."""
    said = [record for record in caplog.records if record.message == "a channel is not looked after"]
    return {record.__dict__["channel"] for record in said}


@pytest.mark.parametrize("part", ["look", "publish"])
def test_channel_whose_defence_fails_is_tried_again_and_others_are_defended(
    part: str, new_town: Callable[..., Any], towns: Any, stories: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Alice closes both; about the first one her node errs for some blocks."""

    async def story(town: Any) -> None:
        first, second = await open_two(town, stories)
        of_alice = town.alice.machine(first)
        with failing(OnChain, part, lambda _, *about: of_alice in about) as asked:
            for machine in town.alice.machines:
                machine.fail("a test")
            await town.mine_apart(2)
            assert asked.count(True) >= 2, "it is tried with each block"
            assert set(town.alice.engine._on_chain._told) == {second}
        await town.mine_apart(2)
        assert set(town.alice.engine._on_chain._told) == {first, second}
        assert told_of(caplog) == {first.hex()}

    with caplog.at_level(logging.ERROR):
        towns.run(new_town("defence"), story)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("part", ["look_at_block", "connect", "recall"])
def test_block_that_could_not_be_looked_at_is_looked_at_again(
    part: str, *, restarts: bool, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """The block with which Bob's close of the channel confirms; the next one shows it all the same."""

    async def story(town: Any) -> None:
        first, second = await open_two(town, stories)
        of_alice = town.alice.machine(first)
        bobs = town.bob.machine(first)
        bobs.fail("a test")
        town.bob.engine._schedule(town.bob.engine._roster.named(first))
        await town.until("Bob has closed", lambda: len(town.chain.node.pool))
        owner = block_desk if part == "look_at_block" else OnChain
        with failing(owner, part, lambda *about: of_alice in about or (of_alice,) in about) as asked:
            await town.mine_apart(2)
            assert asked.count(True) == 2
        closed = town.chain.height - 1
        assert bobs.record.spent_height == closed
        assert of_alice.record.unseen_from == closed
        assert town.alice.machine(second).record.unseen_from is None
        if restarts:
            await town.alice.engine.stop()
            town.alice.dead = True
            town.alice.bury()
            await town.begin(0, town.alice.folder)
            of_alice = town.alice.machine(first)
            assert of_alice.record.unseen_from == closed
        await town.mine_apart(1)
        assert of_alice.record.unseen_from is None
        assert of_alice.record.spent_height == closed
        assert town.alice.engine._on_chain._told[first] is Spender.REMOTE

    towns.run(new_town("unseen"), story)


def test_unseen_block_that_is_taken_back_is_seen_on_the_other_branch(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        (machine,) = town.alice.machines
        with failing(OnChain, "connect", lambda _self, _work, about, _event: about is machine):
            await town.mine_apart(2)
        height = town.chain.height
        assert machine.record.unseen_from == height - 1
        town.chain.branch(height - 2, 3)
        await town.until("both have changed branches", town._is_seen)
        await town.quiet()
        assert machine.record.unseen_from is None
        assert town.chain.height == height + 1

    towns.run(new_town("taken back"), story)


def test_block_below_the_unseen_ones_that_is_not_seen_either_is_remembered(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        await town.mine()
        (machine,) = town.alice.machines
        with failing(OnChain, "connect", lambda _self, _work, about, _event: about is machine):
            await town.mine_apart(2)
            height = town.chain.height
            town.chain.branch(height - 3, 4)
            await town.until("both have changed branches", town._is_seen)
            await asyncio.sleep(1)
            assert machine.record.unseen_from == height - 2
        await town.mine_apart(1)
        assert machine.record.unseen_from is None

    towns.run(new_town("taken back further"), story)


def test_block_is_not_passed_when_what_it_means_for_a_channel_cannot_be_stored(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """The node stops with the position of the block before, and begins with that block again."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        (machine,) = town.alice.machines
        stopping, height = town.alice.services.stopping, town.chain.height
        with failing(Turns, "joins", lambda _self, slot, _work: slot.machine is machine):
            machine.note(waits_since=None)  # there is something to be stored
            town.chain.mine()
            await town.until("the node gives up", stopping.is_set)
        rows = town.alice.database.connection.execute("SELECT max(height) FROM chain_blocks").fetchone()
        assert rows == (height,)

    towns.run(new_town("not stored"), story)


# --- turns ---


def test_turn_that_waited_for_one_whose_effect_fails_comes_all_the_same(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        engine = town.alice.engine
        slot = engine._roster.named(town.channel_id)
        stored = slot.revision
        with failing(Turns, "_release", lambda *_: slot.revision == stored + 1) as asked:
            for _ in range(2):
                slot.machine.note()
                engine._turns.run(slot)
            assert (slot.storing, slot.dirty, slot.revision) == (1, True, stored + 1)
            await town.until("both turns are over", lambda: slot.revision == stored + 2 and not slot.storing)
        assert asked == [True, False]

    towns.run(new_town("turns"), story)
