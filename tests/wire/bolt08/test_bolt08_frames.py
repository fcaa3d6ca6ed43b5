"""Encrypted frames and key rotation (BOLT 8)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.errors import TransportError
from boltwire.frames import HEADER_SIZE, MAX_FRAME_SIZE, FrameDecryptor, FrameEncryptor
from boltwire.noise import hkdf

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt08_messages.json").read_text())
SEND_KEY, CHAINING_KEY = (bytes.fromhex(VECTORS[name]) for name in ("send_key", "chaining_key"))
HELLO = bytes.fromhex(VECTORS["plaintext"])


def pair() -> tuple[FrameEncryptor, FrameDecryptor]:
    return FrameEncryptor(SEND_KEY, CHAINING_KEY), FrameDecryptor(SEND_KEY, CHAINING_KEY)


def test_ciphertext_vectors_and_their_decryption() -> None:
    """B08-encrypt-s-01 B08-encrypt-s-02 B08-decrypt-r-01 B08-decrypt-r-02 B08-noise-b-01"""
    encryptor, decryptor = pair()
    listed = {row["index"]: row["hex"] for row in VECTORS["ciphertexts"]}
    for index in range(VECTORS["first_index"], VECTORS["last_index"] + 1):
        frame = encryptor.encrypt(HELLO)
        assert listed.get(index, frame.hex()) == frame.hex()
        assert decryptor.feed(frame) == [HELLO]
    assert len(listed) == 6


@pytest.mark.parametrize("part", VECTORS["trace"], ids=lambda part: f"{part['index']}-{part['part']}")
def test_trace_vector(part: dict[str, Any]) -> None:
    """B08-encrypt-s-01 B08-encrypt-s-02"""
    encryptor, _ = pair()
    frames = [encryptor.encrypt(HELLO) for _ in range(part["index"] + 1)]
    where = slice(0, HEADER_SIZE) if part["part"] == "length" else slice(HEADER_SIZE, None)
    assert frames[part["index"]][where].hex() == part["ciphertext"]


@pytest.mark.parametrize("row", VECTORS["key_rotations"], ids=lambda row: row["old_key"][:8])
def test_key_rotation_vector(row: dict[str, Any]) -> None:
    found = hkdf(bytes.fromhex(row["old_chaining_key"]), bytes.fromhex(row["old_key"]))
    assert [key.hex() for key in found] == [row["new_chaining_key"], row["new_key"]]


@given(st.lists(st.binary(max_size=60), max_size=8), st.lists(st.integers(1, 90), min_size=1, max_size=8))
def test_messages_survive_any_cutting_of_the_stream(messages: list[bytes], cuts: list[int]) -> None:
    """B08-decrypt-r-01 B08-decrypt-r-02"""
    encryptor, decryptor = pair()
    stream = encryptor.encrypt_all(messages)
    received: list[bytes] = []
    turn = 0
    while stream:
        size = cuts[turn % len(cuts)]
        received += decryptor.feed(stream[:size])
        stream, turn = stream[size:], turn + 1
    assert received == messages
    decryptor.require_frame_boundary()


@pytest.mark.parametrize("size", [0, 1, 65535])
def test_sizes_up_to_the_largest(size: int) -> None:
    """B08-message-size-b-01"""
    encryptor, decryptor = pair()
    frame = encryptor.encrypt(bytes(size))
    assert len(frame) == 34 + size
    assert len(frame) <= MAX_FRAME_SIZE == 65569
    assert decryptor.feed(frame) == [bytes(size)]


def test_larger_message_is_refused_and_the_stream_goes_on() -> None:
    """B08-message-size-b-01"""
    encryptor, decryptor = pair()
    with pytest.raises(ValueError, match="at most 65535 bytes, not 65536"):
        encryptor.encrypt(bytes(65536))
    assert decryptor.feed(encryptor.encrypt(HELLO)) == [HELLO]


@pytest.mark.parametrize("at", range(39))
def test_any_altered_byte_ends_the_stream_for_good(at: int) -> None:
    encryptor, decryptor = pair()
    frame = bytearray(encryptor.encrypt(HELLO))
    frame[at] ^= 1
    what = "length" if at < HEADER_SIZE else "message"
    with pytest.raises(TransportError, match=f"tag of a {what} does not authenticate") as first:
        decryptor.feed(bytes(frame))
    with pytest.raises(TransportError) as second:
        decryptor.feed(encryptor.encrypt(HELLO))
    assert first.value is second.value


def test_messages_before_an_altered_frame_still_count() -> None:
    encryptor, decryptor = pair()
    stream = bytearray(encryptor.encrypt_all([b"one", b"two", b"three"]))
    stream[-1] ^= 1
    assert decryptor.feed(bytes(stream)) == [b"one", b"two"]
    for broken in (lambda: decryptor.feed(b""), decryptor.require_intact, decryptor.require_frame_boundary):
        with pytest.raises(TransportError, match="tag of a message does not authenticate"):
            broken()


@pytest.mark.parametrize("change", ["swap", "repeat", "drop"])
def test_frames_in_another_order_do_not_authenticate(change: str) -> None:
    """B08-encrypt-s-01 B08-encrypt-s-02"""
    encryptor, decryptor = pair()
    one, two = encryptor.encrypt(b"one"), encryptor.encrypt(b"two")
    stream = {"swap": two + one, "repeat": one + one, "drop": two}[change]
    assert change != "repeat" or decryptor.feed(one) == [b"one"]
    with pytest.raises(TransportError, match="does not authenticate"):
        decryptor.feed(stream[len(one) :] if change == "repeat" else stream)


@pytest.mark.parametrize("size", [1, 17, 18, 19, 38])
def test_stream_cut_off_inside_a_frame(size: int) -> None:
    encryptor, decryptor = pair()
    assert decryptor.feed(encryptor.encrypt(HELLO)[:size]) == []
    with pytest.raises(TransportError, match="ends inside a frame"):
        decryptor.require_frame_boundary()
