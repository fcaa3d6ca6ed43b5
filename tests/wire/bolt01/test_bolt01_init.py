"""The init message (BOLT 1)."""

import ipaddress

import pytest

from boltwire.addresses import IpAddress, decode_address
from boltwire.chains import CHAIN_HASHES, chain_hash
from boltwire.codec import decode_message, encode_message
from boltwire.errors import MessageError
from boltwire.features import FeatureBits
from boltwire.messages import Init
from boltwire.peer_init import accept_init, has_common_chain, init
from boltwire.sender_rules import broken_sender_rules

FEATURES = FeatureBits.of(
    required=["option_static_remotekey"], optional=["option_anchors", "basic_mpp", "payment_secret"]
)
REGTEST = chain_hash("regtest")
ADDRESS = IpAddress(ipaddress.IPv4Address("192.0.2.1"), 9735)


def test_our_init_follows_the_rules() -> None:
    """B01-init-s-01 B01-init-s-03 B01-init-s-05 B01-init-s-06 B01-init-s-07"""
    message = init(FEATURES, [REGTEST])
    assert message == Init(globalfeatures=b"", features=FEATURES.to_bytes(), networks=(REGTEST,))
    assert broken_sender_rules(message) == []
    assert encode_message(message).hex() == "001000000003829000" + "0120" + REGTEST.hex()


def test_remote_address_is_an_address_descriptor() -> None:
    """B01-init-s-09"""
    message = init(FEATURES, [REGTEST], ADDRESS)
    assert message.remote_addr == bytes.fromhex("01c00002012607")
    assert decode_address(message.remote_addr) == ADDRESS


def test_bits_without_a_meaning_are_not_sent() -> None:
    """B01-init-s-04"""
    with pytest.raises(ValueError, match=r"bits \[99\]"):
        init(FeatureBits({99}), [REGTEST])


def test_both_bit_maps_count() -> None:
    """B01-init-r-02"""
    offered = accept_init(Init(globalfeatures=bytes.fromhex("2000"), features=bytes.fromhex("80")))
    assert offered == FeatureBits({13, 7})


def test_unknown_odd_bits_are_ignored_even_ones_end_the_connection() -> None:
    """B01-init-r-04 B01-init-r-05"""
    assert 201 in accept_init(Init(globalfeatures=b"", features=FeatureBits({201}).to_bytes()))
    with pytest.raises(MessageError, match=r"not supported: bits \[200\]"):
        accept_init(Init(globalfeatures=b"", features=FeatureBits({200}).to_bytes()))


def test_even_bits_that_we_do_not_support_end_the_connection() -> None:
    """B01-init-r-05"""
    splice = FeatureBits.of(required=["option_splice"]).to_bytes()
    assert accept_init(Init(globalfeatures=b"", features=splice)) == FeatureBits({62})
    with pytest.raises(MessageError, match=r"bits \[62\]"):
        accept_init(Init(globalfeatures=b"", features=splice), supported=["option_anchors"])


def test_missing_dependency_ends_the_connection() -> None:
    """B01-init-r-07"""
    with pytest.raises(MessageError, match="option_zeroconf without option_scid_alias"):
        accept_init(Init(globalfeatures=b"", features=FeatureBits.of(optional=["option_zeroconf"]).to_bytes()))


@pytest.mark.parametrize("bit", [13, 14])
def test_legacy_bit_map_goes_up_to_bit_13(bit: int) -> None:
    """B01-init-s-05"""
    message = Init(globalfeatures=FeatureBits({bit}).to_bytes(), features=b"")
    assert [rule.id for rule in broken_sender_rules(message)] == (["B01-init-s-05"] if bit > 13 else [])


def test_feature_bit_map_should_be_short() -> None:
    """B01-init-s-06"""
    assert [rule.id for rule in broken_sender_rules(Init(globalfeatures=b"", features=b"\0\x80"))] == ["B01-init-s-06"]


def test_networks_may_be_absent_empty_or_disjoint() -> None:
    message = init(FEATURES, [REGTEST])
    other = [CHAIN_HASHES["bitcoin"]]
    assert has_common_chain(message, [REGTEST, *other])
    assert not has_common_chain(message, other)
    assert has_common_chain(Init(globalfeatures=b"", features=b""), other)
    empty = Init(globalfeatures=b"", features=b"", networks=())
    assert decode_message(encode_message(empty)) == empty
    assert not has_common_chain(empty, other)


def test_networks_holds_whole_hashes() -> None:
    """B01-tlv-r-06"""
    with pytest.raises(MessageError, match="31 bytes are left over"):
        decode_message(bytes.fromhex("001000000000 011f") + bytes(31))
