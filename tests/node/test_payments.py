"""Payments: one per hash at a time and one that succeeds ever; states only ever move on; all that over restarts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boltnode.payments import IN_DOUBT, AlreadyPaid, NewPayment, PaymentStatus, WrongPreimage
from boltnode.storage.latch import SigningStopped
from boltnode.storage.unit_of_work import UnitOfWork

Books = Any
Run = Callable[[Callable[[Books], Awaitable[None]]], None]
PREIMAGE = b"\5" * 32
HASH = hashlib.sha256(PREIMAGE).digest()
WANTED = NewPayment(payment_hash=HASH, destination=b"\2" * 33, amount_msat=5_000, bolt11="lnbcrt…", label="rent")


async def complete(books: Books, preimage: bytes = PREIMAGE) -> None:
    work = UnitOfWork()
    books.payments.complete(work, preimage, 5_003)
    await books.commits.submit(work)


async def fail(books: Books, payment_hash: bytes = HASH) -> None:
    work = UnitOfWork()
    books.payments.fail(work, payment_hash, "no route")
    await books.commits.submit(work)


def test_payment_completes_with_its_proof(with_books: Run) -> None:
    async def story(books: Books) -> None:
        begun = await books.payments.begin(WANTED)
        assert (begun.status, begun.created_at, begun.completed_at) == ("pending", books.now, None)
        assert books.payments.pending == (begun,)
        books.now += 3
        await complete(books)
        (row,) = await books.payments.find()
        assert (row.status, row.preimage, row.amount_sent_msat) == (PaymentStatus.COMPLETE, PREIMAGE, 5_003)
        assert (row.completed_at, row.failure) == (books.now, None)
        assert books.payments.pending == ()

    with_books(story)


def test_failed_payment_may_be_tried_again(with_books: Run) -> None:
    async def story(books: Books) -> None:
        await books.payments.begin(WANTED)
        await fail(books)
        again = await books.payments.begin(WANTED)
        assert again.created_index == 2
        await complete(books)
        rows = await books.payments.find(payment_hash=HASH)
        assert [row.status for row in rows] == ["failed", "complete"]
        assert rows[0].failure == "no route"

    with_books(story)


@pytest.mark.parametrize("end", [None, complete])
def test_payment_that_is_pending_or_complete_is_not_made_again(
    with_books: Run, end: Callable[[Books], Awaitable[None]] | None
) -> None:
    async def story(books: Books) -> None:
        await books.payments.begin(WANTED)
        if end is not None:
            await end(books)
        with pytest.raises(AlreadyPaid) as error:
            await books.payments.begin(replace(WANTED, amount_msat=1))
        assert error.value.record.amount_msat == 5_000
        assert len(await books.payments.find()) == 1
        books.latch.require_open()

    with_books(story)


def test_same_payment_asked_for_many_times_at_once(with_books: Run) -> None:
    async def story(books: Books) -> None:
        outcomes = await asyncio.gather(*(books.payments.begin(WANTED) for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(outcome, AlreadyPaid) for outcome in outcomes) == 9

    with_books(story)


@settings(max_examples=30)
@given(calls=st.lists(st.sampled_from(["begin", "complete", "fail", "restart"]), max_size=12))
def test_at_most_one_attempt_succeeds_in_any_order_of_calls(
    new_books: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory, calls: list[str]
) -> None:
    path = tmp_path_factory.mktemp("node") / "node.sqlite3"
    asyncio.run(_any_order(lambda: new_books(path), calls))


async def _any_order(opened: Callable[[], Books], calls: list[str]) -> None:
    state = "failed"
    for run in " ".join(calls).split("restart"):
        books = opened()
        async with books.commits:
            await books.load()
            for call in run.split():
                state = await _call(books, call, state)
            statuses = [row.status for row in await books.payments.find()]
        assert statuses[-1:] in ([state], [])
        assert statuses.count(PaymentStatus.COMPLETE) == (state == "complete")
        assert not set(statuses[:-1]) - {PaymentStatus.FAILED}


async def _call(books: Books, call: str, state: str) -> str:
    """Make the call; the state that the payment is in afterwards."""
    if call == "begin":
        if state == "failed":
            await books.payments.begin(WANTED)
            return "pending"
        with pytest.raises(AlreadyPaid):
            await books.payments.begin(WANTED)
        return state
    end = {"complete": complete, "fail": fail}[call]
    if state == "pending":
        await end(books)
        return {"complete": "complete", "fail": "failed"}[call]
    with pytest.raises((KeyError, WrongPreimage)):
        await end(books)
    return state


def test_preimage_of_another_hash_is_no_proof(with_books: Run) -> None:
    async def story(books: Books) -> None:
        await books.payments.begin(WANTED)
        with pytest.raises(WrongPreimage):
            books.payments.complete(UnitOfWork(), b"\6" * 32, 5_003)
        assert len(books.payments.pending) == 1

    with_books(story)


def test_waiter_is_told_when_the_payment_has_ended_durably(with_books: Run) -> None:
    async def story(books: Books) -> None:
        await books.payments.begin(WANTED)
        waiting = [asyncio.create_task(books.payments.ended(HASH)) for _ in range(2)]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in waiting)
        await complete(books)
        assert {task.status for task in await asyncio.gather(*waiting)} == {PaymentStatus.COMPLETE}
        assert (await books.payments.ended(HASH)).status is PaymentStatus.COMPLETE

    with_books(story)


def test_waiting_for_a_payment_that_there_is_not(with_books: Run) -> None:
    async def story(books: Books) -> None:
        with pytest.raises(LookupError, match=HASH.hex()):
            await books.payments.ended(HASH)

    with_books(story)


def test_waiter_does_not_wait_for_ever_when_the_node_stops(with_books: Run) -> None:
    async def story(books: Books) -> None:
        await books.payments.begin(WANTED)
        waiting = asyncio.create_task(books.payments.ended(HASH))
        await asyncio.sleep(0)
        while not books.payments._waiting:
            await asyncio.sleep(0)
        books.payments.give_up(SigningStopped("the disk is full"))
        with pytest.raises(SigningStopped):
            await waiting

    with_books(story)


def test_restart_knows_what_is_pending(with_books: Run) -> None:
    async def before(books: Books) -> None:
        await books.payments.begin(WANTED)
        await books.payments.begin(replace(WANTED, payment_hash=b"\1" * 32))
        await fail(books, b"\1" * 32)

    async def after(books: Books) -> None:
        assert [row.payment_hash for row in books.payments.pending] == [HASH]
        await complete(books)

    with_books(before)
    with_books(after)


def test_found_by_hash_text_status_and_index(with_books: Run) -> None:
    async def story(books: Books) -> None:
        for index in range(4):
            await books.payments.begin(replace(WANTED, payment_hash=bytes([index]) * 32, bolt11=f"text {index}"))
        await fail(books, b"\2" * 32)
        find = books.payments.find
        assert [row.created_index for row in await find(status=PaymentStatus.FAILED)] == [3]
        assert [row.created_index for row in await find(bolt11="text 1")] == [2]
        assert [row.created_index for row in await find(payment_hash=bytes(32))] == [1]
        assert [row.created_index for row in await find(start=2, limit=2)] == [2, 3]

    with_books(story)


def test_preimage_is_not_shown(with_books: Run) -> None:
    async def story(books: Books) -> None:
        await books.payments.begin(WANTED)
        await complete(books)
        (row,) = await books.payments.find()
        assert PREIMAGE.hex() not in repr(row)
        assert repr(PREIMAGE) not in repr(row)

    with_books(story)


async def doubt(books: Books) -> None:
    work = UnitOfWork()
    books.payments.leave_in_doubt(work, HASH)
    await books.commits.submit(work)


def test_payment_in_doubt_is_pending_for_good_and_not_made_again(with_books: Run) -> None:
    async def before(books: Books) -> None:
        await books.payments.begin(WANTED)
        waiting = asyncio.create_task(books.payments.ended(HASH))
        await asyncio.sleep(0.01)
        await doubt(books)
        assert (await waiting).doubt is not None, "who waits is told"

    async def after(books: Books) -> None:
        (row,) = books.payments.pending
        assert (row.status, row.doubt, row.failure) == (PaymentStatus.PENDING, IN_DOUBT, None)
        assert await books.payments.ended(HASH) == row
        with pytest.raises(AlreadyPaid):
            await books.payments.begin(WANTED)

    with_books(before)
    with_books(after)


def test_preimage_ends_the_doubt(with_books: Run) -> None:
    async def story(books: Books) -> None:
        await books.payments.begin(WANTED)
        await doubt(books)
        await complete(books)
        (row,) = await books.payments.find()
        assert (row.status, row.doubt) == (PaymentStatus.COMPLETE, None)
        with pytest.raises(KeyError):
            await doubt(books)

    with_books(story)
