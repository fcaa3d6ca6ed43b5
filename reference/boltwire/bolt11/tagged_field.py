"""Tagged fields: the type-length-value structure inside an invoice (BOLT 11, Tagged Fields).

A field is a type of one word, a length of two words and that many words of data. Types are known by the letter that
Bech32 shows for them.
"""

from typing import Final, NamedTuple

from boltwire.bech32 import ALPHABET, int_from_words, words_from_int
from boltwire.bolt11.errors import Bolt11Refused, Bolt11Rejected

HEADER_SIZE: Final = 3
"""Words of type and length."""

MAX_DATA_SIZE: Final = 1023
"""Words of data that the length can announce: 639 bytes."""


class TaggedField(NamedTuple):
    """One field, its data not interpreted."""

    tag: str
    """The type as its letter, such as ``p`` for type 1."""
    words: bytes
    """The data, 5 bits per byte."""


def split_fields(words: bytes) -> list[TaggedField]:
    """The fields in the words between timestamp and signature.

    Raises :class:`Bolt11Rejected` where a header or the announced data run past the end.
    """
    fields = []
    start = 0
    while start < len(words):
        data = start + HEADER_SIZE
        end = data + int_from_words(words[start + 1 : data])
        if data > len(words):
            raise Bolt11Rejected("a field ends within its type and length")
        tag = ALPHABET[words[start]]
        if end > len(words):
            raise Bolt11Rejected(f"{end - data} words are announced, {len(words) - data} are left", field=tag)
        fields.append(TaggedField(tag, words[data:end]))
        start = end
    return fields


def join_fields(fields: list[TaggedField]) -> bytes:
    """The words of ``fields``, one after the other.

    :class:`Bolt11Refused` for more than 1023 words of data in one of them. B11-tagged-fields-w-23 holds because data
    are words already, made by functions that pad with zero bits.
    """
    parts: list[bytes] = []
    for tag, words in fields:
        if len(tag) != 1 or tag not in ALPHABET:
            raise Bolt11Refused(f"{tag!r} is not the letter of a type", "B11-encoding-w-01")
        if len(words) > MAX_DATA_SIZE:
            raise Bolt11Refused(f"{len(words)} words of data do not fit into field {tag}", "B11-encoding-w-01")
        parts += (words_from_int(ALPHABET.index(tag), 1), words_from_int(len(words), 2), words)
    return b"".join(parts)
