"""A node's alias: 32 bytes of UTF-8, padded with zero bytes (BOLT 7, node_announcement)."""

from typing import Final

ALIAS_SIZE: Final = 32
"""Bytes of the field."""


def encode_alias(text: str) -> bytes:
    """``text`` as UTF-8 with zero bytes after it (B07-node-announcement-o-07).

    ValueError when it is longer than 32 bytes or contains a zero itself.
    """
    data = text.encode("utf-8")
    if len(data) > ALIAS_SIZE or b"\0" in data:
        raise ValueError(f"an alias has at most {ALIAS_SIZE} bytes of UTF-8 and no zero: {text!r}")
    return data.ljust(ALIAS_SIZE, b"\0")


def printable_alias(alias: bytes) -> str:
    """The alias for people: what is not printable, or not UTF-8, is shown as an escape.

    Aliases are chosen by strangers; this keeps terminals safe, while HTML and SQL need their own escaping.
    """
    text = alias.rstrip(b"\0").decode("utf-8", errors="backslashreplace")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
