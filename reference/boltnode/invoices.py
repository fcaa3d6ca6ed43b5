"""The invoices that the node has issued: what it asks for, what it was paid.

An invoice is durable before anybody sees it. Unpaid ones that have not expired are in memory too: whoever decides
about an incoming HTLC looks them up without waiting for the disk. Being paid is part of the unit of work that also
stores the channel's state, so that an invoice is never paid twice or paid without the channel knowing.
"""

import hashlib
import heapq
import secrets
import sqlite3
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from boltnode.clock import Clock
from boltnode.keys import NodeKey
from boltnode.network import Network
from boltnode.storage.conditions import matching
from boltnode.storage.errors import Conflict
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.paging import Query, paged
from boltnode.storage.unit_of_work import UnitOfWork
from boltwire.bolt11 import Fallback, Invoice, RouteHint
from boltwire.features import FeatureBits

DEFAULT_EXPIRY: Final = 7 * 24 * 3600
"""Seconds; that of Core Lightning. BOLT 11's own default is an hour."""

INVOICE_FEATURES: Final = FeatureBits.of(required=("var_onion_optin", "payment_secret"))
"""What a payer has to understand. No ``basic_mpp``: one HTLC pays it all."""

MOST_PAID: Final = 64
"""Invoices that are paid and whose expiry is still waited for, beyond as many as are open."""


class InvoiceStatus(StrEnum):
    """Where an invoice stands."""

    UNPAID = "unpaid"
    PAID = "paid"
    EXPIRED = "expired"


class LabelTaken(Exception):
    """There is an invoice of that label."""


class PreimageTaken(Exception):
    """There is an invoice of that preimage; a second payment could be stolen by whoever saw the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvoice:
    """What an invoice is to say."""

    label: str
    """The user's own name for it, unique."""
    description: str
    amount_msat: int | None
    """None if the payer chooses."""
    expiry: int = DEFAULT_EXPIRY
    """Seconds."""
    preimage: bytes | None = None
    """32 bytes; None for a random one."""
    min_final_cltv_expiry_delta: int
    """Blocks that the last HTLC must leave us."""
    hashes_description: bool = False
    """The invoice holds the hash of the description instead of it."""
    fallbacks: tuple[Fallback, ...] = ()
    routes: tuple[RouteHint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRecord:
    """An invoice as it is stored."""

    created_index: int
    """Counts invoices from 1."""
    label: str
    payment_hash: bytes
    preimage: bytes
    payment_secret: bytes
    bolt11: str
    amount_msat: int | None
    description: str
    min_final_cltv_expiry_delta: int
    """Blocks that it asks for."""
    created_at: int
    expires_at: int
    """The last second at which to accept a payment."""
    received_msat: int | None
    """What was paid, None if nothing was."""
    paid_at: int | None

    def status(self, now: int) -> InvoiceStatus:
        """Where it stands at that time."""
        if self.paid_at is not None:
            return InvoiceStatus.PAID
        return InvoiceStatus.EXPIRED if now > self.expires_at else InvoiceStatus.UNPAID

    def __repr__(self) -> str:
        """Without the secrets, so that no log shows them."""
        return f"InvoiceRecord({self.label!r}, {self.payment_hash.hex()})"


_COLUMNS: Final = (
    "created_index, label, payment_hash, preimage, payment_secret, bolt11, amount_msat, description,"
    " min_final_cltv_expiry_delta, created_at, expires_at, received_msat, paid_at"
)


class InvoiceBook:
    """All invoices of the node; :meth:`load` comes first."""

    def __init__(self, commits: GroupCommit, key: NodeKey, network: Network, clock: Clock) -> None:
        """Over the running storage."""
        self._commits = commits
        self._key = key
        self._network = network
        self._clock = clock
        self._open: dict[bytes, InvoiceRecord] = {}
        self._expiries: list[tuple[int, bytes]] = []  # a heap; of paid ones as well, until they are too many

    async def load(self) -> None:
        """Take the invoices that can still be paid into memory."""
        now = self._clock()
        where = "paid_at IS NULL AND expires_at >= ?"
        for record in await self._commits.read(lambda connection: _select(connection, where, now)):
            self._keep(record)

    async def create(self, wanted: NewInvoice) -> InvoiceRecord:
        """Issue an invoice: it is signed and durable when this returns.

        :class:`LabelTaken`, :class:`PreimageTaken`; :class:`boltwire.bolt11.Bolt11Refused` for what must not be issued;
        :class:`boltnode.storage.latch.SigningStopped`.
        """
        preimage = wanted.preimage or secrets.token_bytes(32)
        invoice = self._invoice(wanted, hashlib.sha256(preimage).digest())
        text = self._key.sign_invoice(invoice)
        work = UnitOfWork(tentative=True)
        _insert(work, wanted, invoice, preimage, text)
        try:
            await self._commits.submit(work)
        except Conflict as conflict:
            raise await self._reason(wanted.label, invoice.payment_hash) from conflict
        record = (await self.find(label=wanted.label))[0]
        self._keep(record)
        return record

    def _invoice(self, wanted: NewInvoice, payment_hash: bytes) -> Invoice:
        hashed = hashlib.sha256(wanted.description.encode()).digest() if wanted.hashes_description else None
        return Invoice(
            currency=self._network.currency,
            timestamp=self._clock(),
            payment_hash=payment_hash,
            payment_secret=secrets.token_bytes(32),
            amount_msat=wanted.amount_msat,
            description=None if hashed else wanted.description,
            description_hash=hashed,
            expiry=wanted.expiry,
            min_final_cltv_expiry_delta=wanted.min_final_cltv_expiry_delta,
            fallbacks=wanted.fallbacks,
            routes=wanted.routes,
            features=INVOICE_FEATURES,
        )

    async def _reason(self, label: str, payment_hash: bytes) -> Exception:
        if await self.find(label=label):
            return LabelTaken(label)
        return PreimageTaken(payment_hash.hex())

    def _keep(self, record: InvoiceRecord) -> None:
        """Take into memory what can be paid, and out of it what has expired since."""
        now = self._clock()
        while self._expiries and self._expiries[0][0] < now:
            self._open.pop(heapq.heappop(self._expiries)[1], None)
        if len(self._expiries) > 2 * len(self._open) + MOST_PAID:
            self._expiries = sorted((row.expires_at, row.payment_hash) for row in self._open.values())
        self._open[record.payment_hash] = record
        heapq.heappush(self._expiries, (record.expires_at, record.payment_hash))

    def unpaid(self, payment_hash: bytes) -> InvoiceRecord | None:
        """The invoice of this hash, which may have expired; None if there is none, or it is paid or long expired."""
        return self._open.get(payment_hash)

    def settle(self, work: UnitOfWork, payment_hash: bytes, received_msat: int) -> InvoiceRecord:
        """Note in ``work`` that the invoice is paid; it is not payable any more from here on.

        KeyError unless it was issued and is unpaid. It may have expired since its HTLC was accepted.
        """
        record = self._open.pop(payment_hash)
        paid = replace(record, received_msat=received_msat, paid_at=self._clock())
        work.change(
            "UPDATE invoices SET received_msat = ?, paid_at = ? WHERE payment_hash = ? AND paid_at IS NULL",
            paid.received_msat,
            paid.paid_at,
            payment_hash,
            rows=1,
        )
        return paid

    async def find(
        self,
        *,
        label: str | None = None,
        payment_hash: bytes | None = None,
        bolt11: str | None = None,
        start: int = 0,
        limit: int | None = None,
    ) -> list[InvoiceRecord]:
        """The invoices that match everything that is given, by age, from index ``start`` on."""

        def page(first: int, count: int) -> Query[InvoiceRecord]:
            where, values = matching(first, label=label, payment_hash=payment_hash, bolt11=bolt11)
            return lambda connection: _select(connection, where, *values, limit=count)

        return await paged(self._commits, page, start, limit)


def _insert(work: UnitOfWork, wanted: NewInvoice, invoice: Invoice, preimage: bytes, text: str) -> None:
    work.change("INSERT INTO preimages VALUES (?, ?)", invoice.payment_hash, preimage, rows=1)
    work.change(
        "INSERT INTO invoices (label, payment_hash, payment_secret, bolt11, amount_msat, description,"
        " min_final_cltv_expiry_delta, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        wanted.label,
        invoice.payment_hash,
        invoice.payment_secret,
        text,
        invoice.amount_msat,
        wanted.description,
        wanted.min_final_cltv_expiry_delta,
        invoice.timestamp,
        invoice.expires_at,
        rows=1,
    )


def _select(connection: sqlite3.Connection, where: str, *values: object, limit: int = -1) -> list[InvoiceRecord]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM invoices JOIN preimages USING (payment_hash)"  # noqa: S608  # constant text only
        f" WHERE {where} ORDER BY created_index LIMIT {int(limit)}",
        values,
    )
    names = _COLUMNS.replace(" ", "").split(",")
    return [InvoiceRecord(**dict(zip(names, row, strict=True))) for row in rows]
