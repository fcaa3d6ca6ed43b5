"""The rules for who reads and who writes an offer, each with its nearest counterexample."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest

from boltwire.bolt12 import Bolt12Refused, Bolt12Rejected, Offer, decode_offer, encode_offer, require_usable
from boltwire.bolt12.chain import offer_chains
from boltwire.bolt12.features import encode_features
from boltwire.bolt12.offer import request_destination
from boltwire.bolt12.text import encode_text
from boltwire.chains import BITCOIN_CHAIN_HASH, CHAIN_HASHES
from boltwire.errors import Bolt12Error
from boltwire.onion.blinded_path import BlindedPath
from boltwire.tlv import TlvRecord, encode_tlv_stream

REGTEST = CHAIN_HASHES["regtest"]


def rejection(offer: Offer, **options: Any) -> str | None:
    with pytest.raises(Bolt12Rejected) as caught:
        decode_offer(encode_text("lno", offer.encode()), **options)
    assert isinstance(caught.value, Bolt12Error)
    return caught.value.rule


def refusal(offer: Offer, **options: Any) -> str:
    with pytest.raises(Bolt12Refused) as caught:
        encode_offer(offer, **options)
    assert str(caught.value) == f"{caught.value.reason} [{caught.value.rule}]"
    return caught.value.rule


def test_written_offer_is_read_as_it_was(offer: Offer) -> None:
    """B12-offers-w-04, B12-offers-w-10, B12-offers-w-12, B12-offers-w-19, B12-offers-w-26."""
    assert decode_offer(encode_offer(offer)) == offer
    free = Offer(offer_issuer_id=offer.offer_issuer_id)
    assert decode_offer(encode_offer(free)) == free
    tip = replace(free, offer_description="thanks")
    assert decode_offer(encode_offer(tip)) == tip


@pytest.mark.parametrize("type_", [1, 79, 1_000_000_001, 1_999_999_999])
def test_types_of_offers_are_in_two_ranges(offer: Offer, type_: int) -> None:
    """B12-offers-d-01, B12-offers-w-01: the second range is for experiments."""
    known = replace(offer, unknown=(TlvRecord(type_, b"x"),))
    assert decode_offer(encode_offer(known)) == known


@pytest.mark.parametrize("type_", [0, 80, 81, 240, 999_999_999, 2_000_000_000, 2_000_000_001, 2**64 - 1])
def test_other_types_are_rejected_and_refused(offer: Offer, type_: int) -> None:
    """B12-offers-d-01, B12-offers-w-01."""
    stray = replace(offer, unknown=(TlvRecord(type_, b"x"),))
    assert rejection(stray) == "B12-offers-d-01"
    assert refusal(stray) == "B12-offers-w-01"


@pytest.mark.parametrize("type_", [24, 78, 1_000_000_002, 1_999_999_998])
def test_unknown_even_type_is_rejected(offer: Offer, type_: int) -> None:
    """What the vectors unknown_even_78 and unknown_even_1000000002 are meant to show."""
    assert rejection(replace(offer, unknown=(TlvRecord(type_, b"x"),))) == "B01-tlv-r-08"


def test_unknown_features(offer: Offer) -> None:
    """B12-offers-d-02, B12-offers-d-03, B12-offers-d-04, B12-offers-w-14: the reason names the bits."""
    odd = replace(offer, offer_features=encode_features((1, 99)))
    assert decode_offer(encode_offer(odd)) == odd
    even = replace(offer, offer_features=encode_features((98, 99, 2)))
    assert rejection(even) == "B12-offers-d-03"
    assert rejection(even, known_features=(2,)) == "B12-offers-d-03"
    assert decode_offer(encode_offer(even), known_features=(2, 98)) == even
    with pytest.raises(Bolt12Rejected, match=r"\[2, 98\]"):
        decode_offer(encode_offer(even))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"offer_chains": ()}, "B12-offers-d-06"),
        ({"offer_description": None}, "B12-offers-d-07"),
        ({"offer_amount": 0}, "B12-offers-d-08"),
        ({"offer_amount": None, "offer_currency": "USD"}, "B12-offers-d-09"),
        ({"offer_issuer_id": None}, "B12-offers-d-10"),
        ({"offer_paths": ()}, "B12-offers-d-10"),
    ],
)
def test_unusable_offer_is_rejected(offer: Offer, change: dict[str, Any], rule: str) -> None:
    """B12-offers-d-06, B12-offers-d-07, B12-offers-d-08, B12-offers-d-09, B12-offers-d-10."""
    assert rejection(replace(offer, **change)) == rule


def test_path_without_hops_is_rejected(offer: Offer, path: BlindedPath) -> None:
    """B12-offers-d-11: what the vector path_zero_hops is meant to show."""
    decode_offer(encode_text("lno", replace(offer, offer_paths=(path, path)).encode()))
    assert rejection(replace(offer, offer_paths=(path, replace(path, path=())))) == "B12-offers-d-11"


def test_broken_path_is_rejected(offer: Offer, path: BlindedPath) -> None:
    """What the vectors path_hop_truncated and path_bad_* are meant to show."""
    whole = path.encode()
    no_point = b"\x02" + b"\xff" * 32
    first, key, node = path.first_node_id, path.first_path_key, path.path[0].blinded_node_id
    assert isinstance(first, bytes)
    broken = {
        whole[:-1]: "offer_paths",
        no_point + whole[33:]: "offer_paths.first_node_id",
        first + no_point + whole[66:]: "offer_paths.first_path_key",
        whole.replace(b"\x02" + node, b"\x02" + no_point): r"offer_paths.path[0].blinded_node_id",
        b"\x04" + whole[1:]: "offer_paths",
    }
    assert key in whole
    for value, field in broken.items():
        data = encode_tlv_stream([TlvRecord(16, value), TlvRecord(22, offer.offer_issuer_id or b"")])
        with pytest.raises(Bolt12Rejected) as caught:
            decode_offer(encode_text("lno", data))
        assert (caught.value.field or "").startswith(field)


def test_expiry_is_the_last_second(offer: Offer, now: int) -> None:
    """B12-offers-d-15, B12-offers-w-15."""
    expiring = decode_offer(encode_offer(replace(offer, offer_absolute_expiry=now)))
    require_usable(expiring, now=now)
    with pytest.raises(Bolt12Rejected) as caught:
        require_usable(expiring, now=now + 1)
    assert caught.value.rule == "B12-offers-d-15"
    require_usable(offer, now=2**40)


def test_chain_has_to_be_supported(offer: Offer, now: int) -> None:
    """B12-offers-d-05, B12-offers-d-06."""
    require_usable(offer, now=now, chains=(BITCOIN_CHAIN_HASH,))
    with pytest.raises(Bolt12Rejected) as caught:
        require_usable(offer, now=now, chains=(REGTEST,))
    assert caught.value.rule == "B12-offers-d-05"
    listed = replace(offer, offer_chains=(REGTEST, bytes(32)))
    require_usable(listed, now=now, chains=(REGTEST, BITCOIN_CHAIN_HASH))
    with pytest.raises(Bolt12Rejected) as caught:
        require_usable(listed, now=now, chains=(BITCOIN_CHAIN_HASH,))
    assert caught.value.rule == "B12-offers-d-06"


def test_chains_are_listed_unless_bitcoin_is_the_only_one() -> None:
    """B12-offers-w-02, B12-offers-w-03."""
    assert offer_chains([BITCOIN_CHAIN_HASH]) is None
    assert offer_chains([REGTEST]) == (REGTEST,)
    assert offer_chains([BITCOIN_CHAIN_HASH, REGTEST]) == (BITCOIN_CHAIN_HASH, REGTEST)
    with pytest.raises(ValueError, match="at least one chain"):
        offer_chains([])


def test_request_goes_over_a_path_or_to_the_issuer(offer: Offer, path: BlindedPath) -> None:
    """B12-offers-d-16, B12-offers-d-17."""
    assert request_destination(offer) == offer.offer_issuer_id
    assert request_destination(replace(offer, offer_paths=(path,))) == (path,)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"offer_chains": ()}, "B12-offers-w-02"),
        ({"offer_amount": 0}, "B12-offers-w-05"),
        ({"offer_currency": "US"}, "B12-offers-w-07"),
        ({"offer_currency": "usd"}, "B12-offers-w-07"),
        ({"offer_currency": "ÄÖÜ"}, "B12-offers-w-07"),
        ({"offer_description": None}, "B12-offers-w-09"),
        ({"offer_amount": None, "offer_currency": "USD"}, "B12-offers-w-11"),
        ({"offer_paths": ()}, "B12-offers-w-16"),
        ({"offer_issuer_id": None}, "B12-offers-w-19"),
    ],
)
def test_offer_that_must_not_be_issued(offer: Offer, change: dict[str, Any], rule: str) -> None:
    """B12-offers-w-02, B12-offers-w-05, B12-offers-w-07, B12-offers-w-09, B12-offers-w-11.

    B12-offers-w-16, B12-offers-w-19.
    """
    encode_offer(replace(offer, offer_currency="USD"))
    assert refusal(replace(offer, **change)) == rule


def test_private_issuer_gives_a_path(offer: Offer, path: BlindedPath) -> None:
    """B12-offers-w-16, B12-offers-w-17, B12-offers-w-18: with a path, the issuer id is optional."""
    assert refusal(offer, has_public_channel=False) == "B12-offers-w-16"
    assert refusal(replace(offer, offer_paths=(replace(path, path=()),))) == "B12-offers-w-16"
    reachable = replace(offer, offer_paths=(path,), offer_issuer_id=None)
    assert decode_offer(encode_offer(reachable, has_public_channel=False)) == reachable


@pytest.mark.parametrize("field", [TlvRecord(8, b"\x00\x01"), TlvRecord(8, b"\x01" * 9), TlvRecord(14, b"\x00")])
def test_integers_are_minimal(field: TlvRecord) -> None:
    with pytest.raises(Bolt12Rejected, match="tu64"):
        decode_offer(encode_text("lno", encode_tlv_stream([field])))


def test_errors_name_field_and_rule(offer: Offer) -> None:
    with pytest.raises(Bolt12Rejected) as caught:
        decode_offer(encode_text("lno", replace(offer, offer_amount=0).encode()))
    assert str(caught.value) == "offer_amount: is zero [B12-offers-d-08]"
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.rule) == (str(caught.value), "B12-offers-d-08")
    assert copy.within("offer").rule == "B12-offers-d-08"
