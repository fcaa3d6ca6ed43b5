"""A node whose chain is in trouble: it goes on when it can, and does not pretend to when it cannot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from boltchain.client.connection import CredentialsRefused
from boltchain.client.node import NOT_FOUND
from boltchain.rpc import RpcError
from boltchain.transaction import display

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
