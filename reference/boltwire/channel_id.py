"""How channels are named in messages (BOLT 2: Definition of channel_id, open_channel2)."""

import hashlib
import secrets
from collections.abc import Container
from typing import Final

ALL_CHANNELS: Final = bytes(32)
"""All zero: in an error every channel (B01-error-warning-s-04), in a warning none in particular
(B01-error-warning-s-05)."""

_NO_POINT: Final = bytes(33)


def channel_id_v1(funding_txid: bytes, funding_output_index: int) -> bytes:
    """The id of a channel opened with ``open_channel``: the transaction id with its last two bytes XORed by the index.

    B02-funding-signed-e-01. ``funding_txid`` is in wire order, as in ``funding_created``.
    """
    if len(funding_txid) != 32 or not 0 <= funding_output_index < 1 << 16:
        raise ValueError(f"not an outpoint of 32 bytes and a u16: {funding_txid.hex()}, {funding_output_index}")
    tail = int.from_bytes(funding_txid[30:], "big") ^ funding_output_index
    return funding_txid[:30] + tail.to_bytes(2, "big")


def channel_id_v2(revocation_basepoint_1: bytes, revocation_basepoint_2: bytes) -> bytes:
    """The id of a channel opened with ``open_channel2``: SHA-256 of both revocation basepoints, the lesser first."""
    return hashlib.sha256(b"".join(sorted((revocation_basepoint_1, revocation_basepoint_2)))).digest()


def temporary_channel_id_v2(opener_revocation_basepoint: bytes) -> bytes:
    """The id in ``open_channel2``: that of a peer whose basepoint is all zero (B02-open-channel2-s-04)."""
    return channel_id_v2(opener_revocation_basepoint, _NO_POINT)


def fresh_temporary_channel_id(taken: Container[bytes] = ()) -> bytes:
    """A random id for ``open_channel`` that is none of the peer's other ids (B02-open-channel-s-02), nor all zero."""
    while True:
        found = secrets.token_bytes(32)
        if found != ALL_CHANNELS and found not in taken:
            return found
