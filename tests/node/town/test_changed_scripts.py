"""A closing transaction is known as one though its scripts have been changed since it was signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltchain.transaction import parse_transaction
from boltnode.channels.scripts import script_fact
from boltnode.onchain.reading import Spender
from boltspec.lifetime.state import End

ELSEWHERE = script_fact(bytes([0, 20, *(7,) * 20]))


@pytest.mark.parametrize("simple_close", [True, False], ids=["simple", "legacy"])
@pytest.mark.parametrize("changed", ["local_script", "remote_script"])
def test_earlier_closing_transaction_is_known_once_a_script_was_changed(
    changed: str, simple_close: bool, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """One of the two has named another script since, as each ``closing_complete`` may; the earlier one confirms."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        await town.bob.ask("close", id=town.channel_id.hex())
        await town.quiet()
        machine = town.alice.machine(town.channel_id)
        earlier = machine.record.closing_transactions[0]
        closing = machine.life.closing
        policy = replace(closing.policy, script=ELSEWHERE) if changed == "local_script" else closing.policy
        machine._move(replace(machine.life, closing=replace(closing, policy=policy, **{changed: ELSEWHERE})))
        town.chain.node.generate_block([parse_transaction(earlier)], bytes([0x51]))
        await town.until("both have seen the block", town._is_seen)
        await town.quiet()
        assert town.alice.engine._on_chain._told[town.channel_id] is Spender.MUTUAL
        assert machine.life.end is not End.FAILED

    towns.run(new_town("elsewhere", simple_close=simple_close), story)
