"""Bech32: text for bytes in an alphabet of 32 letters (BIP 173), without that BIP's limit of 90 characters.

A string is a human-readable part, the last ``1`` in the string as separator, and data; each letter of the data stands
for a *word*, 5 bits, the most significant ones first. Words are ``bytes`` with values 0 to 31 here. Lightning invoices
(BOLT 11) end in the checksum of BIP 173, addresses of witness version 1 and up in that of BIP 350, and the strings of
BOLT 12 have none. Addresses, at the end of this module, are the one use with a structure that others share.
"""

import base64
import re
from enum import IntEnum
from functools import reduce
from operator import xor
from typing import Final

from boltwire.errors import DecodeError

ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
"""The letter of each word, by value (BIP 173)."""

CHECKSUM_SIZE: Final = 6
"""Words of a checksum."""

_OUTSIDER: Final = re.compile(r"[^!-~]")
_NOT_A_WORD: Final = 0xFF
_WORD_OF_LETTER: Final = bytes(ALPHABET.find(chr(code)) & _NOT_A_WORD for code in range(256))
_LETTER_OF_WORD: Final = ALPHABET.encode().ljust(256, b"?")
_DIGIT_OF_WORD: Final = b"0123456789abcdefghijklmnopqrstuv".ljust(256, b"?")
"""What ``int(..., 32)`` expects; reading an integer at once is much faster than word by word."""
_WORD_OF_BASE32: Final = bytes(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(bytes((code,))) & _NOT_A_WORD for code in range(256)
)
"""From the alphabet of :mod:`base64`."""

_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_FEEDBACK: Final = tuple(
    reduce(xor, (term for bit, term in enumerate(_GENERATOR) if top >> bit & 1), 0) for top in range(32)
)
"""What the five bits that are shifted out of the checksum's register add to it."""


class Bech32Error(DecodeError):
    """Text that is not Bech32; ``offset`` counts characters."""


class Checksum(IntEnum):
    """The two checksums, by the constant that a correct string leaves in the register."""

    BECH32 = 1
    """BIP 173: Lightning invoices, addresses of witness version 0."""
    BECH32M = 0x2BC830A3
    """BIP 350: addresses of witness version 1 and above."""


def split_bech32(text: str) -> tuple[str, bytes]:
    """The human-readable part in lower case and the words after the separator, a checksum included if there is one.

    Raises :class:`Bech32Error` for a character outside of ASCII 33 to 126, mixed case, a missing separator, an empty
    human-readable part or a letter that is not in the alphabet.
    """
    if outsider := _OUTSIDER.search(text):
        raise Bech32Error("a character outside of ASCII 33 to 126", offset=outsider.start())
    lower = text.lower()
    if text not in (lower, text.upper()):
        raise Bech32Error("upper and lower case are mixed")
    separator = lower.rfind("1")
    if separator < 0:
        raise Bech32Error("no separator '1'")
    if separator == 0:
        raise Bech32Error("nothing before the separator '1'", offset=0)
    words = lower[separator + 1 :].encode().translate(_WORD_OF_LETTER)
    if (bad := words.find(_NOT_A_WORD)) >= 0:
        raise Bech32Error(f"{lower[separator + 1 + bad]!r} is not in the alphabet", offset=separator + 1 + bad)
    return lower[:separator], words


def join_bech32(human_readable: str, words: bytes) -> str:
    """The lower-case string of a human-readable part and words; the inverse of :func:`split_bech32`."""
    return f"{human_readable}1{words.translate(_LETTER_OF_WORD).decode()}"


def decode_bech32(text: str) -> tuple[str, bytes, Checksum]:
    """Human-readable part, words without the checksum, and which of the two checksums it was.

    Raises :class:`Bech32Error` for what :func:`split_bech32` refuses and for a wrong or missing checksum.
    """
    human_readable, words = split_bech32(text)
    return human_readable, words[:-CHECKSUM_SIZE], verify_checksum(human_readable, words)


def encode_bech32(human_readable: str, words: bytes, checksum: Checksum = Checksum.BECH32) -> str:
    """The lower-case string with its checksum.

    ValueError unless the human-readable part is 1 or more characters of ASCII 33 to 126 in lower case and every word
    is below 32.
    """
    if not human_readable or _OUTSIDER.search(human_readable) or human_readable != human_readable.lower():
        raise ValueError(f"a human-readable part is lower case ASCII of 33 to 126, not {human_readable!r}")
    if any(word >= 32 for word in words):
        raise ValueError("a word of Bech32 is below 32")
    register = _remainder(_expand(human_readable) + words + bytes(CHECKSUM_SIZE)) ^ checksum
    tail = bytes(register >> 5 * place & 31 for place in reversed(range(CHECKSUM_SIZE)))
    return join_bech32(human_readable, words + tail)


def verify_checksum(human_readable: str, words: bytes) -> Checksum:
    """Which checksum ``words`` end in; :class:`Bech32Error` if in neither."""
    if len(words) < CHECKSUM_SIZE:
        raise Bech32Error(f"{len(words)} characters after the separator, a checksum alone has {CHECKSUM_SIZE}")
    remainder = _remainder(_expand(human_readable) + words)
    if remainder not in (Checksum.BECH32, Checksum.BECH32M):
        raise Bech32Error("the checksum is wrong")
    return Checksum(remainder)


def words_from_bytes(data: bytes) -> bytes:
    """``data`` as words, padded with zero bits to a whole number of them."""
    return base64.b32encode(data).rstrip(b"=").translate(_WORD_OF_BASE32)


def bytes_from_words(words: bytes) -> bytes:
    """The whole bytes in ``words``; the bits that are left over (:func:`leftover_bits`) are dropped."""
    bits = 5 * len(words)
    return (int_from_words(words) >> bits % 8).to_bytes(bits // 8, "big")


def leftover_bits(words: bytes) -> tuple[int, int]:
    """How many bits ``words`` have beyond whole bytes (0 to 7), and the integer in them."""
    count = 5 * len(words) % 8
    return count, int_from_words(words[-2:]) & (1 << count) - 1


def padded_bytes_from_words(words: bytes) -> bytes:
    """All bits of ``words``, with zero bits appended up to a whole byte."""
    bits = 5 * len(words)
    return (int_from_words(words) << -bits % 8).to_bytes((bits + 7) // 8, "big")


def int_from_words(words: bytes) -> int:
    """The big-endian integer in ``words``; no words are zero."""
    return int(words.translate(_DIGIT_OF_WORD), 32) if words else 0


def words_from_int(value: int, count: int | None = None) -> bytes:
    """``value`` as ``count`` words big-endian, by default as few as hold it (none for zero).

    ValueError when it is negative or does not fit.
    """
    least = (value.bit_length() + 4) // 5
    size = least if count is None else count
    if value < 0 or least > size:
        raise ValueError(f"{value} does not fit into {size} words of 5 bits")
    return bytes(value >> 5 * place & 31 for place in reversed(range(size)))


def witness_program_fault(version: int, program: bytes) -> str | None:
    """Why a witness version and program are not a place to send money to; None if they are.

    Versions are 0 to 16 and programs 2 to 40 bytes (BIP 141); version 0 takes 20 or 32 bytes, version 1 takes 32
    (BIP 341: what is shorter or longer can be spent by anybody).
    """
    if not 0 <= version <= 16:
        return f"a witness version is between 0 and 16, not {version}"
    if not 2 <= len(program) <= 40:
        return f"a witness program takes 2 to 40 bytes, not {len(program)}"
    if version == 0 and len(program) not in (20, 32):
        return f"a witness program of version 0 takes 20 or 32 bytes, not {len(program)}"
    if version == 1 and len(program) != 32:
        return f"a witness program of version 1 takes 32 bytes, not {len(program)}"
    return None


def encode_segwit_address(prefix: str, version: int, program: bytes) -> str:
    """The address of a witness program on the network whose addresses start with ``prefix``, such as ``bc``.

    ValueError for what :func:`witness_program_fault` finds.
    """
    if fault := witness_program_fault(version, program):
        raise ValueError(fault)
    checksum = Checksum.BECH32M if version else Checksum.BECH32
    return encode_bech32(prefix, bytes((version,)) + words_from_bytes(program), checksum)


def decode_segwit_address(text: str) -> tuple[str, int, bytes]:
    """Prefix, witness version and program of an address.

    Raises :class:`Bech32Error` for text that is not Bech32, the checksum of the other witness versions, padding that is
    not zero or too long, and for what :func:`witness_program_fault` finds.
    """
    prefix, words, checksum = decode_bech32(text)
    if not words:
        raise Bech32Error("an address without a witness version")
    version, program = words[0], bytes_from_words(words[1:])
    count, padding = leftover_bits(words[1:])
    if count >= 5 or padding:
        raise Bech32Error("the witness program is not padded with fewer than five zero bits")
    if fault := witness_program_fault(version, program):
        raise Bech32Error(fault)
    if (checksum is Checksum.BECH32M) != (version > 0):
        raise Bech32Error(f"{checksum.name} is not the checksum of witness version {version}")
    return prefix, version, program


def _expand(human_readable: str) -> bytes:
    """The human-readable part as words: the high bits of all characters, zero, their low bits."""
    codes = human_readable.encode()
    return bytes(code >> 5 for code in codes) + b"\0" + bytes(code & 31 for code in codes)


def _remainder(words: bytes) -> int:
    """The checksum's register (30 bits) after ``words``: a BCH code over GF(32)."""
    register = 1
    feedback = _FEEDBACK
    for word in words:
        register = (register & 0x1FFFFFF) << 5 ^ word ^ feedback[register >> 25]
    return register
