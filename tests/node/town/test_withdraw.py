"""Paying on the chain when the chain does not take it: whoever asked is told, and knows what becomes of the coins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from boltchain.addresses import address_of
from boltchain.client.connection import ChainUnavailable
from boltchain.rpc import RpcError as ChainError
from boltchain.transaction import parse_transaction
from boltnode.rpc.errors import Code, RpcError

WITNESS_20 = address_of(b"\x00\x14" + bytes(20), "regtest")
WISH = {"destination": WITNESS_20, "satoshi": 100_000}
MEMPOOL_REFUSES = -26


class Refusing:
    """In front of a chain client: what is sent is answered with an error."""

    def __init__(self, client: Any, failure: Exception) -> None:
        self.failure: Exception | None = failure
        self._real, client.call = client.call, self.call

    async def call(self, method: str, *parameters: object, idempotent: bool = True) -> Any:
        if method == "sendrawtransaction" and self.failure is not None:
            raise self.failure
        return await self._real(method, *parameters, idempotent=idempotent)


def is_waiting(town: Any, raw: bytes) -> bool:
    """Whether it is in the mempool."""
    return town.chain.node.pool.get(parse_transaction(raw).txid) is not None


async def refused(town: Any) -> RpcError:
    with pytest.raises(RpcError) as found:
        await town.alice.ask("withdraw", **WISH)
    assert found.value.code == Code.FUNDING_BROADCAST_FAIL
    return found.value


def test_payment_that_the_mempool_refuses_is_forgotten_and_its_coins_are_free(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        wallet = town.alice.engine._chain.wallet
        before = wallet.balance()
        line = Refusing(
            town.alice.engine._chain.client,
            ChainError("sendrawtransaction", MEMPOOL_REFUSES, "mempool min fee not met"),
        )
        assert "nothing is paid: mempool min fee not met" in (await refused(town)).message
        assert (wallet.balance(), wallet.to_send()) == (before, [])
        line.failure = None
        sent = await town.alice.ask("withdraw", **WISH)
        assert is_waiting(town, bytes.fromhex(sent["tx"]))

    towns.run(new_town("refused"), story)


def test_payment_that_could_not_be_sent_leaves_with_the_next_block(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """The answer may be all that was lost: to pay with other coins could be to pay twice."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        line = Refusing(town.alice.engine._chain.client, ChainUnavailable("nobody listens"))
        assert "offered again with every block" in (await refused(town)).message
        (raw,) = town.alice.engine._chain.wallet.to_send()
        line.failure = None
        await town.mine()
        await town.until("it is offered again", lambda: is_waiting(town, raw))
        assert town.alice.engine._chain.wallet.to_send() == [raw]

    towns.run(new_town("unsent"), story)
