"""Are the points of a message on the curve? The codec checks their form only; this takes a square root for each.

Messages from a peer need it before keys are derived from them, gossip is covered by verifying its signatures.
"""

from boltwire.errors import MessageError
from boltwire.messages import Message
from boltwire.secp256k1 import CurveError, PublicKey
from boltwire.wiretypes import PointType


def invalid_points(message: Message) -> list[str]:
    """The names of the point fields that hold no point of secp256k1, in the order of the message."""
    fields = (*message.layout.fixed, *message.layout.records.values())
    points = ((field.name, getattr(message, field.name)) for field in fields if isinstance(field.wire, PointType))
    return [name for name, value in points if value is not None and not _is_point(value)]


def check_points(message: Message) -> None:
    """Raise :class:`MessageError` naming the first field that should be a point and is not.

    For receivers: B02-open-channel-r-18, B02-retransmission-r-02, B07-node-announcement-r-03; for senders:
    B02-open-channel-s-06, B02-retransmission-s-03.
    """
    for name in invalid_points(message):
        raise MessageError("not a point of secp256k1", field=f"{message.layout.name}.{name}")


def _is_point(data: bytes) -> bool:
    try:
        PublicKey(data)
    except CurveError:
        return False
    return True
