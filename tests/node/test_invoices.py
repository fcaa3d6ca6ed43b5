"""Invoices: issued once, found again, paid once, expired in time; all that over restarts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from boltnode.invoices import InvoiceStatus, LabelTaken, NewInvoice, PreimageTaken
from boltnode.storage.latch import SigningStopped
from boltnode.storage.paging import PAGE
from boltnode.storage.unit_of_work import UnitOfWork
from boltwire.bolt11 import Bolt11Refused, decode

Books = Any
Run = Callable[[Callable[[Books], Awaitable[None]]], None]
WANTED = NewInvoice(label="tea", description="a cup of tea", amount_msat=7_001, min_final_cltv_expiry_delta=18)


def test_invoice_says_what_was_wanted_and_is_signed(with_books: Run) -> None:
    async def story(books: Books) -> None:
        record = await books.invoices.create(WANTED)
        invoice = decode(record.bolt11)
        assert invoice.payee == books.key.node_id
        assert (invoice.amount_msat, invoice.description) == (7_001, "a cup of tea")
        assert invoice.payment_hash == record.payment_hash == hashlib.sha256(record.preimage).digest()
        assert invoice.payment_secret == record.payment_secret
        assert invoice.expires_at == record.expires_at == books.now + 7 * 24 * 3600
        assert invoice.final_cltv_expiry_delta == 18
        assert not invoice.allows_mpp
        assert record.created_index == 1
        assert record.status(books.now) is InvoiceStatus.UNPAID

    with_books(story)


def test_invoice_without_amount_with_a_hashed_description_and_a_given_preimage(with_books: Run) -> None:
    async def story(books: Books) -> None:
        preimage = b"\7" * 32
        record = await books.invoices.create(
            replace(WANTED, amount_msat=None, hashes_description=True, preimage=preimage, expiry=60)
        )
        invoice = decode(record.bolt11)
        assert invoice.amount_msat is None
        assert invoice.description is None
        assert invoice.describes("a cup of tea")
        assert (record.preimage, record.description) == (preimage, "a cup of tea")
        assert invoice.expires_at == books.now + 60

    with_books(story)


def test_label_is_used_once(with_books: Run) -> None:
    async def story(books: Books) -> None:
        first = await books.invoices.create(WANTED)
        with pytest.raises(LabelTaken, match="tea"):
            await books.invoices.create(WANTED)
        assert await books.invoices.find() == [first]
        assert (await books.invoices.create(replace(WANTED, label="more tea"))).created_index == 2

    with_books(story)


def test_preimage_is_used_once(with_books: Run) -> None:
    async def story(books: Books) -> None:
        await books.invoices.create(replace(WANTED, preimage=b"\7" * 32))
        with pytest.raises(PreimageTaken):
            await books.invoices.create(replace(WANTED, label="coffee", preimage=b"\7" * 32))
        assert len(await books.invoices.find()) == 1

    with_books(story)


def test_same_label_at_the_same_time(with_books: Run) -> None:
    async def story(books: Books) -> None:
        outcomes = await asyncio.gather(*(books.invoices.create(WANTED) for _ in range(5)), return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvoiceRecord", *["LabelTaken"] * 4]
        books.latch.require_open()

    with_books(story)


@pytest.mark.parametrize(
    "change", [{"description": "\ud800"}, {"amount_msat": 0}, {"expiry": -1}, {"min_final_cltv_expiry_delta": -1}]
)
def test_what_no_invoice_may_say_is_refused_and_leaves_no_trace(with_books: Run, change: dict[str, Any]) -> None:
    async def story(books: Books) -> None:
        with pytest.raises(Bolt11Refused):
            await books.invoices.create(replace(WANTED, **change))
        assert await books.invoices.find() == []

    with_books(story)


def test_known_until_it_is_paid(with_books: Run) -> None:
    async def story(books: Books) -> None:
        record = await books.invoices.create(WANTED)
        assert books.invoices.unpaid(record.payment_hash) == record
        work = UnitOfWork()
        paid = books.invoices.settle(work, record.payment_hash, 7_002)
        assert books.invoices.unpaid(record.payment_hash) is None, "a second HTLC must not be accepted"
        await books.commits.submit(work)
        assert await books.invoices.find(label="tea") == [paid]
        assert (paid.status(books.now), paid.received_msat, paid.paid_at) == ("paid", 7_002, books.now)
        with pytest.raises(KeyError):
            books.invoices.settle(UnitOfWork(), record.payment_hash, 7_002)

    with_books(story)


def test_known_with_its_end_and_out_of_memory_some_time_after_it(with_books: Run) -> None:
    async def story(books: Books) -> None:
        record = await books.invoices.create(replace(WANTED, expiry=60))
        assert record.expires_at == books.now + 60
        books.now += 61
        assert books.invoices.unpaid(record.payment_hash) == record, "whether it may be paid is not decided here"
        assert record.status(books.now) is InvoiceStatus.EXPIRED
        await books.invoices.create(replace(WANTED, label="the next one"))
        assert books.invoices.unpaid(record.payment_hash) is None

    with_books(story)


def test_the_blocks_that_an_invoice_asks_for_are_stored_with_it(with_books: Run) -> None:
    async def story(books: Books) -> None:
        record = await books.invoices.create(replace(WANTED, min_final_cltv_expiry_delta=144))
        assert record.min_final_cltv_expiry_delta == 144
        assert decode(record.bolt11).min_final_cltv_expiry_delta == 144
        assert await books.invoices.find() == [record]

    with_books(story)


def test_htlc_that_was_accepted_in_time_settles_an_invoice_that_has_expired_since(with_books: Run) -> None:
    async def story(books: Books) -> None:
        record = await books.invoices.create(replace(WANTED, expiry=60))
        books.now += 61
        work = UnitOfWork()
        books.invoices.settle(work, record.payment_hash, 7_001)
        await books.commits.submit(work)
        assert (await books.invoices.find())[0].status(books.now) is InvoiceStatus.PAID

    with_books(story)


def test_restart_knows_what_can_be_paid(with_books: Run) -> None:
    hashes: dict[str, bytes] = {}

    async def before(books: Books) -> None:
        for label, expiry in (("open", 100), ("paid", 100), ("expires", 10)):
            record = await books.invoices.create(replace(WANTED, label=label, expiry=expiry))
            hashes[label] = record.payment_hash
        work = UnitOfWork()
        books.invoices.settle(work, hashes["paid"], 7_001)
        await books.commits.submit(work)

    async def after(books: Books) -> None:
        books.now += 20
        await books.load()
        payable = [label for label, found in hashes.items() if books.invoices.unpaid(found)]
        assert payable == ["open"]
        statuses = {row.label: row.status(books.now) for row in await books.invoices.find()}
        assert statuses == {"open": "unpaid", "paid": "paid", "expires": "expired"}

    with_books(before)
    with_books(after)


def test_found_by_label_hash_text_and_index(with_books: Run) -> None:
    async def story(books: Books) -> None:
        rows = [await books.invoices.create(replace(WANTED, label=str(index))) for index in range(4)]
        find = books.invoices.find
        assert await find(label="2") == [rows[2]]
        assert await find(payment_hash=rows[1].payment_hash) == [rows[1]]
        assert await find(bolt11=rows[3].bolt11) == [rows[3]]
        assert await find(label="2", bolt11=rows[3].bolt11) == []
        assert await find(start=3) == rows[2:]
        assert await find(start=2, limit=2) == rows[1:3]
        assert await find(limit=0) == []

    with_books(story)


def test_long_listing_is_complete(with_books: Run) -> None:
    async def story(books: Books) -> None:
        count = 2 * PAGE + 1
        await asyncio.gather(*(books.invoices.create(replace(WANTED, label=str(index))) for index in range(count)))
        assert [row.created_index for row in await books.invoices.find()] == list(range(1, count + 1))
        assert len(await books.invoices.find(limit=PAGE + 1)) == PAGE + 1

    with_books(story)


def test_memory_holds_what_can_be_paid_only(with_books: Run) -> None:
    async def story(books: Books) -> None:
        for index in range(300):
            record = await books.invoices.create(replace(WANTED, label=str(index), expiry=1000 if index % 2 else 5))
            if index % 2:
                work = UnitOfWork()
                books.invoices.settle(work, record.payment_hash, 7_001)
                await books.commits.submit(work)
            books.now += 1
        assert len(books.invoices._open) <= 10
        assert len(books.invoices._expiries) <= 100

    with_books(story)


def test_nothing_is_issued_when_nothing_may_be_signed(with_books: Run) -> None:
    async def story(books: Books) -> None:
        books.latch.close("the disk is full")
        with pytest.raises(SigningStopped, match="the disk is full"):
            await books.invoices.create(WANTED)

    with_books(story)


def test_secrets_are_not_shown(with_books: Run) -> None:
    async def story(books: Books) -> None:
        record = await books.invoices.create(WANTED)
        for secret in (record.preimage, record.payment_secret):
            assert secret.hex() not in repr(record)
            assert repr(secret) not in repr(record)

    with_books(story)
