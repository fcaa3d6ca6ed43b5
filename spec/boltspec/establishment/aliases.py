"""Names of a channel: the real ``short_channel_id`` and the aliases that stand in for it (BOLT 2, ``channel_ready``).

Aliases let a channel be used before it has a place in the chain, and let a private one stay unfindable.
"""

from __future__ import annotations

from boltspec.establishment.channel_type import Feature
from boltspec.establishment.state import Establishment, agreed_channel_type
from boltspec.rules import duty


def names_channel(state: Establishment, short_channel_id: int) -> bool:
    """Say whether an incoming HTLC that is to be forwarded to this short channel id is meant for the channel."""
    if short_channel_id in state.aliases_sent and duty("B02-channel-ready-s-08"):
        return True
    if is_alias_only(state) and duty("B02-channel-ready-s-09"):
        return False
    return short_channel_id == state.seen.short_channel_id


def invoice_scids(state: Establishment) -> tuple[int, ...]:
    """Return the short channel ids that may stand in the ``r`` field of an invoice.

    Any alias of the peer's will do (B02-channel-ready-r-01).
    """
    real = state.seen.short_channel_id
    if real is None or (is_alias_only(state) and duty("B02-channel-ready-r-02")):
        return state.aliases_received
    return (*state.aliases_received, real)


def is_alias_only(state: Establishment) -> bool:
    """Say whether the channel is of a type that keeps its real short channel id secret."""
    return Feature.OPTION_SCID_ALIAS in agreed_channel_type(state)
