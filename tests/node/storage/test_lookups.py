"""What is looked up all the time is found through an index: a long history must not make a node slow."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from boltnode.invoices import InvoiceBook
from boltnode.keys import NodeKey
from boltnode.network import network_named
from boltnode.payments import PaymentBook
from boltnode.storage import channel_rows, event_rows
from boltnode.storage.conditions import matching
from boltnode.storage.database import Database
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch


def statements(path: Path, ask: Any) -> list[str]:
    """The statements that the database runs for a question to the books."""
    seen: list[str] = []

    async def run() -> None:
        latch = SigningLatch()
        database = Database(path)
        async with GroupCommit(database, latch) as commits:
            key = NodeKey(bytes(32), latch)
            invoices = InvoiceBook(commits, key, network_named("regtest"), lambda: 7)
            payments = PaymentBook(commits, lambda: 7)
            database.connection.set_trace_callback(seen.append)
            await ask(invoices, payments)
            database.connection.set_trace_callback(None)

    asyncio.run(run())
    return [statement for statement in seen if statement.startswith("SELECT")]


def plan(path: Path, statement: str) -> str:
    with Database(path) as database:
        rows = database.connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    return "; ".join(row[-1] for row in rows)


@pytest.mark.parametrize(
    "ask",
    [
        lambda invoices, _: invoices.find(label="x"),
        lambda invoices, _: invoices.find(payment_hash=bytes(32)),
        lambda invoices, _: invoices.find(bolt11="x"),
        lambda invoices, _: invoices.find(start=7, limit=1),
        lambda _, payments: payments.find(payment_hash=bytes(32)),
        lambda _, payments: payments.find(bolt11="x"),
        lambda _, payments: payments.find(start=7, limit=1),
        lambda _, payments: payments.load(),
    ],
    ids=["label", "hash", "bolt11", "invoices from", "payment hash", "payment bolt11", "payments from", "pending"],
)
def test_books_are_not_read_from_end_to_end(path: Path, ask: Any) -> None:
    (statement,) = statements(path, ask)
    found = plan(path, statement)
    assert "SEARCH" in found or "USING INDEX payments_pending" in found, found
    assert "SCAN" not in found.replace("SCAN payments USING INDEX payments_pending", ""), found


def test_events_and_channels_are_not_read_from_end_to_end(path: Path) -> None:
    seen: list[str] = []
    with Database(path) as database:
        database.connection.set_trace_callback(seen.append)
        event_rows.load(database.connection, b"x")
        database.connection.set_trace_callback(None)
        assert channel_rows.load(database.connection) == []
    assert "USING INDEX events_by_subject" in plan(path, seen[0])


def test_condition_names_what_is_given_only() -> None:
    assert matching(0) == ("created_index >= ?", (0,))
    assert matching(3, label=None, payment_hash=b"h") == ("created_index >= ? AND payment_hash = ?", (3, b"h"))


def test_plan_tells_a_scan_from_a_search(path: Path) -> None:
    assert "SCAN" in plan(path, "SELECT * FROM payments WHERE (? IS NULL OR label = ?)".replace("?", "'x'"))
