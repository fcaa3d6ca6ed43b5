"""A received HTLC, its onion and its invoice as the specification's facts, and each verdict as the bytes for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltnode.channels.final_hop import answer, node_facts
from boltnode.channels.record import Claim, GiveBack, ReceivedHtlc, Unreadable
from boltnode.invoices import InvoiceRecord
from boltspec.htlc import REMOTE, Htlc, Stage
from boltspec.units import Height, Msat
from boltwire.onion.failure_codec import decode_failure
from boltwire.onion.failures import FailureCode, FailureMessage
from boltwire.onion.origin import read_failure
from boltwire.onion.payload import Payload, PaymentData
from boltwire.onion.return_packet import ReturnedFailure

SECRET = bytes(31) + b"\1"
INVOICE = InvoiceRecord(
    created_index=1, label="tea", payment_hash=bytes(32), preimage=b"\7" * 32, payment_secret=b"\5" * 32, bolt11="",
    amount_msat=10_000, description="", min_final_cltv_expiry_delta=24, created_at=0, expires_at=5_000,
    received_msat=None, paid_at=None,
)  # fmt: skip
NODE = node_facts(1_000, 5_000, 18, Msat(50_000))
HTLC = Htlc(REMOTE, 0, Msat(10_000), 0, Height(1_024), Stage.IRREVOCABLE)
PAYLOAD = Payload.for_final(10_000, 1_024, PaymentData(b"\5" * 32, 10_000))
DETAILS = FailureMessage(code=FailureCode.INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS, htlc_msat=10_000, height=1_000)


def received(payload: bytes | None = None, **changes: Any) -> ReceivedHtlc:
    entry = ReceivedHtlc(0, SECRET, PAYLOAD.encode() if payload is None else payload, is_final=True)
    return replace(entry, **changes)


def told(found: object) -> object:
    assert isinstance(found, GiveBack)
    report = read_failure((SECRET,), ReturnedFailure(found.reason))
    assert report.failuremsg is not None
    return decode_failure(report.failuremsg)


def test_what_pays_the_invoice_is_claimed_with_its_preimage() -> None:
    assert answer(HTLC, received(), INVOICE, NODE) == Claim(INVOICE.preimage)


@pytest.mark.parametrize(
    "change",
    [
        {"payment_secret": b"\6" * 32}, {"amount_msat": 10_001}, {"amount_msat": 4_999},
        {"min_final_cltv_expiry_delta": 25}, {"expires_at": 4_999},
    ],
)  # fmt: skip
def test_what_does_not_pay_it_is_given_back_with_one_and_the_same_failure(change: dict[str, Any]) -> None:
    assert told(answer(HTLC, received(), replace(INVOICE, **change), NODE)) == DETAILS
    assert told(answer(HTLC, received(), None, NODE)) == DETAILS


def test_what_the_code_of_a_failure_needs_goes_with_it() -> None:
    short = replace(HTLC, amount_msat=Msat(9_999))
    sent = FailureMessage(code=FailureCode.FINAL_INCORRECT_HTLC_AMOUNT, incoming_htlc_amt=9_999)
    assert told(answer(short, received(), INVOICE, NODE)) == sent
    later = Payload.for_final(10_000, 1_025, PaymentData(b"\5" * 32, 10_000))
    expiry = FailureMessage(code=FailureCode.FINAL_INCORRECT_CLTV_EXPIRY, cltv_expiry=1_024)
    assert told(answer(HTLC, received(later.encode()), INVOICE, NODE)) == expiry
    exposed = replace(HTLC, local_exposure_msat=Msat(50_001))
    assert told(answer(exposed, received(), INVOICE, NODE)) == FailureMessage(code=FailureCode.TEMPORARY_NODE_FAILURE)
    on = FailureMessage(code=FailureCode.UNKNOWN_NEXT_PEER)
    assert told(answer(HTLC, received(is_final=False), INVOICE, NODE)) == on


@pytest.mark.parametrize(
    ("payload", "type_", "offset"),
    [
        (replace(PAYLOAD, amt_to_forward=None).encode(), 2, 0),
        (replace(PAYLOAD, outgoing_cltv_value=None).encode(), 4, 0),
        (PAYLOAD.encode() + b"\xfc\0", 252, len(PAYLOAD.encode())),
        (b"", 2, 0),
    ],
)
def test_payload_that_lacks_something_or_cannot_be_read_is_told_by_type_and_offset(
    payload: bytes, type_: int, offset: int
) -> None:
    wanted = FailureMessage(code=FailureCode.INVALID_ONION_PAYLOAD, type=type_, offset=offset)
    assert told(answer(HTLC, received(payload), INVOICE, NODE)) == wanted


def test_onion_that_cannot_be_read_keeps_its_own_answer() -> None:
    unreadable = Unreadable(bytes(32), int(FailureCode.INVALID_ONION_HMAC))
    assert answer(HTLC, received(b"", unreadable=unreadable), INVOICE, NODE) is unreadable
