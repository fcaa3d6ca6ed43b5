"""What a received HTLC pays: the checks of the last node of a payment (BOLT 4, Requirements of the final node).

The node forwards nothing yet: an onion that wants to go on is given back.
"""

from __future__ import annotations

from boltnode.channels.onions import failure_for
from boltnode.channels.record import Answer, Claim, GiveBack, ReceivedHtlc
from boltnode.invoices import InvoiceRecord
from boltspec.htlc import Htlc
from boltwire.channel_terms import hash_named
from boltwire.onion.failures import FailureCode, FailureMessage
from boltwire.onion.payload import Payload
from boltwire.onion.rejection import InvalidOnionPayload

MOST_OVERPAID = 2
"""An amount of more than so many times what was asked for is given back (B04-failure-messages-z-22)."""


def judge(
    htlc: Htlc, entry: ReceivedHtlc, invoice: InvoiceRecord | None, height: int, least_delta: int, *, overexposed: bool
) -> Answer:
    """Decide what becomes of an HTLC that is irrevocably committed.

    ``invoice`` is the one of its hash that may be paid now, ``least_delta`` the blocks that it must leave us;
    ``overexposed`` says that the specification has it failed for want of an output.
    """
    if entry.unreadable is not None:
        return entry.unreadable
    failure = _objection(htlc, entry, invoice, height, least_delta, overexposed=overexposed)
    if failure is not None:
        return GiveBack(failure_for(entry, failure))
    assert invoice is not None, "what pays nothing was objected to"
    return Claim(invoice.preimage)


def _objection(
    htlc: Htlc, entry: ReceivedHtlc, invoice: InvoiceRecord | None, height: int, least_delta: int, *, overexposed: bool
) -> FailureMessage | None:
    if not entry.is_final:
        return FailureMessage(code=FailureCode.UNKNOWN_NEXT_PEER)
    try:
        payload = Payload.decode(entry.payload)
    except InvalidOnionPayload as error:
        return FailureMessage(code=FailureCode.INVALID_ONION_PAYLOAD, type=error.tlv_type, offset=error.offset or 0)
    if payload.amt_to_forward is None or payload.outgoing_cltv_value is None:
        missing = 2 if payload.amt_to_forward is None else 4
        return FailureMessage(code=FailureCode.INVALID_ONION_PAYLOAD, type=missing, offset=0)
    if overexposed:
        return FailureMessage(code=FailureCode.TEMPORARY_NODE_FAILURE)
    amount, expiry = int(htlc.amount_msat), int(htlc.cltv_expiry)
    if expiry < payload.outgoing_cltv_value:  # B04-failure-messages-z-26
        return FailureMessage(code=FailureCode.FINAL_INCORRECT_CLTV_EXPIRY, cltv_expiry=expiry)
    if amount < payload.amt_to_forward:  # B04-failure-messages-z-27
        return FailureMessage(code=FailureCode.FINAL_INCORRECT_HTLC_AMOUNT, incoming_htlc_amt=amount)
    if not _pays(payload, amount, htlc, invoice) or expiry < height + least_delta:
        # B04-failure-messages-z-24, -z-25: one code for all that would tell a prober something.
        return FailureMessage(code=FailureCode.INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS, htlc_msat=amount, height=height)
    return None


def _pays(payload: Payload, amount_msat: int, htlc: Htlc, invoice: InvoiceRecord | None) -> bool:
    """Whether the HTLC pays the invoice, all of it, and comes from somebody who has seen it.

    B04-failure-messages-z-16 (payment secret), -z-18 (amount), -z-20 (payment hash); what is paid already counts as
    unknown (B04-failure-messages-z-14).
    """
    if invoice is None or payload.payment_data is None or invoice.payment_hash != hash_named(htlc.payment_hash):
        return False
    if payload.payment_data.payment_secret != invoice.payment_secret or payload.payment_data.total_msat > amount_msat:
        return False
    wanted = invoice.amount_msat
    return wanted is None or wanted <= amount_msat <= MOST_OVERPAID * wanted
