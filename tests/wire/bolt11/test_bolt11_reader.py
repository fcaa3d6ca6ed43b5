"""The rules for who reads an invoice, each with its nearest counterexample."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import coincurve
import pytest

from boltwire.bech32 import Checksum, words_from_bytes, words_from_int
from boltwire.bolt11 import Bolt11Rejected, Fallback, TaggedField, decode
from boltwire.errors import Bolt11Error
from boltwire.features import FeatureBits
from boltwire.secp256k1 import GROUP_ORDER

Forge = Callable[..., str]


def rejection(text: str) -> Bolt11Rejected:
    with pytest.raises(Bolt11Rejected) as caught:
        decode(text)
    assert isinstance(caught.value, Bolt11Error)
    return caught.value


def field(tag: str, data: bytes) -> TaggedField:
    return TaggedField(tag, words_from_bytes(data))


def number(tag: str, value: int) -> TaggedField:
    return TaggedField(tag, words_from_int(value))


def high_s(signature: bytes) -> bytes:
    """The other signature of the same key over the same data."""
    s = GROUP_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes((signature[64] ^ 1,))


def test_least_invoice_is_read(forge: Forge) -> None:
    """B11-data-part-d-01, B11-tagged-fields-d-10, B11-hrp-d-02."""
    invoice = decode(forge())
    assert (invoice.description, invoice.amount_msat, invoice.names_payee) == ("coffee", None, False)
    assert (invoice.expires_at, invoice.final_cltv_expiry_delta) == (1_496_314_658 + 3600, 18)


def test_upper_case_is_read(forge: Forge) -> None:
    """B11-encoding-d-01, B11-encoding-w-02: what a QR code shows is the same string in upper case."""
    assert decode(forge().upper()) == decode(forge())


def test_other_checksum_is_rejected(forge: Forge) -> None:
    """B11-encoding-d-02."""
    assert rejection(forge(checksum=Checksum.BECH32M)).rule == "B11-encoding-d-02"


def test_text_without_a_whole_checksum_is_rejected() -> None:
    """B11-encoding-d-02."""
    assert rejection("lnbc1qqqqq").rule == "B11-encoding-d-02"


@pytest.mark.parametrize(("tag", "size"), [("p", 52), ("s", 52), ("h", 52), ("n", 53)])
@pytest.mark.parametrize("off", [-1, 1])
def test_fixed_field_of_another_length_is_rejected(forge: Forge, tag: str, size: int, off: int) -> None:
    """B11-tagged-fields-d-02: also where it is not the first of its kind."""
    error = rejection(forge(TaggedField(tag, bytes(size + off))))
    assert (error.rule, error.field) == ("B11-tagged-fields-d-02", tag)


def test_description_or_its_hash_has_to_be_there(forge: Forge) -> None:
    """B11-tagged-fields-d-03."""
    assert rejection(forge(without="d")).rule == "B11-tagged-fields-d-03"
    assert rejection(forge(field("h", bytes(32)))).rule == "B11-tagged-fields-d-03"
    assert decode(forge(field("h", bytes(32)), without="d")).description_hash == bytes(32)


def test_description_is_compared_in_plain_or_by_hash(forge: Forge) -> None:
    """B11-tagged-fields-d-07."""
    plain = decode(forge())
    assert plain.describes("coffee")
    assert not plain.describes("tea")
    hashed = decode(
        forge(
            field("h", bytes.fromhex("37290d74ac4d186e3a8e5785d259d2ec04fac91ae28092e7620ec8bc99e830aa")), without="d"
        )
    )
    assert hashed.describes("coffee")
    assert not hashed.describes("tea")


def test_description_has_to_be_utf8(forge: Forge) -> None:
    """B11-tagged-fields-w-05: a reader may reject anything else."""
    assert decode(forge(field("d", "ナンセンス".encode()), without="d")).description == "ナンセンス"
    error = rejection(forge(field("d", b"\xff\xfe"), without="d"))
    assert (error.rule, error.field) == ("B11-tagged-fields-w-05", "d")


def test_payment_secret_and_hash_have_to_be_there(forge: Forge) -> None:
    """B11-tagged-fields-d-11, B11-payer-payee-y-05."""
    assert rejection(forge(without="s")).rule == "B11-tagged-fields-d-11"
    assert rejection(forge(without="p")).rule == "B11-payer-payee-y-05"


def test_first_of_repeated_fields_counts(forge: Forge) -> None:
    """B11-payer-payee-y-05."""
    further = [field("p", b"\x55" * 32), field("s", b"\x66" * 32), field("d", b"tea"), number("x", 7), number("x", 8)]
    invoice = decode(forge(*further))
    assert invoice.payment_hash == bytes(range(32))
    assert invoice.payment_secret == b"\x11" * 32
    assert (invoice.description, invoice.expiry) == ("coffee", 7)
    assert invoice.other_fields == (*further[:3], further[4])


def test_what_the_onion_has_to_carry(forge: Forge) -> None:
    """B11-tagged-fields-d-12, B11-tagged-fields-d-14."""
    assert decode(forge()).onion_fields == {"payment_secret": b"\x11" * 32}
    with_metadata = decode(forge(field("m", b"\x01\xfa")))
    assert with_metadata.onion_fields == {"payment_secret": b"\x11" * 32, "payment_metadata": b"\x01\xfa"}


def test_stated_final_delta_replaces_the_default(forge: Forge) -> None:
    """B11-tagged-fields-d-13."""
    assert decode(forge(number("c", 40))).final_cltv_expiry_delta == 40
    assert decode(forge(number("c", 9))).final_cltv_expiry_delta == 9


@pytest.mark.parametrize("tag", "cx9")
def test_leading_zeros_are_rejected(forge: Forge, tag: str) -> None:
    """B11-tagged-fields-d-15."""
    decode(forge(TaggedField(tag, b"\x02\x00\x00\x00\x00")))
    error = rejection(forge(TaggedField(tag, b"\x00\x01")))
    assert (error.rule, error.field) == ("B11-tagged-fields-d-15", tag)


def test_expiry_is_the_last_second(forge: Forge) -> None:
    """B11-payer-payee-y-01, B11-payer-payee-v-01."""
    invoice = decode(forge(number("x", 60), timestamp=1000))
    assert not invoice.has_expired(1060)
    assert invoice.has_expired(1061)
    assert not decode(forge(timestamp=1000)).has_expired(4600)
    assert decode(forge(timestamp=1000)).has_expired(4601)


@pytest.mark.parametrize("bit", [8, 9, 14, 15, 16, 17, 24, 25, 36, 37, 48, 49, 99, 4001])
def test_known_and_odd_features_are_accepted(forge: Forge, bit: int) -> None:
    """B11-tagged-fields-d-04."""
    assert decode(forge(number("9", 1 << bit))).features == FeatureBits((bit,))


@pytest.mark.parametrize("bit", [2, 18, 50, 98, 100, 4000])
def test_unknown_even_feature_is_rejected_by_its_number(forge: Forge, bit: int) -> None:
    """B11-tagged-fields-d-05, B11-tagged-fields-d-06: the reason names the bit for the user."""
    error = rejection(forge(number("9", 1 << bit | 1 << 99)))
    assert (error.rule, error.reason) == ("B11-tagged-fields-d-05", f"unknown required feature {bit}")


def test_payer_may_know_fewer_features(forge: Forge) -> None:
    """B11-tagged-fields-d-05."""
    text = forge(number("9", 1 << 16 | 1 << 14))
    decode(text, known_features=("basic_mpp",))
    with pytest.raises(Bolt11Rejected, match="unknown required feature 16"):
        decode(text, known_features=())


def test_feature_without_its_dependency_is_rejected(forge: Forge) -> None:
    """B11-feature-bits-d-01: even where only optional features are concerned."""
    decode(forge(number("9", 1 << 51 | 1 << 47)))
    error = rejection(forge(number("9", 1 << 51)))
    assert (error.rule, error.reason) == ("B11-feature-bits-d-01", "option_zeroconf without option_scid_alias")


def test_parts_are_allowed_if_offered(forge: Forge) -> None:
    """B11-feature-bits-d-02, B11-feature-bits-d-03."""
    assert decode(forge(number("9", 1 << 14 | 1 << 17))).allows_mpp
    assert decode(forge(number("9", 1 << 14 | 1 << 16))).allows_mpp
    assert not decode(forge(number("9", 1 << 14))).allows_mpp


def test_named_payee_is_used_instead_of_recovery(forge: Forge, key: bytes) -> None:
    """B11-tagged-fields-d-08: with a recovery id that leads to another key, too."""
    payee = coincurve.PrivateKey(key).public_key.format()
    named = field("n", payee)
    text = forge(named)
    assert decode(text).names_payee
    signature = decode(text).signature
    assert signature is not None
    other_id = signature[:64] + bytes((signature[64] ^ 1,))
    assert decode(forge(named, signature=other_id)).payee == payee
    assert decode(forge(signature=other_id, fields=None)).payee != payee


def test_signature_by_another_than_the_named_payee_is_rejected(forge: Forge) -> None:
    """B11-data-part-d-01, B11-tagged-fields-d-08."""
    other = coincurve.PrivateKey(b"\x42" * 32).public_key.format()
    assert rejection(forge(field("n", other))).rule == "B11-data-part-d-01"


def test_named_payee_that_is_no_point_is_rejected(forge: Forge) -> None:
    """B11-tagged-fields-d-08."""
    error = rejection(forge(field("n", b"\x02" + b"\xff" * 32)))
    assert (error.rule, error.field) == ("B11-tagged-fields-d-08", "n")


def test_high_s_is_tolerated_with_recovery_only(forge: Forge, key: bytes) -> None:
    """B11-tagged-fields-d-09, B11-tagged-fields-d-10."""
    payee = coincurve.PrivateKey(key).public_key.format()
    low = decode(forge()).signature
    assert low is not None
    recovered = decode(forge(signature=high_s(low)))
    assert (recovered.payee, recovered.names_payee) == (payee, False)
    named = field("n", payee)
    low = decode(forge(named)).signature
    assert low is not None
    assert rejection(forge(named, signature=high_s(low))).rule == "B11-tagged-fields-d-09"


@pytest.mark.parametrize("signature", [bytes(65), b"\xff" * 64 + b"\0", b"\x01" * 64 + b"\x04", b"\x01" * 64 + b"\xff"])
def test_signature_that_cannot_be_one_is_rejected(forge: Forge, signature: bytes) -> None:
    """B11-data-part-d-01."""
    assert rejection(forge(signature=signature)).rule == "B11-data-part-d-01"


@pytest.mark.parametrize("signature", [bytes(65), b"\xff" * 32 + bytes(33), b"\x01" * 64 + b"\x04"])
def test_signature_that_cannot_be_one_is_rejected_with_a_named_payee(
    forge: Forge, key: bytes, signature: bytes
) -> None:
    """B11-data-part-d-01."""
    named = field("n", coincurve.PrivateKey(key).public_key.format())
    assert rejection(forge(named, signature=signature)).rule == "B11-data-part-d-01"


def test_changed_content_is_not_signed_by_the_payee_any_more(forge: Forge, key: bytes) -> None:
    """B11-data-part-d-01: the signature covers prefix, amount, timestamp and fields."""
    payee = coincurve.PrivateKey(key).public_key.format()
    named = field("n", payee)
    signature = decode(forge(named)).signature
    assert rejection(forge(named, signature=signature, human_readable="lnbc1m")).rule == "B11-data-part-d-01"
    assert rejection(forge(named, signature=signature, timestamp=5)).rule == "B11-data-part-d-01"
    assert rejection(forge(named, number("x", 5), signature=signature)).rule == "B11-data-part-d-01"


def test_unknown_fields_are_kept(forge: Forge) -> None:
    """B11-tagged-fields-d-01, and fields of unknown type."""
    unknown = (TaggedField("2", b"\x01\x02\x03"), TaggedField("f", b"\x13\x01\x02"), TaggedField("q", b""))
    invoice = decode(forge(*unknown))
    assert invoice.other_fields == unknown
    assert invoice.fallbacks == ()
    assert invoice.field_order == "psd2fq"


def test_fallbacks_are_optional_and_the_first_understood_one_is_first(forge: Forge) -> None:
    """B11-payer-payee-y-02, B11-tagged-fields-w-16, B11-tagged-fields-d-01."""
    assert decode(forge()).fallbacks == ()
    understood = TaggedField("f", b"\x11" + words_from_bytes(bytes(20)))
    invoice = decode(forge(TaggedField("f", b"\x1f\x01"), understood))
    assert invoice.fallbacks == (Fallback(17, bytes(20)),)


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"\x01", "a field ends within its type and length"),
        (b"\x01\x00", "a field ends within its type and length"),
        (b"\x01\x00\x05\x00", "p: 5 words are announced, 1 are left"),
        (b"\x00\x1f\x1f", "q: 1023 words are announced, 0 are left"),
    ],
)
def test_truncated_field_is_rejected(forge: Forge, tail: bytes, reason: str) -> None:
    error = rejection(forge(tail=tail))
    assert str(error) == reason
    assert error.rule is None


def test_data_shorter_than_timestamp_and_signature_are_rejected(forge: Forge) -> None:
    assert rejection(forge(fields=[], signature=bytes(64))).reason.startswith("110 characters of data are too few")


def test_errors_travel_between_processes_with_their_rule() -> None:
    error = Bolt11Rejected("why", rule="B11-hrp-d-01", offset=3, field="d")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.rule) == ("d: why (at byte 3) [B11-hrp-d-01]", error.rule)
    outer = error.within("invoice", 4)
    assert (outer.rule, outer.offset, outer.field) == ("B11-hrp-d-01", 7, "invoice.d")
