"""Ping and pong, errors and warnings, peer storage (BOLT 1)."""

import pytest

from boltwire.channel_id import ALL_CHANNELS
from boltwire.codec import decode_message, encode_message
from boltwire.diagnostics import OpeningRole, error_channel_id, text_of
from boltwire.errors import MessageError
from boltwire.keepalive import NO_PONG, ping, pong_for
from boltwire.messages import Error, PeerStorage, PeerStorageRetrieval, Ping, Pong, Warning  # noqa: A004
from boltwire.peer_storage import MAX_BACKUP_SIZE, MAX_BLOB_SIZE, retrieval, seal, unseal
from boltwire.sender_rules import broken_sender_rules

KEY = bytes(range(32))


def ids_of(message: Ping | Pong | PeerStorage) -> list[str]:
    return [rule.id for rule in broken_sender_rules(message)]


@pytest.mark.parametrize("size", [0, 1, NO_PONG - 1])
def test_pong_is_as_long_as_asked_for(size: int) -> None:
    """B01-ping-pong-r-01"""
    pong = pong_for(ping(size))
    assert pong is not None
    assert len(pong.ignored) == size
    assert decode_message(encode_message(pong)) == pong


@pytest.mark.parametrize("size", [NO_PONG, 65535])
def test_no_pong_from_65532_on(size: int) -> None:
    """B01-ping-pong-r-02"""
    assert pong_for(ping(size)) is None


def test_padding_is_zero_whatever_the_ping_holds() -> None:
    """B01-ping-pong-s-01 B01-ping-pong-s-02 B01-ping-pong-s-05 B01-ping-pong-s-06"""
    assert ping(7, 3).ignored == bytes(3)
    pong = pong_for(Ping(num_pong_bytes=5, ignored=b"secret"))
    assert pong == Pong(ignored=bytes(5))
    assert ids_of(ping(7, 3)) == ids_of(pong) == []
    assert ids_of(Ping(num_pong_bytes=0, ignored=b"\1")) == ["B01-ping-pong-s-01"]
    assert ids_of(Pong(ignored=b"\1")) == ["B01-ping-pong-s-05"]


@pytest.mark.parametrize("role", OpeningRole)
def test_errors_carry_the_temporary_id_first(role: OpeningRole) -> None:
    """B01-error-warning-f-01 B01-error-warning-e-01 B01-error-warning-p-01 B01-error-warning-a-01"""
    sent_or_received, message = role.value.split()
    assert sent_or_received in ("sent", "received")
    assert message in ("funding_created", "funding_signed", "accept_channel2")
    assert error_channel_id(b"t" * 32, None, passed=False) == b"t" * 32
    assert error_channel_id(b"t" * 32, b"c" * 32, passed=False) == b"t" * 32
    assert error_channel_id(b"t" * 32, b"c" * 32, passed=True) == b"c" * 32
    with pytest.raises(ValueError, match="final id"):
        error_channel_id(b"t" * 32, None, passed=True)


def test_zero_id_addresses_all_channels_or_none() -> None:
    """B01-error-warning-s-04 B01-error-warning-s-05"""
    for cls in (Error, Warning):
        message = cls(channel_id=ALL_CHANNELS, data=b"why")
        assert decode_message(encode_message(message)) == message
    assert bytes(32) == ALL_CHANNELS


def test_text_of_an_error_is_printable() -> None:
    message = Error(channel_id=ALL_CHANNELS, data=b"plain ~ \x1b[31m\x7f\xff\n")
    assert text_of(message) == "plain ~ \\x1b[31m\\x7f\\xff\\x0a"


@pytest.mark.parametrize("size", [0, 1, MAX_BACKUP_SIZE])
def test_backup_comes_back_sealed_and_of_full_size(size: int) -> None:
    """B01-peer-storage-s-02 B01-peer-storage-s-03 B01-peer-storage-s-04 B01-peer-storage-s-05"""
    sent = seal(KEY, b"\x5a" * size)
    assert len(sent.blob) == MAX_BLOB_SIZE
    assert ids_of(sent) == []
    returned = retrieval(sent)
    assert returned == PeerStorageRetrieval(blob=sent.blob)
    assert decode_message(encode_message(returned)) == returned
    assert unseal(KEY, returned) == b"\x5a" * size


def test_backup_that_is_too_large() -> None:
    """B01-peer-storage-s-02"""
    with pytest.raises(ValueError, match=f"at most {MAX_BACKUP_SIZE} bytes"):
        seal(KEY, bytes(MAX_BACKUP_SIZE + 1))
    assert ids_of(PeerStorage(blob=bytes(MAX_BLOB_SIZE))) == []
    assert ids_of(PeerStorage(blob=bytes(MAX_BLOB_SIZE - 1))) == ["B01-peer-storage-s-04"]
    assert ids_of(PeerStorage(blob=bytes(MAX_BLOB_SIZE + 1))) == ["B01-peer-storage-s-02", "B01-peer-storage-s-04"]


@pytest.mark.parametrize("where", [0, 12, -1])
def test_altered_foreign_or_short_backup_is_detected(where: int) -> None:
    """B01-peer-storage-s-03"""
    blob = bytearray(seal(KEY, b"data").blob)
    with pytest.raises(MessageError, match="not sealed with this key"):
        unseal(bytes(32), PeerStorageRetrieval(blob=bytes(blob)))
    blob[where] ^= 1
    for mangled in (bytes(blob), b"", bytes(20)):
        with pytest.raises(MessageError, match="not sealed with this key"):
            unseal(KEY, PeerStorageRetrieval(blob=mangled))


def test_same_backup_is_sealed_differently_each_time() -> None:
    """B01-peer-storage-s-03"""
    assert seal(KEY, b"data") != seal(KEY, b"data")
