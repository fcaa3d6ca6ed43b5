"""Rejections: why an onion cannot be read, each with the failure code that reports it (BOLT 4, Failure Messages).

:func:`~boltwire.onion.peeling.peel_onion` and the readers of payloads raise these. ``report`` gives the failure message
for the origin; inside a blinded route the node reports ``invalid_onion_blinding`` instead, whatever went wrong.

AMBIGUOUS: final-node-bad-onion: a final node must not report a bad version, HMAC or key (B04-failure-messages-z-01 to
-z-03), yet it cannot know that it is final before it has read the onion, and B04-overview-n-01 demands a report. So the
code does not depend on a position that nobody knows.
"""

from typing import ClassVar, Self

from boltwire.errors import OnionError
from boltwire.onion.failures import FailureCode, FailureMessage
from boltwire.onion.packet import OnionPacket


class UnreadableOnionError(OnionError):
    """An onion that a hop cannot read or must not act upon."""

    code: ClassVar[FailureCode]
    """The failure code that describes it."""

    def report(self, packet: OnionPacket) -> FailureMessage:
        """The failure message about ``packet``, the onion as it was received."""
        return FailureMessage(code=self.code, sha256_of_onion=packet.sha256())


class InvalidOnionVersion(UnreadableOnionError):
    """The packet's version is not 0."""

    code = FailureCode.INVALID_ONION_VERSION


class InvalidOnionHmac(UnreadableOnionError):
    """The packet, or the associated data, is not what the packet's HMAC was made for."""

    code = FailureCode.INVALID_ONION_HMAC


class InvalidOnionKey(UnreadableOnionError):
    """The packet's ephemeral key is not a point of the curve."""

    code = FailureCode.INVALID_ONION_KEY


class InvalidOnionBlinding(UnreadableOnionError):
    """A path key is missing, superfluous or not a point, or the blinded hop's data cannot be opened or understood."""

    code = FailureCode.INVALID_ONION_BLINDING


class InvalidOnionPayload(UnreadableOnionError):
    """The hop's payload cannot be cut out of the onion, or is not a TLV stream that this hop understands."""

    code = FailureCode.INVALID_ONION_PAYLOAD

    tlv_type: int
    """The TLV type at fault, 0 if there is no single one."""

    def __init__(self, reason: str, *, offset: int | None = None, field: str | None = None, tlv_type: int = 0) -> None:
        super().__init__(reason, offset=offset, field=field)
        self.tlv_type = tlv_type

    def report(self, packet: OnionPacket) -> FailureMessage:  # noqa: ARG002 (the code names a record, not the packet)
        """The failure message with the record's type and offset, both 0 where no single record is at fault."""
        return FailureMessage(code=self.code, type=self.tlv_type, offset=self.offset or 0)

    def within(self, field: str, offset: int = 0) -> Self:
        """The same error seen from outside, see :meth:`DecodeError.within`."""
        outer = super().within(field, offset)
        outer.tlv_type = self.tlv_type
        return outer

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.reason, self.offset, self.field, self.tlv_type)


def _rebuild(reason: str, offset: int | None, field: str | None, tlv_type: int) -> InvalidOnionPayload:
    return InvalidOnionPayload(reason, offset=offset, field=field, tlv_type=tlv_type)
