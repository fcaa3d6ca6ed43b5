"""Commands about what the node asks for: ``invoice``, ``listinvoices``."""

from boltnode.invoices import DEFAULT_EXPIRY, LabelTaken, NewInvoice, PreimageTaken
from boltnode.rpc.command import Command, Parameter, Result, refused, required
from boltnode.rpc.context import RpcContext
from boltnode.rpc.errors import Code, RpcError, bad_parameter
from boltnode.rpc.kinds import ADDRESSES, BOOLEAN, HASH, INDEX, LABEL, MSAT_OR_ANY, SECONDS, TEXT, U16, U32, one_of
from boltnode.rpc.shapes import invoice_record_shape
from boltwire.bolt11 import Bolt11Refused, Fallback
from boltwire.errors import DecodeError

WITHOUT_HASH = 639
"""Bytes of a description that fit into a payment request."""


async def invoice(
    context: RpcContext,
    *,
    amount_msat: int | None,
    label: str,
    description: str,
    expiry: int,
    fallbacks: tuple[str, ...],
    preimage: bytes | None,
    cltv: int | None,
    deschashonly: bool,
) -> Result:
    """Issue a payment request."""
    if not deschashonly and len(description.encode()) > WITHOUT_HASH:
        expected = f"at most {WITHOUT_HASH} bytes, or deschashonly true"
        raise bad_parameter("description", expected, description)
    least = context.services.options.cltv_final
    if cltv is not None and cltv < least:
        raise bad_parameter("cltv", f"{least} or more, which is the option cltv-final", cltv)
    wanted = NewInvoice(
        label=label,
        description=description,
        amount_msat=amount_msat,
        expiry=expiry,
        preimage=preimage,
        min_final_cltv_expiry_delta=least if cltv is None else cltv,
        hashes_description=deschashonly,
        fallbacks=tuple(_fallback(context, text) for text in fallbacks),
    )
    try:
        record = await context.services.invoices.create(wanted)
    except LabelTaken as error:
        raise RpcError(Code.INVOICE_LABEL_ALREADY_EXISTS, f"Duplicate label '{label}'") from error
    except PreimageTaken as error:
        raise RpcError(Code.INVOICE_PREIMAGE_ALREADY_EXISTS, "preimage already used") from error
    except Bolt11Refused as error:
        raise RpcError(Code.INVALID_PARAMS, str(error)) from error
    return {
        "payment_hash": record.payment_hash.hex(),
        "expires_at": record.expires_at,
        "bolt11": record.bolt11,
        "payment_secret": record.payment_secret.hex(),
        "created_index": record.created_index,
    }


def _fallback(context: RpcContext, text: str) -> Fallback:
    network = context.services.network
    try:
        return Fallback.from_address(text, network.currency)
    except DecodeError as error:
        raise bad_parameter("fallbacks", f"addresses on {network.name}", text) from error


async def listinvoices(
    context: RpcContext,
    *,
    label: str | None,
    invstring: str | None,
    payment_hash: bytes | None,
    offer_id: bytes | None,
    start: int,
    limit: int | None,
) -> Result:
    """The invoices that match."""
    if sum(value is not None for value in (label, invstring, payment_hash, offer_id)) > 1:
        message = "Can only specify one of {label}, {invstring}, {payment_hash} or {offer_id}"
        raise RpcError(Code.INVALID_PARAMS, message)
    if offer_id is not None:
        return {"invoices": []}  # no invoice of this node belongs to an offer
    records = await context.services.invoices.find(
        label=label, bolt11=invstring, payment_hash=payment_hash, start=start, limit=limit
    )
    now = context.services.clock()
    return {"invoices": [invoice_record_shape(record, now) for record in records]}


COMMANDS = (
    Command(
        "invoice",
        "payment",
        "Issue a payment request; it is stored before it is shown.",
        invoice,
        (
            required("amount_msat", MSAT_OR_ANY, "What is to be paid; any leaves it to the payer."),
            required("label", LABEL, "Your own name for it; each can be used once."),
            required("description", TEXT, "What is paid for; the payer sees it."),
            Parameter("expiry", SECONDS, "Validity in seconds; a week by default.", default=DEFAULT_EXPIRY),
            Parameter("fallbacks", ADDRESSES, "Addresses to pay to if all else fails, best first.", default=()),
            Parameter("preimage", HASH, "The proof of payment; random by default, and better so."),
            refused("exposeprivatechannels", "The node gives no routing hints."),
            Parameter("cltv", U16, "Blocks that the payment must leave the node; see the option cltv-final."),
            Parameter("deschashonly", BOOLEAN, "Put the hash of the description in its place.", default=False),
        ),
    ),
    Command(
        "listinvoices",
        "payment",
        "List what was asked for, all of it or one.",
        listinvoices,
        (
            Parameter("label", LABEL, "Only that of this label."),
            Parameter("invstring", TEXT, "Only this payment request."),
            Parameter("payment_hash", HASH, "Only that of this hash."),
            Parameter("offer_id", HASH, "Only those of this offer: none, for the node makes no offers."),
            Parameter("index", one_of("created"), "What start and limit count by.", passed=False),
            Parameter("start", INDEX, "The first index to list.", default=0),
            Parameter("limit", U32, "Most to list."),
        ),
    ),
)
"""For every node."""
