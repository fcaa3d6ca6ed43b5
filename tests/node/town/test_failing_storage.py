"""A node whose disk is full, or whose database cannot be written, signs and sends nothing more, and says why."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from boltnode.storage.latch import SigningStopped

FAILURES = {"disk full": "full", "read-only": "readonly"}
"""And a word of what SQLite says."""


def fail(connection: sqlite3.Connection, failure: str) -> None:
    """Let it fail from now on."""
    if failure == "read-only":
        connection.execute("PRAGMA query_only = ON")
        return
    connection.execute("CREATE TABLE filler (content)")
    connection.execute("PRAGMA max_page_count = 1")  # SQLite takes what there is for the least
    with suppress(sqlite3.OperationalError):
        while True:
            connection.execute("INSERT INTO filler VALUES (zeroblob(500))")


@pytest.mark.parametrize("seat", [0, 1], ids=["payer", "payee"])
@pytest.mark.parametrize("failure", FAILURES)
def test_storage_fails_under_a_payment(
    failure: str, seat: int, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """Nothing leaves any more; a new process with a sound disk goes on, and the payment ends for both alike."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        told = stories.Told(town)
        await stories.pay(told, 0, 5_000, "before")
        invoice = await town.bob.ask("invoice", amount_msat=9_000_000, label="during", description="")
        town.armed = True
        node = town.nodes[seat]
        fail(node.database.connection, failure)
        paying = asyncio.ensure_future(town.alice.ask("pay", bolt11=invoice["bolt11"]))
        await asyncio.sleep(30)
        assert node.latch.reason is not None
        assert FAILURES[failure] in node.latch.reason
        said = [what for owner, what in town.points if owner == seat and what.startswith("send")]
        assert said == []
        node.die()
        await asyncio.gather(paying, return_exceptions=True)
        town.armed = False
        await asyncio.sleep(2)
        await stories.pay(told, 0, 9_000, "during")
        await stories.close(told, 0)
        assert town.deaths == 1
        assert all(isinstance(fault, SigningStopped) for fault in town.faults)

    towns.run(new_town("failing"), story)
