"""What is wrong with a removed HTLC on the face of the message (BOLT 2, Removing an HTLC)."""

import hashlib
from typing import Final

from boltwire.errors import MessageError
from boltwire.messages import UpdateFailMalformedHtlc, UpdateFulfillHtlc

BADONION: Final = 0x8000
"""Bit of a failure code: the onion could not be read (BOLT 4)."""


def check_fulfill(message: UpdateFulfillHtlc, payment_hash: bytes) -> None:
    """Raise :class:`MessageError` unless the preimage hashes to ``payment_hash`` (B02-removing-htlc-r-02)."""
    if hashlib.sha256(message.payment_preimage).digest() != payment_hash:
        raise MessageError(
            "the preimage does not hash to the payment hash", field="update_fulfill_htlc.payment_preimage"
        )


def check_fail_malformed(message: UpdateFailMalformedHtlc) -> None:
    """Raise :class:`MessageError` unless the code says BADONION (B02-removing-htlc-r-03)."""
    if not message.failure_code & BADONION:
        reason = f"failure code {message.failure_code:#06x} lacks BADONION"
        raise MessageError(reason, field="update_fail_malformed_htlc.failure_code")


def onion_hash(onion_routing_packet: bytes) -> bytes:
    """``sha256_of_onion`` that an error about a received onion reports.

    B02-removing-htlc-m-02, B02-removing-htlc-m-06; all zero is permitted, too (B02-removing-htlc-m-03,
    B02-removing-htlc-m-07).
    """
    return hashlib.sha256(onion_routing_packet).digest()
