"""Channel types (BOLT 2, Defined Channel Types): a few sets of even feature bits that fix how commitments are built."""

from itertools import combinations
from typing import Final

from boltwire.errors import MessageError
from boltwire.features import BY_NAME, FeatureBits

_BASIC: Final = (("option_static_remotekey",), ("option_anchors", "option_static_remotekey"))
_VARIATIONS: Final = ("option_scid_alias", "option_zeroconf")

DEFINED_CHANNEL_TYPES: Final = frozenset(
    FeatureBits.of(required=(*basic, *variation))
    for basic in _BASIC
    for count in range(len(_VARIATIONS) + 1)
    for variation in combinations(_VARIATIONS, count)
)
"""The basic types with and without each variation: eight in all."""

STATIC_REMOTEKEY: Final = FeatureBits.of(required=_BASIC[0])
"""The older basic type."""

ANCHORS: Final = FeatureBits.of(required=_BASIC[1])
"""The basic type with anchor outputs and HTLC transactions that pay no fee themselves."""


def encode_channel_type(bits: FeatureBits) -> bytes:
    """The value of the ``channel_type`` record; ValueError unless the type is defined.

    B02-open-channel-s-15: the smallest bit map that holds it.
    """
    if bits not in DEFINED_CHANNEL_TYPES:
        raise ValueError(f"not a defined channel type: {_describe(bits)}")
    return bits.to_bytes()


def decode_channel_type(data: bytes) -> FeatureBits:
    """The type in a ``channel_type`` record; :class:`MessageError` unless it is a defined one.

    A bit map with leading zero bytes is accepted: only its sender must not write one.
    """
    bits = FeatureBits.from_bytes(data)
    if bits not in DEFINED_CHANNEL_TYPES:
        raise MessageError(f"not a defined channel type: {_describe(bits)}", field="channel_type")
    return bits


def _describe(bits: FeatureBits) -> str:
    return f"bits {sorted(bits)[:20]}"


def has_variation(bits: FeatureBits, name: str) -> bool:
    """Whether the type has ``option_scid_alias`` or ``option_zeroconf``."""
    return BY_NAME[name].bit in bits
