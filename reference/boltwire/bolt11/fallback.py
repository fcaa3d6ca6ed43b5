"""Fallback addresses: where to pay on the chain if Lightning fails (BOLT 11, field ``f``).

The field holds a version, one word, and a hash or witness program. Versions 0 to 16 are witness versions, 17 and 18
stand for the two kinds of older addresses, 19 to 31 are unknown and skipped by readers.
"""

from dataclasses import dataclass
from typing import Final, Self

from boltwire.bech32 import (
    bytes_from_words,
    decode_segwit_address,
    encode_segwit_address,
    witness_program_fault,
    words_from_bytes,
)
from boltwire.bolt11.base58 import decode_base58check, encode_base58check
from boltwire.bolt11.currency import Currency
from boltwire.bolt11.errors import Bolt11Refused, Bolt11Rejected
from boltwire.errors import DecodeError

PUBKEY_HASH: Final = 17
"""Version of a public key hash (p2pkh)."""

SCRIPT_HASH: Final = 18
"""Version of a script hash (p2sh)."""

HASH_SIZE: Final = 20
"""Bytes of both hashes."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """One ``f`` field of a known version."""

    version: int
    """0 to 16: witness version; :data:`PUBKEY_HASH`; :data:`SCRIPT_HASH`."""
    program: bytes
    """The witness program (2 to 40 bytes) or the hash (20 bytes)."""

    def address(self, currency: Currency) -> str:
        """The address as text on the network of ``currency``."""
        if self.version == PUBKEY_HASH:
            return encode_base58check(bytes((currency.pubkey_hash_version,)) + self.program)
        if self.version == SCRIPT_HASH:
            return encode_base58check(bytes((currency.script_hash_version,)) + self.program)
        return encode_segwit_address(currency.address_prefix, self.version, self.program)

    @classmethod
    def from_address(cls, text: str, currency: Currency) -> Self:
        """The fallback that pays to ``text``; DecodeError unless it is an address of the network of ``currency``."""
        if text.lower().startswith(f"{currency.address_prefix}1"):
            _, version, program = decode_segwit_address(text)
            return cls(version, program)
        payload = decode_base58check(text)
        versions = {currency.pubkey_hash_version: PUBKEY_HASH, currency.script_hash_version: SCRIPT_HASH}
        if len(payload) != 1 + HASH_SIZE or payload[0] not in versions:
            raise DecodeError(f"not an address of the network of {currency.prefix}")
        return cls(versions[payload[0]], payload[1:])


def decode_fallback(words: bytes) -> Fallback | None:
    """The fallback in the words of an ``f`` field; None if its version is unknown (B11-tagged-fields-d-01).

    Raises :class:`Bolt11Rejected` for a known version with a program that cannot be its own.
    """
    if not words:
        raise Bolt11Rejected("a fallback without a version", rule="B11-tagged-fields-w-17", field="f")
    fallback = Fallback(words[0], bytes_from_words(words[1:]))
    if fallback.version > SCRIPT_HASH:
        return None
    # AMBIGUOUS: impossible-fallback: readers are told to skip unknown versions only. A known version with an impossible
    # program is neither unknown nor payable; it is treated as a broken invoice rather than passed over in silence.
    if fault := _fault(fallback):
        raise Bolt11Rejected(fault, rule="B11-tagged-fields-w-17", field="f")
    return fallback


def encode_fallback(fallback: Fallback) -> bytes:
    """The words of an ``f`` field; :class:`Bolt11Refused` for a version or program that is not valid."""
    if fault := _fault(fallback):
        raise Bolt11Refused(fault, "B11-tagged-fields-w-17")
    return bytes((fallback.version,)) + words_from_bytes(fallback.program)


def _fault(fallback: Fallback) -> str | None:
    if fallback.version in (PUBKEY_HASH, SCRIPT_HASH):
        size = len(fallback.program)
        return None if size == HASH_SIZE else f"a hash of version {fallback.version} takes 20 bytes, not {size}"
    return witness_program_fault(fallback.version, fallback.program)
