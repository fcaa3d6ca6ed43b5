"""Base58Check: the text of addresses from before segregated witness, and of nothing else in Lightning.

Bytes with four bytes of double SHA-256 behind are written as one big number in an alphabet of 58 characters; each
leading zero byte is one leading ``1``.
"""

from typing import Final

from boltwire.errors import DecodeError
from boltwire.hashes import sha256d

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""The character of each digit, by value: no zero, no capital O and I, no small l."""

CHECKSUM_SIZE: Final = 4
"""Bytes of the hash that serve as checksum."""

MAX_CHARACTERS: Final = 128
"""More than any address has: the conversion takes quadratic time."""


class Base58Error(DecodeError):
    """Text that is not Base58Check."""


def encode_base58check(payload: bytes) -> str:
    """``payload`` (a version byte and a hash) as text, checksum included."""
    data = payload + sha256d(payload)[:CHECKSUM_SIZE]
    number = int.from_bytes(data, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return ALPHABET[0] * zeros + "".join(reversed(digits))


def decode_base58check(text: str) -> bytes:
    """The payload of ``text``; :class:`Base58Error` for foreign characters, absurd length or a wrong checksum."""
    if len(text) > MAX_CHARACTERS:
        raise Base58Error(f"{len(text)} characters are too long for an address")
    number = 0
    for offset, character in enumerate(text):
        digit = ALPHABET.find(character)
        if digit < 0:
            raise Base58Error(f"{character!r} is not in the alphabet", offset=offset)
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip(ALPHABET[0]))
    data = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, checksum = data[:-CHECKSUM_SIZE], data[-CHECKSUM_SIZE:]
    if sha256d(payload)[:CHECKSUM_SIZE] != checksum:
        raise Base58Error("the checksum is wrong")
    return payload
