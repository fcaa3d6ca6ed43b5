"""Two channels with one peer: a payment goes over the one that can carry it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from boltnode.rpc.errors import Code, RpcError

SMALL_SAT, LARGE_SAT = 50_000, 800_000


async def open_all(town: Any, stories: Any, amounts: Sequence[int]) -> None:
    """Channels of these amounts, one after the other."""
    await stories.fund(town)
    for amount in amounts:
        await town.alice.ask("fundchannel", id=town.bob.node_id.hex(), amount=amount)
        await town.mine()
    await town.until("they are open", lambda: all(m.life.is_open for node in town.nodes for m in node.machines))
    await town.quiet()


async def bill(town: Any, amount_sat: int, label: str) -> str:
    made = await town.bob.ask("invoice", amount_msat=amount_sat * 1000, label=label, description="")
    return str(made["bolt11"])


@pytest.mark.parametrize("amounts", [(SMALL_SAT, LARGE_SAT), (LARGE_SAT, SMALL_SAT)], ids=["the second", "the first"])
def test_payment_goes_over_the_channel_that_can_carry_it(
    amounts: Sequence[int], new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        await open_all(town, stories, amounts)
        paid = await town.alice.ask("pay", bolt11=await bill(town, 200_000, "tea"))
        assert paid["status"] == "complete"

    towns.run(new_town("either"), story)


def test_payment_that_no_channel_can_carry_is_refused_at_once(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        await open_all(town, stories, (SMALL_SAT, LARGE_SAT))
        before = asyncio.get_running_loop().time()
        with pytest.raises(RpcError) as refused:
            await town.alice.ask("pay", bolt11=await bill(town, LARGE_SAT, "all of it"))
        assert refused.value.code == Code.PAY_ROUTE_NOT_FOUND
        assert asyncio.get_running_loop().time() - before < 10, "not only once its time is up"

    towns.run(new_town("neither"), story)


def test_nothing_is_kept_of_payments_that_have_ended(new_town: Callable[..., Any], towns: Any, stories: Any) -> None:
    """However they have ended: the next one finds only what is under way."""

    async def story(town: Any) -> None:
        await open_all(town, stories, (LARGE_SAT,))
        for label in ("all of it", "all of it again"):
            with pytest.raises(RpcError):
                await town.alice.ask("pay", bolt11=await bill(town, LARGE_SAT, label))
        await town.alice.ask("pay", bolt11=await bill(town, 1_000, "tea"))
        assert len(town.alice.engine._paying._deadlines) <= 1

    towns.run(new_town("ended"), story)
