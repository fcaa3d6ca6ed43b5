"""The text form of BOLT 12: a prefix, ``1`` and a TLV stream in Bech32's alphabet, without a checksum (Encoding).

Long strings may be broken up by ``+`` with whitespace behind.
"""

import re
from typing import Final

from boltwire.bech32 import Bech32Error, bytes_from_words, join_bech32, leftover_bits, split_bech32, words_from_bytes
from boltwire.bolt12.errors import Bolt12Rejected

_JOIN: Final = re.compile(r"(?<=[0-9A-Za-z])\+[ \t\n\v\f\r]*(?=[0-9A-Za-z])")


def encode_text(prefix: str, data: bytes) -> str:
    """``data`` as a lower-case string (B12-encoding-w-01, B12-encoding-w-03); for a QR code use ``upper()`` of it."""
    return join_bech32(prefix, words_from_bytes(data))


def split_text(text: str, size: int) -> str:
    """``text`` in lines of ``size`` characters that end in ``+`` but for the last one (B12-encoding-w-04).

    ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"a piece has at least one character, not {size}")
    return "+\n".join(text[start : start + size] for start in range(0, len(text), size))


def decode_text(prefix: str, text: str) -> bytes:
    """The TLV stream in ``text``, which has to start with ``prefix`` (lower case).

    Either case is read (B12-encoding-d-01) and joins are removed (B12-encoding-d-02). Raises :class:`Bolt12Rejected`
    for mixed case, foreign characters, a ``+`` at an end or beside another one, another prefix and wrong padding.
    """
    # AMBIGUOUS: joined-strings: a join stands "between two bech32 characters", and the vectors have one inside of the
    # prefix; any character that such a string can have counts.
    joined = _JOIN.sub("", text)
    if "+" in joined:
        raise Bolt12Rejected("a '+' that does not join two characters", rule="B12-encoding-d-02")
    try:
        found, words = split_bech32(joined)
    except Bech32Error as error:
        raise Bolt12Rejected(error.reason, rule="B12-encoding-d-01", offset=error.offset) from error
    if found != prefix:
        raise Bolt12Rejected(f"the prefix is {found[:40]!r}, not {prefix!r}", rule="B12-encoding-d-01")
    count, padding = leftover_bits(words)
    # STRICTER: bech32-padding: the BOLT does not mention padding. As in BIP 173, there is less than a letter of it and
    # it is zero, so that every stream has exactly one string.
    if count >= 5 or padding:
        raise Bolt12Rejected("the data are not padded with fewer than five zero bits", rule="B12-encoding-d-01")
    return bytes_from_words(words)
