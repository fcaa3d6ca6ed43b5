"""Short channel ids, addresses and aliases (BOLT 7)."""

import hashlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.addresses import (
    Address,
    DnsAddress,
    IpAddress,
    TorV3Address,
    decode_address,
    decode_addresses,
    encode_addresses,
)
from boltwire.alias import encode_alias, printable_alias
from boltwire.codec import decode_message, encode_message
from boltwire.errors import MessageError, TlvError
from boltwire.messages import NodeAnnouncement
from boltwire.scid import ShortChannelId

IPV4 = IpAddress(ipaddress.IPv4Address("192.0.2.1"), 9735)
IPV6 = IpAddress(ipaddress.IPv6Address("2001:db8::1"), 9735)
PUBKEY = bytes(range(32))
CHECKSUM = hashlib.sha3_256(b".onion checksum" + PUBKEY + b"\x03").digest()[:2]
TOR = TorV3Address(PUBKEY + CHECKSUM + b"\x03", 9735)
DNS = DnsAddress("node.example.com", 9735)
ALL: list[Address] = [IPV4, IPV6, TOR, DNS]


@given(st.integers(0, 2**64 - 1))
def test_scid_round_trip(value: int) -> None:
    scid = ShortChannelId(value)
    assert ShortChannelId.parse(str(scid)) == scid == ShortChannelId.from_bytes(scid.to_bytes(8, "big"))
    assert ShortChannelId.of(scid.block_height, scid.transaction_index, scid.output_index) == scid


def test_scid_example_of_the_bolt() -> None:
    scid = ShortChannelId.parse("539268x845x1")
    assert (scid.block_height, scid.transaction_index, scid.output_index) == (539268, 845, 1)
    assert (f"{scid}", repr(scid)) == ("539268x845x1", "ShortChannelId(539268x845x1)")
    assert f"{scid:d}" == str(int(scid))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1x2",
        "1x2x3x4",
        "1:2:3",
        "01x2x3",
        "+1x2x3",
        " 1x2x3",
        "1x2x3\n",
        "1X2X3",
        "16777216x0x0",
        "0x16777216x0",
        "0x0x65536",
        "-1x0x0",
        "1_0x0x0",
        "١x0x0",
    ],
)
def test_other_texts_are_no_scid(text: str) -> None:
    with pytest.raises(TlvError):
        ShortChannelId.parse(text)


def test_scids_are_ordered_by_their_place_in_the_chain() -> None:
    parts = [(1, 2, 3), (1, 2, 4), (1, 3, 0), (2, 0, 0)]
    assert sorted(ShortChannelId.of(*part) for part in reversed(parts)) == [ShortChannelId.of(*part) for part in parts]


@pytest.mark.parametrize("value", [-1, 2**64])
def test_scid_has_64_bits(value: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        ShortChannelId(value)
    with pytest.raises(TlvError, match="8 bytes, not 7"):
        ShortChannelId.from_bytes(bytes(7))
    with pytest.raises(ValueError, match="24, 24 and 16 bits"):
        ShortChannelId.of(0, 0, 65536)


def test_addresses_are_written_by_ascending_type_and_counted() -> None:
    """B07-node-announcement-o-09 B07-node-announcement-o-10 B07-node-announcement-o-11 B07-node-announcement-o-12"""
    data = encode_addresses(reversed(ALL))
    assert data == b"".join(address.encode() for address in ALL)
    assert [len(address.encode()) for address in ALL] == [7, 19, 38, 2 + 16 + 2]
    assert decode_addresses(data).usable == tuple(ALL)
    message = NodeAnnouncement(
        signature=bytes(64),
        features=b"",
        timestamp=0,
        node_id=b"\x02" + bytes(32),
        rgb_color=bytes(3),
        alias=bytes(32),
        addresses=data,
    )
    encoded = encode_message(message)
    assert encoded[-len(data) - 2 : -len(data)] == len(data).to_bytes(2, "big")
    assert decode_message(encoded) == message


@pytest.mark.parametrize("address", ALL, ids=str)
def test_single_descriptor(address: Address) -> None:
    data = address.encode()
    assert decode_address(data) == address
    for size in range(1, len(data)):
        with pytest.raises(MessageError, match="truncated"):
            decode_address(data[:size])
    with pytest.raises(MessageError, match="1 bytes follow"):
        decode_address(data + b"\0")


def test_single_descriptor_of_other_types() -> None:
    assert decode_address(b"\x09abc") is None
    assert decode_address(b"\x03" + bytes(12)) is None
    with pytest.raises(MessageError, match="at least a type byte"):
        decode_address(b"")


@pytest.mark.parametrize("address", [IpAddress(IPV4.address, 0), IpAddress(IPV6.address, 0), DnsAddress("a", 0)])
def test_port_zero_is_neither_sent_nor_used(address: IpAddress | DnsAddress) -> None:
    """B07-node-announcement-o-13"""
    with pytest.raises(ValueError, match="port to announce is between"):
        encode_addresses([address])
    usable = type(address)(*(getattr(address, name) for name in address.__slots__[:-1]), 9).encode()  # type: ignore[call-arg]
    assert decode_addresses(usable[:-2] + b"\0\0").usable == ()


def test_host_names() -> None:
    """B07-node-announcement-o-01 B07-node-announcement-o-02"""
    assert DnsAddress.from_unicode("bücher.example", 1).hostname == "xn--bcher-kva.example"
    assert DnsAddress.from_unicode("a.example", 1).hostname == "a.example"
    for name in ("bücher.example", "", "a" * 256):
        with pytest.raises(ValueError, match="1 to 255 ASCII"):
            DnsAddress(name, 1).encode()
    assert decode_addresses(DnsAddress("a" * 255, 1).encode()).usable == (DnsAddress("a" * 255, 1),)
    assert decode_addresses(b"\x05\x02\xc3\xbc\x00\x01").usable == ()


def test_one_host_name_at_most() -> None:
    """B07-node-announcement-o-18"""
    second = DnsAddress("other.example", 1)
    with pytest.raises(ValueError, match="at most one host name"):
        encode_addresses([DNS, second])
    found = decode_addresses(DNS.encode() + second.encode())
    assert (found.usable, found.dns_count) == ((DNS,), 2)


def test_obsolete_and_unknown_types_and_padding() -> None:
    """B07-node-announcement-o-11 B07-node-announcement-o-17"""
    tor_v2 = b"\x03" + bytes(12)
    unknown = b"\x09whatever" + DNS.encode()
    found = decode_addresses(b"\0\0" + IPV4.encode() + tor_v2 + TOR.encode() + unknown)
    assert found.usable == (IPV4, TOR)
    assert found.unread == unknown


@pytest.mark.parametrize("data", [b"\1\2\3", b"\5", b"\5\3abc", b"\3" + bytes(11), IPV4.encode() + TOR.encode()[:-1]])
def test_descriptor_that_overruns_the_list(data: bytes) -> None:
    """B07-node-announcement-r-11"""
    with pytest.raises(MessageError, match="truncated"):
        decode_addresses(data)


def test_addresses_as_text() -> None:
    onion = "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dyp"
    assert [str(address) for address in (IPV4, IPV6, DNS)] == [
        "192.0.2.1:9735",
        "[2001:db8::1]:9735",
        "node.example.com:9735",
    ]
    assert str(TOR).startswith(onion)
    assert str(TOR).endswith(".onion:9735")
    assert TOR.is_consistent
    assert not TorV3Address(bytes(35), 1).is_consistent
    with pytest.raises(ValueError, match="35 bytes"):
        TorV3Address(bytes(34), 1).encode()


@given(st.binary(max_size=300))
def test_arbitrary_address_lists(data: bytes) -> None:
    try:
        found = decode_addresses(data)
    except MessageError:
        return
    assert data.endswith(found.unread)
    assert all(address.port for address in found.usable)


@pytest.mark.parametrize("text", ["", "SLEEPYGATE", "ž" * 16, "x" * 32])
def test_alias_round_trip(text: str) -> None:
    """B07-node-announcement-o-07"""
    data = encode_alias(text)
    assert len(data) == 32
    assert data.rstrip(b"\0").decode() == text
    assert printable_alias(data) == text


@pytest.mark.parametrize("text", ["x" * 33, "ž" * 16 + "x", "a\0b"])
def test_alias_that_does_not_fit(text: str) -> None:
    """B07-node-announcement-o-07"""
    with pytest.raises(ValueError, match="an alias has at most"):
        encode_alias(text)


@pytest.mark.parametrize(
    ("alias", "shown"),
    [
        (b"\x1b[31mred", "\\x1b[31mred"),
        (b"a\xffb", "a\\xffb"),
        (b"a\nb", "a\\nb"),
        (b"\xe2\x80\xaeevil", "\\u202eevil"),
    ],
)
def test_alias_of_a_stranger_is_safe_to_print(alias: bytes, shown: str) -> None:
    assert printable_alias(alias.ljust(32, b"\0")) == shown
