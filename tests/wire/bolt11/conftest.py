"""Invoices made by hand: what the writer would refuse has to reach the reader somehow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from boltwire.bech32 import Checksum, encode_bech32, words_from_bytes, words_from_int
from boltwire.bolt11 import BITCOIN, Invoice, TaggedField
from boltwire.bolt11.signature import sign, signature_digest
from boltwire.bolt11.tagged_field import join_fields

KEY = bytes.fromhex("e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734")

Forge = Callable[..., str]


@pytest.fixture
def key() -> bytes:
    """The secret key that the examples of BOLT 11 are signed with."""
    return KEY


@pytest.fixture
def plain_fields() -> dict[str, TaggedField]:
    """The least that an invoice consists of, by tag."""
    return {
        "p": TaggedField("p", words_from_bytes(bytes(range(32)))),
        "s": TaggedField("s", words_from_bytes(b"\x11" * 32)),
        "d": TaggedField("d", words_from_bytes(b"coffee")),
    }


@pytest.fixture
def forge(plain_fields: dict[str, TaggedField]) -> Forge:
    """Make a signed invoice of any content; see the parameters."""

    def make(
        *further: TaggedField,
        without: str = "",
        fields: Sequence[TaggedField] | None = None,
        human_readable: str = "lnbc",
        timestamp: int = 1_496_314_658,
        tail: bytes = b"",
        signature: bytes | None = None,
        checksum: Checksum = Checksum.BECH32,
    ) -> str:
        kept = [field for tag, field in plain_fields.items() if tag not in without] if fields is None else fields
        words = words_from_int(timestamp, 7) + join_fields([*kept, *further]) + tail
        made = sign(signature_digest(human_readable, words), KEY) if signature is None else signature
        return encode_bech32(human_readable, words + words_from_bytes(made), checksum)

    return make


@pytest.fixture
def invoice() -> Invoice:
    """A small invoice that may be written."""
    return Invoice(
        currency=BITCOIN,
        timestamp=1_496_314_658,
        payment_hash=bytes(range(32)),
        payment_secret=b"\x11" * 32,
        description="coffee",
    )
