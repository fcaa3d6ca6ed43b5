"""The state of a channel that is being closed, as one of its two nodes keeps it.

It wraps the :class:`~boltspec.channel.Channel`: the update dance goes on until all HTLCs are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from boltspec.channel import Channel
from boltspec.closing.messages import ClosingComplete, ClosingSig, ClosingSigned, FeeRange
from boltspec.closing.scripts import Script
from boltspec.closing.transaction import ClosingTx
from boltspec.commit import has_moved_by
from boltspec.commitment import View, is_in
from boltspec.htlc import LOCAL, Event, Side, Stage
from boltspec.units import Sat


@dataclass(frozen=True, slots=True)
class ClosingFeatures:
    """The features of BOLT 9 that decide how a channel is closed: those that both nodes advertised."""

    option_upfront_shutdown_script: bool = False
    option_shutdown_anysegwit: bool = False
    option_simple_close: bool = False


@dataclass(frozen=True, slots=True)
class ClosingPolicy:
    """What a node wants: the BOLTs leave it free."""

    script: Script
    """Where it wants to be paid."""
    fee_satoshis: Sat
    """The fee that it would propose."""
    fee_range: FeeRange
    """The fees that it accepts."""
    sends_fee_range: bool = True
    """It announces that range."""
    uneconomical_satoshis: Sat = Sat(0)  # noqa: RUF009  # a plain integer
    """An own output below this is not worth its cost."""
    takes_old_scripts: bool = False
    """It takes the scripts of old nodes, which are no longer among the permitted forms."""


@dataclass(frozen=True, slots=True)
class Closing:
    """A channel on its way to a cooperative close, seen from one node."""

    channel: Channel
    features: ClosingFeatures
    policy: ClosingPolicy
    local_upfront: Script | None = None
    """The script that we committed to in ``open_channel`` or ``accept_channel``."""
    remote_upfront: Script | None = None
    """The script that the peer committed to."""
    sent_funding: bool = True
    """We have sent ``funding_created`` or ``funding_signed``."""
    received_funding: bool = True
    """We have received ``funding_signed`` or ``funding_created``."""
    sent_shutdown: bool = False
    """Sent in this connection."""
    received_shutdown: bool = False
    """Received in this connection."""
    local_script: Script | None = None
    """The last script that we named, in ``shutdown`` or ``closing_complete``."""
    remote_script: Script | None = None
    """The last script that the peer named."""
    sent: ClosingSigned | None = None
    """The last ``closing_signed`` that we sent in this connection."""
    received: ClosingSigned | None = None
    """The last ``closing_signed`` of the peer in this connection."""
    turn: Side | None = None
    """Who sends the next ``closing_signed``: at first the funder, nobody once a fee is agreed on."""
    proposed: ClosingComplete | None = None
    """Our ``closing_complete`` that is not answered yet."""
    owed: ClosingSig | None = None
    """The answer that we owe to the peer's ``closing_complete``."""
    published: tuple[ClosingTx, ...] = ()
    """Transactions that both signed and that we have broadcast, oldest first, each once."""

    @property
    def is_opener(self) -> bool:
        """We funded the channel."""
        return self.channel.params.opener is LOCAL

    @property
    def scripts(self) -> tuple[Script | None, Script | None]:
        """The local and the remote script."""
        return self.local_script, self.remote_script


def with_published(closing: Closing, transaction: ClosingTx | None) -> Closing:
    """Return the state after a transaction has been broadcast; as it was if there is none."""
    if transaction is None or transaction in closing.published:
        return closing
    return replace(closing, published=(*closing.published, transaction))


def is_clean(channel: Channel) -> bool:
    """Say whether no HTLC is left, dust included, no change of the feerate is under way, and nobody owes a revocation.

    Then all updates are in both commitments, and the last two pay the same.
    """
    revoked = channel.local_commitment_number == channel.local_revocations
    acknowledged = channel.remote_commitment_number == channel.remote_revocations
    return revoked and acknowledged and not _has_updates(channel)


def _has_updates(channel: Channel) -> bool:
    fees = channel.feerates
    changing = fees.at(Stage.PENDING).number != fees.at(Stage.IRREVOCABLE).number
    return changing or channel.htlcs.any(lambda _: True)


def has_uncommitted_updates(channel: Channel) -> bool:
    """Say whether there are updates pending on the peer: its next commitment differs from its latest."""
    return has_moved_by(channel, Event.SEND_COMMITMENT_SIGNED)


def is_past_that_point(closing: Closing) -> bool:
    """Say whether we send no update any more: our ``shutdown`` is sent, and no newest commitment has an HTLC, nor dust.

    The peer may know of more than we do: its ``shutdown``, and the revocation that makes the channel clean for it, may
    be on their way, and it begins to negotiate. HTLCs can still be removed: those are in both newest commitments.
    """
    newest = (View.LOCAL_LATEST, View.REMOTE_LATEST)
    return closing.sent_shutdown and not closing.channel.htlcs.any(
        lambda htlc: is_in(htlc, newest[0]) or is_in(htlc, newest[1])
    )


def negotiates(closing: Closing) -> bool:
    """Say whether the fee negotiation is on: both shutdowns have passed and nothing is left to update."""
    return closing.sent_shutdown and closing.received_shutdown and is_clean(closing.channel)


def reconnected(closing: Closing) -> Closing:
    """Return the state after the connection was lost and made anew.

    Negotiation starts again, and both send ``shutdown`` again (B02-retransmission-n-20).

    AMBIGUOUS: shutdown-sent-again: at most one is sent *per connection*; it carries the last script that was named,
    be it in a ``closing_complete``. With the first script the race that the rationale describes would come back.
    """
    return replace(
        closing,
        sent_shutdown=False,
        received_shutdown=False,
        sent=None,
        received=None,
        turn=closing.channel.params.opener,
        proposed=None,
        owed=None,
    )
