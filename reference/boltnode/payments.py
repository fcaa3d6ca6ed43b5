"""The payments that the node has made: each hash at most once, whatever happens in between.

A payment is durable as *pending* before its HTLC is offered. It leaves that state once, in the unit of work that also
stores the channel's state: to *complete* with the preimage, or to *failed*, which alone permits another attempt.

                begin                complete
    (nothing) --------> pending -----------------> complete
     (failed)              |         fail
                           +---------------------> failed

A payment of which the node cannot learn any more whether it was made, because data was lost, is *in doubt*: it stays
pending for good, so that nobody takes it for failed, and says why. Who waits for it to end waits no longer.
"""

import asyncio
import hashlib
import sqlite3
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from boltnode.clock import Clock
from boltnode.storage.conditions import matching
from boltnode.storage.errors import Conflict
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.paging import Query, paged
from boltnode.storage.unit_of_work import UnitOfWork


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    PENDING = "pending"
    COMPLETE = "complete"
    FAILED = "failed"


class WrongPreimage(ValueError):
    """The bytes are not what the payment hash is the hash of: no proof of payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """What is to be paid."""

    payment_hash: bytes
    destination: bytes
    """Node id."""
    amount_msat: int
    """What the destination gets."""
    bolt11: str
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRecord:
    """A payment as it is stored."""

    created_index: int
    """Counts attempts at payments from 1."""
    payment_hash: bytes
    destination: bytes
    amount_msat: int
    bolt11: str
    label: str | None
    status: PaymentStatus
    created_at: int
    completed_at: int | None
    """When it left the state *pending*."""
    amount_sent_msat: int | None
    """With all fees; None unless complete."""
    preimage: bytes | None
    """The proof; None unless complete."""
    failure: str | None
    """Why it failed; None unless it did."""
    doubt: str | None
    """Why it will not be known whether the payment was made; None unless it is pending for good."""

    def __repr__(self) -> str:
        """Without the preimage, so that no log shows it."""
        return f"PaymentRecord({self.payment_hash.hex()}, {self.amount_msat} msat, {self.status})"


IN_DOUBT: Final = (
    "data was lost, and the outcome of this payment is unknown: ask the payee whether it was made before you pay again,"
    " with another payment request"
)
"""Why a payment is in doubt, and what to do."""


class AlreadyPaid(Exception):
    """There is a payment of this hash that is pending or complete: ``record``."""

    def __init__(self, record: PaymentRecord) -> None:
        super().__init__(f"a payment of {record.payment_hash.hex()} is {record.status}")
        self.record = record


_COLUMNS: Final = (
    "created_index, payment_hash, destination, amount_msat, bolt11, label, status, created_at, completed_at,"
    " amount_sent_msat, preimage, failure, doubt"
)


class PaymentBook:
    """All payments of the node; :meth:`load` comes first."""

    def __init__(self, commits: GroupCommit, clock: Clock) -> None:
        """Over the running storage."""
        self._commits = commits
        self._clock = clock
        self._pending: dict[bytes, PaymentRecord] = {}
        self._waiting: dict[bytes, list[asyncio.Future[PaymentRecord]]] = {}

    async def load(self) -> None:
        """Take the pending payments into memory."""
        rows = await self._commits.read(lambda connection: _select(connection, "status = 'pending'"))
        self._pending = {row.payment_hash: row for row in rows}

    @property
    def pending(self) -> tuple[PaymentRecord, ...]:
        """What has begun and not ended; after a restart, those without an HTLC in any channel are to be failed.

        Those in doubt are among them.
        """
        return tuple(self._pending.values())

    async def begin(self, wanted: NewPayment) -> PaymentRecord:
        """Record a payment as pending: it is durable when this returns, and its HTLC may be offered.

        :class:`AlreadyPaid` if the hash is being paid or was; :class:`boltnode.storage.latch.SigningStopped`.
        """
        work = UnitOfWork(tentative=True)
        work.change(
            "INSERT INTO payments (payment_hash, destination, amount_msat, bolt11, label, status, created_at)"
            " VALUES (?, ?, ?, ?, ?, 'pending', ?)",
            wanted.payment_hash,
            wanted.destination,
            wanted.amount_msat,
            wanted.bolt11,
            wanted.label,
            self._clock(),
            rows=1,
        )
        try:
            await self._commits.submit(work)
        except Conflict as conflict:
            raise AlreadyPaid(await self._latest(wanted.payment_hash)) from conflict
        record = await self._latest(wanted.payment_hash)
        self._pending[wanted.payment_hash] = record
        return record

    async def _latest(self, payment_hash: bytes) -> PaymentRecord:
        return (await self.find(payment_hash=payment_hash))[-1]

    def complete(self, work: UnitOfWork, preimage: bytes, amount_sent_msat: int) -> PaymentRecord:
        """Note in ``work`` that the payment of this preimage was made. KeyError unless it is pending."""
        payment_hash = hashlib.sha256(preimage).digest()
        if payment_hash not in self._pending:
            raise WrongPreimage(f"no pending payment has the hash {payment_hash.hex()}")
        work.change("INSERT OR IGNORE INTO preimages VALUES (?, ?)", payment_hash, preimage)
        ended = replace(
            self._pending[payment_hash],
            status=PaymentStatus.COMPLETE,
            preimage=preimage,
            amount_sent_msat=amount_sent_msat,
        )
        return self._end(work, ended)

    def fail(self, work: UnitOfWork, payment_hash: bytes, failure: str) -> PaymentRecord:
        """Note in ``work`` that the payment has failed for good: no HTLC of it is left. KeyError unless pending."""
        return self._end(work, replace(self._pending[payment_hash], status=PaymentStatus.FAILED, failure=failure))

    def leave_in_doubt(self, work: UnitOfWork, payment_hash: bytes) -> PaymentRecord:
        """Note in ``work`` that it will not be known whether the payment was made. KeyError unless it is pending."""
        doubted = replace(self._pending[payment_hash], doubt=IN_DOUBT)
        statement = "UPDATE payments SET doubt = ? WHERE created_index = ? AND status = 'pending'"
        work.change(statement, doubted.doubt, doubted.created_index, rows=1)
        self._pending[payment_hash] = doubted
        work.after(lambda: self._tell(doubted))
        return doubted

    def _end(self, work: UnitOfWork, record: PaymentRecord) -> PaymentRecord:
        ended = replace(record, completed_at=self._clock(), doubt=None)
        work.change(
            "UPDATE payments"
            " SET status = ?, completed_at = ?, amount_sent_msat = ?, preimage = ?, failure = ?, doubt = ?"
            " WHERE created_index = ? AND status = 'pending'",
            ended.status,
            ended.completed_at,
            ended.amount_sent_msat,
            ended.preimage,
            ended.failure,
            ended.doubt,
            ended.created_index,
            rows=1,
        )
        del self._pending[ended.payment_hash]
        work.after(lambda: self._tell(ended))
        return ended

    def _tell(self, record: PaymentRecord) -> None:
        for future in self._waiting.pop(record.payment_hash, []):
            if not future.done():
                future.set_result(record)

    async def ended(self, payment_hash: bytes) -> PaymentRecord:
        """The payment once it is complete, has failed or is in doubt, durably; LookupError if none has that hash."""
        record = await self._latest_or_none(payment_hash)
        if record is None:
            raise LookupError(f"no payment has the hash {payment_hash.hex()}")
        if record.status is not PaymentStatus.PENDING or record.doubt is not None:
            return record
        future: asyncio.Future[PaymentRecord] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(payment_hash, []).append(future)
        return await future

    def give_up(self, error: Exception) -> None:
        """Fail everybody who waits for a payment to end: this process will not see it."""
        waiting, self._waiting = self._waiting, {}
        for future in (future for futures in waiting.values() for future in futures):
            if not future.done():
                future.set_exception(error)

    async def _latest_or_none(self, payment_hash: bytes) -> PaymentRecord | None:
        found = await self.find(payment_hash=payment_hash)
        return found[-1] if found else None

    async def find(
        self,
        *,
        payment_hash: bytes | None = None,
        bolt11: str | None = None,
        status: PaymentStatus | None = None,
        start: int = 0,
        limit: int | None = None,
    ) -> list[PaymentRecord]:
        """The payments that match everything that is given, by age, from index ``start`` on."""

        def page(first: int, count: int) -> Query[PaymentRecord]:
            where, values = matching(first, payment_hash=payment_hash, bolt11=bolt11, status=status)
            return lambda connection: _select(connection, where, *values, limit=count)

        return await paged(self._commits, page, start, limit)


def _select(connection: sqlite3.Connection, where: str, *values: object, limit: int = -1) -> list[PaymentRecord]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM payments WHERE {where}"  # noqa: S608  # constant text only
        f" ORDER BY created_index LIMIT {int(limit)}",
        values,
    )
    names = _COLUMNS.replace(" ", "").split(",")
    found = [PaymentRecord(**dict(zip(names, row, strict=True))) for row in rows]
    return [replace(row, status=PaymentStatus(row.status)) for row in found]
