"""Whatever can be written is read as it was, whatever is read is written bit for bit, and changes are noticed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boltwire.bolt12 import (
    Bip353Name,
    BlindedPayinfo,
    FallbackAddress,
    Invoice,
    InvoiceRequest,
    Mpp,
    Offer,
    decode_invoice,
    decode_invoice_request,
    decode_offer,
    encode_invoice,
    encode_offer,
    issue_invoice,
    request_invoice,
    require_payable,
)
from boltwire.bolt12.merkle import merkle_branch, merkle_leaves, merkle_root
from boltwire.bolt12.stream import Stream
from boltwire.errors import Bolt12Error
from boltwire.onion.blinded_path import BlindedPath, BlindedPathHop
from boltwire.primitives import ScidDirection
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import PrivateKey
from boltwire.tlv import TlvRecord

KEYS = st.integers(1, 2**250).map(lambda number: number.to_bytes(32, "big"))
POINTS = st.sampled_from([PrivateKey(bytes((number,)) * 32).public_key.encoded for number in range(1, 20)])
SCIDS = st.builds(ScidDirection, st.integers(0, 1), st.integers(0, 2**64 - 1).map(ShortChannelId))
HOPS = st.builds(BlindedPathHop, POINTS, st.binary(max_size=40))
PATHS = st.builds(BlindedPath, POINTS | SCIDS, POINTS, st.lists(HOPS, min_size=1, max_size=3).map(tuple))
U16, U32, U64 = (st.integers(0, 2**bits - 1) for bits in (16, 32, 64))
PAYINFOS = st.builds(BlindedPayinfo, U32, U32, U16, U64, U64, st.sampled_from([b"", b"\x02", b"\x00\x0a"]))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
UNKNOWN = st.sets(st.sampled_from([1, 33, 79, 1_000_000_001, 1_999_999_999])).map(
    lambda types: tuple(TlvRecord(type_, b"?") for type_ in sorted(types))
)
FALLBACKS = st.builds(FallbackAddress, st.just(0), st.binary(min_size=20, max_size=20))


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    priced = draw(st.booleans())
    return Offer(
        offer_chains=None,
        offer_metadata=draw(st.none() | st.binary(max_size=20)),
        offer_currency=None,
        offer_amount=draw(st.integers(1, 2**40)) if priced else None,
        offer_description=draw(TEXTS if priced else st.none() | TEXTS),
        offer_features=draw(st.none() | st.sampled_from([b"", b"\x02", b"\x00\x88"])),
        offer_absolute_expiry=draw(st.none() | st.integers(2_000_000_000, 2**64 - 1)),
        offer_paths=draw(st.none() | st.lists(PATHS, min_size=1, max_size=2).map(tuple)),
        offer_issuer=draw(st.none() | TEXTS),
        offer_quantity_max=draw(st.none() | st.integers(0, 100)),
        offer_issuer_id=PrivateKey(draw(st.shared(KEYS, key="issuer"))).public_key.encoded,
        unknown=draw(UNKNOWN),
    )


@st.composite
def requests(draw: st.DrawFn) -> InvoiceRequest:
    offer = draw(offers())
    many = offer.offer_quantity_max is not None
    quantity = draw(st.integers(1, offer.offer_quantity_max or 2**16)) if many else None
    due = (offer.offer_amount or 1) * (quantity or 1)
    optional = st.none() if offer.offer_amount else st.nothing()
    return request_invoice(
        offer,
        draw(st.shared(KEYS, key="payer")),
        draw(st.binary(min_size=1, max_size=20)),
        quantity=quantity,
        amount_msat=draw(optional | st.integers(due, due + 1000)),
        payer_note=draw(st.none() | TEXTS),
        features=draw(st.sets(st.sampled_from([1, 77]))),
        bip_353_name=draw(st.none() | st.just(Bip353Name(b"bob", b"example.com"))),
    )


@st.composite
def invoices(draw: st.DrawFn) -> tuple[InvoiceRequest, Invoice]:
    request = draw(requests())
    invoice = issue_invoice(
        request,
        draw(st.shared(KEYS, key="issuer")),
        payment_hash=draw(st.binary(min_size=32, max_size=32)),
        created_at=draw(st.integers(0, 2**40)),
        paths=tuple(draw(st.lists(st.tuples(PATHS, PAYINFOS), min_size=1, max_size=2))),
        expiry=draw(U32),
        mpp=draw(st.sampled_from(Mpp)),
        fallbacks=draw(st.none() | st.lists(FALLBACKS, max_size=2).map(tuple)),
    )
    return request, invoice


@settings(max_examples=30)
@given(offers())
def test_offer_is_read_as_it_was_written(offer: Offer) -> None:
    """B12-encoding-w-01, B12-encoding-d-01."""
    text = encode_offer(offer)
    assert decode_offer(text) == offer
    assert encode_offer(decode_offer(text.upper())) == text


@settings(max_examples=30)
@given(requests())
def test_request_is_read_as_it_was_written(request: InvoiceRequest) -> None:
    """B12-invoice-requests-w-01, B12-invoice-requests-w-05, B12-invoice-requests-d-05."""
    assert decode_invoice_request(request.encode()) == request


@settings(max_examples=30)
@given(invoices())
def test_invoice_is_read_as_it_was_written_and_answers_its_request(pair: tuple[InvoiceRequest, Invoice]) -> None:
    """B12-invoices-w-03, B12-invoices-w-10, B12-invoices-d-17, B12-invoices-d-21."""
    request, invoice = pair
    assert decode_invoice(encode_invoice(invoice)) == invoice
    way = invoice.usable_paths()[0][0]
    require_payable(invoice, request, now=invoice.expires_at, arrived_over=way, reply_path=way)


@settings(max_examples=30)
@given(pair=invoices(), place=st.integers(min_value=0), flip=st.integers(1, 255))
def test_changed_byte_of_an_invoice_is_noticed(pair: tuple[InvoiceRequest, Invoice], place: int, flip: int) -> None:
    """B12-invoices-d-21."""
    data = bytearray(pair[1].encode())
    data[place % len(data)] ^= flip
    with pytest.raises(Bolt12Error):
        decode_invoice(bytes(data))


@settings(max_examples=30)
@given(request=requests(), place=st.integers(min_value=0), flip=st.integers(1, 255))
def test_changed_byte_of_a_request_is_noticed(request: InvoiceRequest, place: int, flip: int) -> None:
    """B12-invoice-requests-d-05."""
    data = bytearray(request.encode())
    data[place % len(data)] ^= flip
    with pytest.raises(Bolt12Error):
        decode_invoice_request(bytes(data))


@settings(max_examples=30)
@given(offer=offers(), place=st.integers(min_value=0), flip=st.integers(1, 255))
def test_changed_byte_of_an_offer_is_rejected_or_means_something_else(offer: Offer, place: int, flip: int) -> None:
    data = bytearray(offer.encode())
    data[place % len(data)] ^= flip
    try:
        changed = Offer.decode(bytes(data))
    except Bolt12Error:
        return
    assert changed != offer
    assert changed.encode() == bytes(data)


@given(data=st.binary(max_size=60), kind=st.sampled_from([Offer, InvoiceRequest, Invoice]))
def test_what_is_read_is_written_bit_for_bit(data: bytes, kind: type[Stream]) -> None:
    try:
        message: Any = kind.decode(data)
    except Bolt12Error:
        return
    assert message.encode() == data


@given(
    st.text(max_size=60) | st.text("qpzry9x8gf2tvdw0s3jn54khce6mua7l+ ", max_size=100).map(lambda data: f"lno1{data}")
)
def test_no_text_breaks_the_readers(text: str) -> None:
    for read in (decode_offer, decode_invoice_request, decode_invoice):
        try:
            found: Any = read(text)
        except Bolt12Error:
            continue
        assert isinstance(found, Offer)


def _root_by_halves(nodes: list[bytes]) -> bytes:
    """The same tree from its top: on the left as many leaves as the greatest power of two below their number."""
    if len(nodes) == 1:
        return nodes[0]
    half = 1 << (len(nodes) - 1).bit_length() - 1
    return merkle_branch(_root_by_halves(nodes[:half]), _root_by_halves(nodes[half:]))


@given(st.sets(st.integers(0, 239) | st.integers(1001, 2**64 - 1), min_size=1, max_size=40))
def test_tree_is_deepest_on_its_first_leaves(types: set[int]) -> None:
    """B12-invoices-d-21: the shape for any number of records."""
    records = [TlvRecord(type_, b"x") for type_ in sorted(types)]
    assert merkle_root(records) == _root_by_halves(merkle_leaves(records))
    assert merkle_root([*records, TlvRecord(2**64 - 1, b"y")]) != merkle_root(records)


def test_nothing_has_no_root() -> None:
    with pytest.raises(ValueError, match="without records"):
        merkle_root([TlvRecord(240, bytes(64))])
