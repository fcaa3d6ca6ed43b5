"""Onion packets: the four sections of BOLT 4 (Packet Structure), as they travel.

Payments and onion messages use one format; they differ in the size of the payload area only: 1300 bytes inside
``update_add_htlc``, anything inside ``onion_message`` (1300 or 32768 by recommendation). Splitting a packet judges
nothing but its length: a wrong version, key or HMAC must lead to a specific failure (see
:mod:`boltwire.onion.peeling`), and the hash of the whole packet goes into it.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from boltwire.errors import OnionError
from boltwire.secp256k1 import POINT_SIZE

VERSION: Final = 0
"""The only version of the packet format that is defined."""

HMAC_SIZE: Final = 32
"""Bytes of an HMAC, in the packet and behind each payload."""

OVERHEAD: Final = 1 + POINT_SIZE + HMAC_SIZE
"""Bytes of a packet outside its payload area: version, ephemeral key and HMAC, 66 together."""

PAYMENT_PAYLOADS_SIZE: Final = 1300
"""Bytes of the payload area of a payment's onion, and of a small onion message."""

LARGE_PAYLOADS_SIZE: Final = 32768
"""Bytes of the payload area of a large onion message, whose packet has 32834 bytes."""


@dataclass(frozen=True, slots=True)
class OnionPacket:
    """One onion, as it arrives at a hop or leaves it."""

    version: int
    """One byte; 0 is the only version defined."""
    public_key: bytes
    """33 bytes: the ephemeral key for the next reader; in a packet that was received, not necessarily a point."""
    hop_payloads: bytes
    """The payloads of all remaining hops with their HMACs, and filler, all hidden (1300 bytes in a payment)."""
    hmac: bytes
    """32 bytes: authenticates ``hop_payloads`` and the associated data to the next reader."""

    def __post_init__(self) -> None:
        if not 0 <= self.version <= 0xFF:
            raise ValueError(f"an onion version is one byte, not {self.version}")
        if len(self.public_key) != POINT_SIZE or len(self.hmac) != HMAC_SIZE or not self.hop_payloads:
            raise ValueError("an onion has a key of 33 bytes, a payload area and an HMAC of 32 bytes")

    def encode(self) -> bytes:
        """Version, ephemeral key, payload area and HMAC, without a length."""
        return b"".join((bytes((self.version,)), self.public_key, self.hop_payloads, self.hmac))

    def sha256(self) -> bytes:
        """The 32 bytes by which the BADONION failures name this packet (``sha256_of_onion``)."""
        return sha256(self.encode()).digest()

    @classmethod
    def decode(cls, data: bytes, payloads_size: int | None = None) -> Self:
        """The packet that fills ``data``.

        ``payloads_size`` is the required size of the payload area in bytes (1300 for a payment); None accepts any from
        1 up, as onion messages do. Raises :class:`OnionError` for any other length.
        """
        size = len(data) - OVERHEAD
        if size < 1 or payloads_size not in (None, size):
            wanted = f"{OVERHEAD + 1} or more" if payloads_size is None else str(OVERHEAD + payloads_size)
            raise OnionError(f"an onion packet has {wanted} bytes, not {len(data)}", offset=len(data))
        key_end, payloads_end = 1 + POINT_SIZE, len(data) - HMAC_SIZE
        return cls(data[0], data[1:key_end], data[key_end:payloads_end], data[payloads_end:])
