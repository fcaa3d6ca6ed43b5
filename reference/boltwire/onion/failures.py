"""Failure messages: what a node may say about a payment that it does not forward or accept (BOLT 4, Failure Messages).

A failure is a two-byte code, the data that this code prescribes, and optionally a TLV stream. The codes and their data
form the table :data:`FAILURE_FIELDS`; :mod:`boltwire.onion.failure_codec` turns messages into bytes and back,
:mod:`boltwire.onion.return_packet` wraps them for the way home. Which code a situation calls for is the specification's
business, not decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from types import MappingProxyType
from typing import Final

from boltwire.tlv import TlvRecord


class FailureFlag(IntFlag):
    """The top byte of a failure code; it has a meaning even where the code as a whole is unknown."""

    UPDATE = 0x1000
    """A forwarding parameter of the channel was violated."""
    NODE = 0x2000
    """The node failed; without it, the channel did."""
    PERM = 0x4000
    """The failure is permanent; without it, transient."""
    BADONION = 0x8000
    """The sending peer's onion cannot be read; reported by ``update_fail_malformed_htlc``."""


_UPDATE, _NODE, _PERM, _BADONION = 0x1000, 0x2000, 0x4000, 0x8000


class FailureCode(IntEnum):
    """The failure codes that BOLT 4 defines, in its order."""

    TEMPORARY_NODE_FAILURE = _NODE | 2
    PERMANENT_NODE_FAILURE = _PERM | _NODE | 2
    REQUIRED_NODE_FEATURE_MISSING = _PERM | _NODE | 3
    INVALID_ONION_VERSION = _BADONION | _PERM | 4
    INVALID_ONION_HMAC = _BADONION | _PERM | 5
    INVALID_ONION_KEY = _BADONION | _PERM | 6
    TEMPORARY_CHANNEL_FAILURE = _UPDATE | 7
    PERMANENT_CHANNEL_FAILURE = _PERM | 8
    REQUIRED_CHANNEL_FEATURE_MISSING = _PERM | 9
    UNKNOWN_NEXT_PEER = _PERM | 10
    AMOUNT_BELOW_MINIMUM = _UPDATE | 11
    FEE_INSUFFICIENT = _UPDATE | 12
    INCORRECT_CLTV_EXPIRY = _UPDATE | 13
    EXPIRY_TOO_SOON = _UPDATE | 14
    INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS = _PERM | 15
    FINAL_INCORRECT_CLTV_EXPIRY = 18
    FINAL_INCORRECT_HTLC_AMOUNT = 19
    CHANNEL_DISABLED = _UPDATE | 20
    EXPIRY_TOO_FAR = 21
    INVALID_ONION_PAYLOAD = _PERM | 22
    MPP_TIMEOUT = 23
    INVALID_ONION_BLINDING = _BADONION | _PERM | 24

    @property
    def flags(self) -> FailureFlag:
        """The flags in the code's top byte."""
        return failure_flags(self)


def failure_flags(code: int) -> FailureFlag:
    """The flags in the top byte of any 16-bit failure code, known or not; bits without a name are left out."""
    return FailureFlag(code & 0xF000)


_BAD_ONION_FIELDS = ("sha256_of_onion",)

FAILURE_FIELDS: Final[Mapping[FailureCode, tuple[str, ...]]] = MappingProxyType(
    {
        FailureCode.TEMPORARY_NODE_FAILURE: (),
        FailureCode.PERMANENT_NODE_FAILURE: (),
        FailureCode.REQUIRED_NODE_FEATURE_MISSING: (),
        FailureCode.INVALID_ONION_VERSION: _BAD_ONION_FIELDS,
        FailureCode.INVALID_ONION_HMAC: _BAD_ONION_FIELDS,
        FailureCode.INVALID_ONION_KEY: _BAD_ONION_FIELDS,
        FailureCode.TEMPORARY_CHANNEL_FAILURE: ("channel_update",),
        FailureCode.PERMANENT_CHANNEL_FAILURE: (),
        FailureCode.REQUIRED_CHANNEL_FEATURE_MISSING: (),
        FailureCode.UNKNOWN_NEXT_PEER: (),
        FailureCode.AMOUNT_BELOW_MINIMUM: ("htlc_msat", "channel_update"),  # B04-failure-messages-t-11
        FailureCode.FEE_INSUFFICIENT: ("htlc_msat", "channel_update"),  # B04-failure-messages-t-13
        FailureCode.INCORRECT_CLTV_EXPIRY: ("cltv_expiry", "channel_update"),  # B04-failure-messages-t-15
        FailureCode.EXPIRY_TOO_SOON: ("channel_update",),  # B04-failure-messages-t-17
        FailureCode.INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS: ("htlc_msat", "height"),
        FailureCode.FINAL_INCORRECT_CLTV_EXPIRY: ("cltv_expiry",),
        FailureCode.FINAL_INCORRECT_HTLC_AMOUNT: ("incoming_htlc_amt",),
        FailureCode.CHANNEL_DISABLED: ("disabled_flags", "channel_update"),  # B04-failure-messages-t-20
        FailureCode.EXPIRY_TOO_FAR: (),
        FailureCode.INVALID_ONION_PAYLOAD: ("type", "offset"),
        FailureCode.MPP_TIMEOUT: (),
        FailureCode.INVALID_ONION_BLINDING: _BAD_ONION_FIELDS,
    }
)
"""The data of each failure code, in wire order (B04-failure-messages-g-04)."""

_ALL_FIELDS: Final = tuple(dict.fromkeys(name for names in FAILURE_FIELDS.values() for name in names))


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureMessage:
    """A failure with a code that BOLT 4 defines.

    Exactly the fields that :data:`FAILURE_FIELDS` lists for the code are set, all others are None; anything else is a
    ValueError (B04-failure-messages-g-04).
    """

    code: FailureCode
    """What went wrong."""
    sha256_of_onion: bytes | None = None
    """32 bytes: hash of the whole onion packet as it was received."""
    htlc_msat: int | None = None
    """Amount of an HTLC in millisatoshi: of the outgoing one in amount_below_minimum, else of the incoming one."""
    cltv_expiry: int | None = None
    """Expiry of an HTLC as a block height: of the outgoing one in incorrect_cltv_expiry, else of the incoming one."""
    incoming_htlc_amt: int | None = None
    """Amount of the HTLC that reached the final node, in millisatoshi."""
    height: int | None = None
    """Best block height known to the final node when it received the HTLC."""
    disabled_flags: int | None = None
    """16 bits, none of which has a meaning yet."""
    type: int | None = None
    """The type of the payload's TLV record at fault, 0 if it could not be narrowed down to one."""
    offset: int | None = None
    """Where that record starts, in bytes from the start of the payload.

    AMBIGUOUS: offset-of-invalid-record: "in the decrypted byte stream" might include the payload's length prefix; here,
    as the TLV stream is what is being complained about, it does not.
    """
    channel_update: bytes | None = None
    """The channel's current settings as a ``channel_update``; empty if the node keeps them to itself, as it should."""
    tlvs: tuple[TlvRecord, ...] = ()
    """Further records behind the data; BOLT 4 defines none."""

    def __post_init__(self) -> None:
        wanted = FAILURE_FIELDS[self.code]
        given = {name for name in _ALL_FIELDS if getattr(self, name) is not None}
        if given != set(wanted):
            raise ValueError(f"{self.code.name.lower()} carries the fields {list(wanted)}, not {sorted(given)}")


@dataclass(frozen=True, slots=True)
class UnknownFailure:
    """A failure with a code that BOLT 4 does not define; its flags may still be understood."""

    code: int
    """16 bits, see :func:`failure_flags`."""
    data: bytes
    """All that follows the code."""

    def __post_init__(self) -> None:
        if not 0 <= self.code <= 0xFFFF or self.code in FAILURE_FIELDS:
            raise ValueError(f"{self.code} is not an undefined failure code of 16 bits")
