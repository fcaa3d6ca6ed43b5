"""Commands about what the node pays: ``pay``, ``listpays``.

``pay`` records the payment as pending before the engine offers its HTLC, so that no crash makes the node pay twice. It
answers when the payment has ended. Asked to pay again what is under way, it waits with the first one; what was paid
already it answers from the books.
"""

from decimal import Decimal
from typing import Final

from boltnode.engine import EngineError
from boltnode.payments import AlreadyPaid, NewPayment, PaymentRecord, PaymentStatus
from boltnode.rpc.command import Command, Parameter, Result, refused, required
from boltnode.rpc.context import RpcContext
from boltnode.rpc.errors import Code, RpcError, bad_parameter
from boltnode.rpc.kinds import HASH, INDEX, LABEL, MSAT, PERCENT, POSITIVE_MSAT, TEXT, U16, U32, one_of
from boltnode.rpc.shapes import listed_payment_shape, payment_shape
from boltnode.storage.unit_of_work import UnitOfWork
from boltwire.bolt11 import Invoice, decode
from boltwire.errors import DecodeError

EXEMPT_FEE_MSAT: Final = 5000
"""A fee up to this is never too much, whatever share of the amount it is; that of Core Lightning."""


async def pay(
    context: RpcContext,
    *,
    bolt11: str,
    amount_msat: int | None,
    label: str | None,
    maxfeepercent: Decimal,
    retry_for: int,
    exemptfee: int,
    maxfee: int | None,
    description: str | None,
) -> Result:
    """Pay a payment request."""
    invoice = _payable(context, bolt11, description)
    amount = _amount(invoice, amount_msat)
    max_fee_msat = max(exemptfee, int(amount * maxfeepercent / 100)) if maxfee is None else maxfee
    assert invoice.payee is not None, "the reader recovers it"
    wanted = NewPayment(
        payment_hash=invoice.payment_hash, destination=invoice.payee, amount_msat=amount, bolt11=bolt11, label=label
    )
    try:
        record = await context.services.payments.begin(wanted)
    except AlreadyPaid as error:
        return await _paid_before(context, error.record, wanted)
    return payment_shape(await _attempt(context, record, invoice, max_fee_msat, retry_for))


def _payable(context: RpcContext, bolt11: str, description: str | None) -> Invoice:
    """The invoice, if it can be paid by this node, now; the error says what speaks against it."""
    services = context.services
    try:
        invoice = decode(bolt11.strip())
    except DecodeError as error:
        raise RpcError(Code.INVALID_PARAMS, f"bolt11: Invalid bolt11: {error}") from error
    if invoice.currency is not services.network.currency:
        raise RpcError(Code.INVALID_PARAMS, f"bolt11: not for {services.network.name}: {invoice.currency.prefix}")
    if invoice.description_hash is not None and description is not None and not invoice.describes(description):
        raise bad_parameter("description", "what the payment request holds the hash of", description)
    if invoice.description_hash is None and description not in (None, invoice.description):
        raise bad_parameter("description", "absent, or what the payment request says", description)
    if invoice.payee == services.key.node_id:
        raise RpcError(Code.PAY_ROUTE_NOT_FOUND, "the payment request is this node's own")
    now = services.clock()
    if invoice.has_expired(now):
        data = {"now": now, "expiry": invoice.expires_at}
        raise RpcError(Code.PAY_INVOICE_EXPIRED, "Invoice expired", data)
    return invoice


def _amount(invoice: Invoice, amount_msat: int | None) -> int:
    if invoice.amount_msat is None:
        if amount_msat is None:
            raise RpcError(Code.INVALID_PARAMS, "amount_msat: required, for the payment request names no amount")
        return amount_msat
    if amount_msat not in (None, invoice.amount_msat):
        raise bad_parameter("amount_msat", f"absent: the payment request says {invoice.amount_msat}", amount_msat)
    return invoice.amount_msat


async def _paid_before(context: RpcContext, earlier: PaymentRecord, wanted: NewPayment) -> Result:
    if (earlier.amount_msat, earlier.destination) != (wanted.amount_msat, wanted.destination):
        already = f"{earlier.amount_msat}msat to {earlier.destination.hex()}"
        raise RpcError(Code.PAY_RHASH_ALREADY_USED, f"Payment {earlier.status} with another amount or node: {already}")
    return payment_shape(_successful(await context.services.payments.ended(earlier.payment_hash)))


async def _attempt(
    context: RpcContext, record: PaymentRecord, invoice: Invoice, max_fee_msat: int, retry_seconds: int
) -> PaymentRecord:
    payments = context.services.payments
    try:
        await context.engine.pay(record, invoice, max_fee_msat, retry_seconds)
    except EngineError as error:
        work = UnitOfWork()
        payments.fail(work, record.payment_hash, error.message)
        await context.services.commits.submit(work)
        raise RpcError(error.code, error.message) from error
    return _successful(await payments.ended(record.payment_hash))


def _successful(record: PaymentRecord) -> PaymentRecord:
    if record.doubt is not None:
        raise RpcError(Code.PAY_IN_PROGRESS, f"Payment in doubt: {record.doubt}", payment_shape(record))
    if record.status is PaymentStatus.FAILED:
        raise RpcError(Code.PAY_DESTINATION_PERM_FAIL, f"Payment failed: {record.failure}", payment_shape(record))
    return record


async def listpays(
    context: RpcContext,
    *,
    bolt11: str | None,
    payment_hash: bytes | None,
    status: str | None,
    start: int,
    limit: int | None,
) -> Result:
    """Payments that match."""
    if bolt11 is not None and payment_hash is not None:
        raise RpcError(Code.INVALID_PARAMS, "Can only specify one of {bolt11} or {payment_hash}")
    records = await context.services.payments.find(
        bolt11=bolt11,
        payment_hash=payment_hash,
        status=None if status is None else PaymentStatus(status),
        start=start,
        limit=limit,
    )
    return {"pays": [listed_payment_shape(record) for record in records]}


_NO_ROUTES = "Payments go over one channel."
COMMANDS = (
    Command(
        "pay",
        "payment",
        "Pay a payment request; answers when it is paid or has failed.",
        pay,
        (
            required("bolt11", TEXT, "The payment request."),
            Parameter("amount_msat", POSITIVE_MSAT, "The amount, if the payment request leaves it open."),
            Parameter("label", LABEL, "Your own name for the payment."),
            refused("riskfactor", _NO_ROUTES),
            Parameter("maxfeepercent", PERCENT, "Most fee in percent of the amount.", default=Decimal("0.5")),
            Parameter("retry_for", U16, "Seconds to go on trying.", default=60),
            refused("maxdelay", _NO_ROUTES),
            Parameter("exemptfee", MSAT, "A fee that is never too much.", default=EXEMPT_FEE_MSAT),
            refused("localinvreqid", "The node pays no BOLT 12 invoices."),
            refused("exclude", _NO_ROUTES),
            Parameter("maxfee", MSAT, "Most fee, in place of maxfeepercent and exemptfee."),
            Parameter("description", TEXT, "The description whose hash the payment request holds."),
            refused("partial_msat", "The node pays in one part."),
        ),
    ),
    Command(
        "listpays",
        "payment",
        "List payments, all of them or one.",
        listpays,
        (
            Parameter("bolt11", TEXT, "Only those of this payment request."),
            Parameter("payment_hash", HASH, "Only those of this hash."),
            Parameter("status", one_of("pending", "complete", "failed"), "Only those that are so."),
            Parameter("index", one_of("created"), "What start and limit count by.", passed=False),
            Parameter("start", INDEX, "The first index to list.", default=0),
            Parameter("limit", U32, "Most to list."),
        ),
    ),
)
"""For a node with an engine."""
