"""Onion construction: what the origin does (BOLT 4, Packet Construction and Filler Generation).

The onion is built from the inside out. In every step the payload area moves right to make room for one hop's payload,
is hidden with that hop's stream and authenticated with its key. What each hop will append on the way (*filler*) is
predicted first, as the HMACs cover it.

Read :mod:`boltwire.onion.peeling` next, which undoes one step.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from boltwire.bigsize import encode_bigsize
from boltwire.onion.keys import KeyType, derive_key, hop_secrets
from boltwire.onion.packet import HMAC_SIZE, PAYMENT_PAYLOADS_SIZE, VERSION, OnionPacket
from boltwire.onion.stream import apply_stream, stream
from boltwire.secp256k1 import PrivateKey, PublicKey

LEAST_PAYLOAD_SIZE = 2
"""Bytes of the smallest legal payload; the lengths 0 and 1 are reserved."""


@dataclass(frozen=True, slots=True)
class OnionHop:
    """One reader of an onion to be built."""

    public_key: PublicKey
    """The node id, or the blinded node id inside a blinded path."""
    payload: bytes
    """What the hop is told, without length prefix; a TLV stream of 2 bytes or more."""

    @property
    def framed_payload(self) -> bytes:
        """The payload behind its length, as it stands in the onion in front of an HMAC."""
        return encode_bigsize(len(self.payload)) + self.payload

    @property
    def shift_size(self) -> int:
        """Bytes that this hop takes out of the payload area: length, payload and HMAC."""
        return len(self.framed_payload) + HMAC_SIZE


@dataclass(frozen=True, slots=True)
class ConstructedOnion:
    """A new onion, and what its origin must keep in order to read the answer."""

    packet: OnionPacket
    """To be sent to the first hop."""
    shared_secrets: tuple[bytes, ...]
    """32 bytes for each hop, first hop first."""


def construct_onion(
    hops: Sequence[OnionHop],
    session_key: PrivateKey,
    associated_data: bytes = b"",
    payloads_size: int = PAYMENT_PAYLOADS_SIZE,
) -> ConstructedOnion:
    """The onion for ``hops``, first hop first, as many as fit into ``payloads_size`` bytes.

    ``session_key`` must be fresh from a secure random source: using one twice gives both routes away.
    ``associated_data`` is committed to, but not included (the payment hash; empty for messages). ValueError for no
    hops, for a payload of less than 2 bytes and when the payloads do not fit.
    """
    _require_fit(hops, payloads_size)
    secrets = tuple(secret for _, secret in hop_secrets(session_key, (hop.public_key for hop in hops)))
    rho_keys = [derive_key(KeyType.RHO, secret) for secret in secrets]
    filler = _filler([hop.shift_size for hop in hops[:-1]], rho_keys, payloads_size)

    payloads = stream(derive_key(KeyType.PAD, session_key.secret), payloads_size)
    next_hmac = bytes(HMAC_SIZE)
    for index in reversed(range(len(hops))):
        shifted = hops[index].framed_payload + next_hmac + payloads
        payloads = apply_stream(rho_keys[index], shifted[:payloads_size])
        if index == len(hops) - 1:
            payloads = payloads[: payloads_size - len(filler)] + filler
        next_hmac = hmac.digest(derive_key(KeyType.MU, secrets[index]), payloads + associated_data, "sha256")
    return ConstructedOnion(OnionPacket(VERSION, session_key.public_key.encoded, payloads, next_hmac), secrets)


def _require_fit(hops: Sequence[OnionHop], payloads_size: int) -> None:
    if not hops:
        raise ValueError("an onion has at least one hop")
    for index, hop in enumerate(hops):
        if len(hop.payload) < LEAST_PAYLOAD_SIZE:
            raise ValueError(f"the payload of hop {index} has {len(hop.payload)} bytes, the least is 2")
    needed = sum(hop.shift_size for hop in hops)
    if needed > payloads_size:
        raise ValueError(f"the payloads take {needed} bytes, the onion has {payloads_size}")


def _filler(shift_sizes: Sequence[int], rho_keys: Sequence[bytes], payloads_size: int) -> bytes:
    """The end of the payload area as the final hop will receive it, after all others have padded and shifted.

    Each of these hops appends zeros beyond the payload area and hides the result, filler of earlier hops included.
    """
    filler = b""
    for shift_size, rho in zip(shift_sizes, rho_keys, strict=False):
        start = payloads_size - len(filler)
        filler = apply_stream(rho, bytes(start) + filler + bytes(shift_size))[start:]
    return filler
