"""The same invoices through another implementation, PyPI's ``bolt11``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bolt11
import coincurve
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.bolt11 import BITCOIN, REGTEST, Invoice, RouteHop, decode, encode
from boltwire.features import FeatureBits
from boltwire.scid import ShortChannelId

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "bolt11_invoices.json").read_text())
VALID = [case for case in VECTORS["valid"] if case["id"] != "ignored_fields"]
KEYS = st.integers(1, 2**250).map(lambda number: number.to_bytes(32, "big"))


def agree(ours: Invoice, theirs: bolt11.Bolt11) -> None:
    """Everything that both show."""
    assert f"ln{theirs.currency}" == ours.currency.prefix
    assert theirs.amount_msat == ours.amount_msat
    assert theirs.date == ours.timestamp
    assert theirs.payment_hash == ours.payment_hash.hex()
    assert theirs.payment_secret == ours.payment_secret.hex()
    assert theirs.description == ours.description
    assert theirs.description_hash == (None if ours.description_hash is None else ours.description_hash.hex())
    assert theirs.expiry == ours.expires_at - ours.timestamp
    assert theirs.payee == (ours.payee or b"").hex()
    hints = [
        [(hop.public_key, hop.short_channel_id, hop.base_fee) for hop in hint.routes]
        for hint in theirs.route_hints or ()
    ]
    assert hints == [
        [(hop.pubkey.hex(), str(hop.short_channel_id), hop.fee_base_msat) for hop in route] for route in ours.routes
    ]


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["id"])
def test_examples_mean_the_same(case: dict[str, Any]) -> None:
    """B11-encoding-d-01, B11-hrp-d-04, B11-tagged-fields-d-10."""
    agree(decode(case["invoice"]), bolt11.decode(case["invoice"]))


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    """Such as the other implementation can show."""
    pubkey = coincurve.PrivateKey(draw(KEYS)).public_key.format()
    scids = draw(st.lists(st.integers(0, 2**64 - 1).map(ShortChannelId), max_size=3))
    return Invoice(
        currency=draw(st.sampled_from([BITCOIN, REGTEST])),
        timestamp=draw(st.integers(0, 2**35 - 1)),
        payment_hash=draw(st.binary(min_size=32, max_size=32)),
        payment_secret=draw(st.binary(min_size=32, max_size=32)),
        amount_msat=draw(st.none() | st.integers(1, 10**15)),
        description=draw(st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), min_size=1, max_size=60)),
        expiry=draw(st.integers(1, 2**31)),
        payment_metadata=draw(st.none() | st.binary(min_size=1, max_size=60)),
        features=FeatureBits((8, 14, 17)),
        routes=tuple((RouteHop(pubkey, scid, 1, 2, 3),) for scid in scids),
    )


@given(invoice=invoices(), key=KEYS)
def test_invoices_of_ours_mean_the_same_there(invoice: Invoice, key: bytes) -> None:
    """B11-encoding-w-01, B11-data-part-w-02, B11-hrp-w-02."""
    text = encode(invoice, key)
    agree(decode(text), bolt11.decode(text))
