"""What a received HTLC pays: the facts for :mod:`boltspec.final_node`, and its verdict as bytes."""

from __future__ import annotations

from boltnode.channels.onions import failure_for
from boltnode.channels.record import Answer, Claim, GiveBack, ReceivedHtlc
from boltnode.invoices import InvoiceRecord
from boltspec.final_node import Asked, Failed, Failure, Incoming, Node, judge
from boltspec.htlc import Htlc
from boltspec.units import Blocks, Height, Msat
from boltwire.onion.failures import FailureCode, FailureMessage
from boltwire.onion.payload import Payload
from boltwire.onion.rejection import InvalidOnionPayload


def answer(htlc: Htlc, entry: ReceivedHtlc, invoice: InvoiceRecord | None, node: Node) -> Answer:
    """What becomes of an HTLC that is irrevocably committed. ``invoice`` is the unpaid one of its hash."""
    if entry.unreadable is not None:
        return entry.unreadable
    payload, fault = _payload(entry)
    verdict = judge(_incoming(htlc, entry, payload), None if invoice is None else _asked(invoice), node)
    if isinstance(verdict, Failed):
        return GiveBack(failure_for(entry, _message(verdict, htlc, node, fault)))
    assert invoice is not None, "what pays nothing was failed"
    return Claim(invoice.preimage)


def node_facts(
    height: int, now: int, least_final_delta: int, most_dust_exposure_msat: Msat, *, is_defended: bool = True
) -> Node:
    """What this node goes by."""
    return Node(Height(height), now, Blocks(least_final_delta), most_dust_exposure_msat, is_defended)


def _payload(entry: ReceivedHtlc) -> tuple[Payload, InvalidOnionPayload | None]:
    """What the onion says, nothing if that cannot be read, with the reason."""
    try:
        return Payload.decode(entry.payload), None
    except InvalidOnionPayload as error:
        return Payload(), error


def _incoming(htlc: Htlc, entry: ReceivedHtlc, payload: Payload) -> Incoming:
    data = payload.payment_data
    return Incoming(
        amount_msat=htlc.amount_msat,
        cltv_expiry=htlc.cltv_expiry,
        is_final=entry.is_final,
        amt_to_forward=None if payload.amt_to_forward is None else Msat(payload.amt_to_forward),
        outgoing_cltv_value=None if payload.outgoing_cltv_value is None else Height(payload.outgoing_cltv_value),
        payment_secret=None if data is None else int.from_bytes(data.payment_secret),
        total_msat=None if data is None else Msat(data.total_msat),
        has_path_key=payload.current_path_key is not None,
        remote_exposure_msat=htlc.remote_exposure_msat,
        local_exposure_msat=htlc.local_exposure_msat,
    )


def _asked(invoice: InvoiceRecord) -> Asked:
    return Asked(
        payment_secret=int.from_bytes(invoice.payment_secret),
        amount_msat=None if invoice.amount_msat is None else Msat(invoice.amount_msat),
        min_final_cltv_expiry_delta=Blocks(invoice.min_final_cltv_expiry_delta),
        expires_at=invoice.expires_at,
    )


def _message(verdict: Failed, htlc: Htlc, node: Node, fault: InvalidOnionPayload | None) -> FailureMessage:
    """The failure with the data that its code carries."""
    code = FailureCode[verdict.failure.name]
    match verdict.failure:
        case Failure.INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS:
            return FailureMessage(code=code, htlc_msat=int(htlc.amount_msat), height=int(node.height))
        case Failure.FINAL_INCORRECT_CLTV_EXPIRY:
            return FailureMessage(code=code, cltv_expiry=int(htlc.cltv_expiry))
        case Failure.FINAL_INCORRECT_HTLC_AMOUNT:
            return FailureMessage(code=code, incoming_htlc_amt=int(htlc.amount_msat))
        case Failure.INVALID_ONION_PAYLOAD if fault is not None:
            return FailureMessage(code=code, type=fault.tlv_type, offset=fault.offset or 0)
        case Failure.INVALID_ONION_PAYLOAD:
            at_fault = verdict.numbers["type"]
            assert isinstance(at_fault, int)
            return FailureMessage(code=code, type=at_fault, offset=0)
        case Failure.TEMPORARY_NODE_FAILURE | Failure.PERMANENT_NODE_FAILURE | Failure.UNKNOWN_NEXT_PEER:
            return FailureMessage(code=code)
