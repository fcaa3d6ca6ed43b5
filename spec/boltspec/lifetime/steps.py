"""The one entry to the life of a channel: send, receive, react, look at the chain."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from boltspec.closing import party as closing_party
from boltspec.closing.messages import ClosingSigned
from boltspec.establishment import opener
from boltspec.establishment import steps as establishment_steps
from boltspec.establishment.funding import FundingSeen
from boltspec.establishment.messages import (
    AcceptChannel,
    ChannelReady,
    FundingCreated,
    FundingSigned,
    OpenChannel,
)
from boltspec.establishment.state import OUR_TURN, THEIR_TURN, see
from boltspec.lifetime.messages import Closing, Error, Message, Opening, Warning  # noqa: A004  # the BOLT's name
from boltspec.lifetime.resuming import (
    after_receiving_reestablish,
    after_sending_reestablish,
    disconnected,
)
from boltspec.lifetime.state import End, Life, failed, state_of, with_first_commitments
from boltspec.messages import ChannelReestablish, UpdateAddHtlc
from boltspec.messages import Message as DanceMessage
from boltspec.reestablish import may_be_spoken_to, may_speak
from boltspec.rules import Reaction, RuleBroken, duty, require
from boltspec.verdict import Rejected, receives, sends

OVER = "D02-lifetime-s-01"
NOT_READY = "D02-channel-ready-b-01"


@sends
def send(life: Life, message: Message) -> Life:
    """Say something about the channel."""
    match message:
        case Error():
            return failed(life, owes_error=False)
        case Warning():
            return replace(life, owes_warning=False)
    require(life.end is End.NONE, OVER, end=life.end)
    match message:
        case ChannelReestablish():
            if life.closing is None:
                raise RuleBroken(OUR_TURN, None, {"awaited": life.establishment.awaited})
            return after_sending_reestablish(life, message)
        case ChannelReady():
            # Only the link counts: a channel_ready that is owed goes before everything else that is.
            return replace(life, establishment=state_of(establishment_steps.send(life.establishment, message)))
        case OpenChannel() | AcceptChannel() | FundingCreated() | FundingSigned():
            return _opening(life, message)
        case _:
            return _sent_in_channel(life, message)


def _opening(life: Life, message: Opening) -> Life:
    after = replace(life, establishment=state_of(establishment_steps.send(life.establishment, message)))
    return with_first_commitments(after) if isinstance(message, FundingSigned) else after


def _sent_in_channel(life: Life, message: DanceMessage | Closing) -> Life:
    closing = life.closing
    if closing is None:
        raise RuleBroken(OUR_TURN, None, {"awaited": life.establishment.awaited})
    if isinstance(message, DanceMessage):
        require(life.is_open, NOT_READY, awaited=life.establishment.awaited)
        require(not life.establishment.owes_ready, "D02-lifetime-s-02")
    if isinstance(message, UpdateAddHtlc):
        # AMBIGUOUS: add-after-earlier-shutdown: that of an earlier connection counts before it is repeated.
        require(not life.shutdown_sent, "B02-shutdown-s-06")
    _require_link_to_speak(life, message)
    return replace(life, closing=state_of(closing_party.send(closing, message)))


@receives
def receive(life: Life, message: Message) -> Life:
    """Take what the peer says about the channel; of one that has failed nothing is taken (B02-retransmission-n-04)."""
    if life.end is End.FAILED:
        return life
    if life.end is End.CLOSED and not isinstance(message, ChannelReestablish):
        return life  # it was under way when the chain ended the channel
    if life.end is not End.NONE:
        # Of a channel that is not known the peer is told so (B01-error-warning-s-02).
        return replace(life, owes_error=life.owes_error or not isinstance(message, Error | Warning))
    match message:
        case Error():
            return failed(life, owes_error=False)
        case Warning():
            return life
        case ChannelReestablish() if life.closing is None:
            return replace(life, owes_error=True)
        case ChannelReestablish():
            return after_receiving_reestablish(life, message)
        case ChannelReady():
            return replace(life, establishment=state_of(establishment_steps.receive(life.establishment, message)))
        case OpenChannel():
            return _proposed(life, message)
        case AcceptChannel() | FundingCreated() | FundingSigned():
            after = replace(life, establishment=state_of(establishment_steps.receive(life.establishment, message)))
            return with_first_commitments(after) if isinstance(message, FundingSigned) else after
        case _:
            return _received_in_channel(life, message)


def _proposed(life: Life, message: OpenChannel) -> Life:
    """Return the life of the channel that the peer proposes.

    AMBIGUOUS: proposal-after-signing: a peer that has forgotten an earlier one, since its funding transaction was never
    published, begins anew: what was signed of that is no part of this life. Once the funding output is on chain nobody
    can have forgotten it.
    """
    seen = life.establishment.seen.output
    require(life.closing is None or seen is None, THEIR_TURN, Reaction.FAIL_CHANNEL, awaited=life.establishment.awaited)
    state = state_of(establishment_steps.receive(life.establishment, message))
    return Life(state, life.features, life.policy, life.local_upfront, life.remote_upfront)


def _received_in_channel(life: Life, message: DanceMessage | Closing) -> Life:
    closing = life.closing
    if closing is None:
        raise RuleBroken(THEIR_TURN, Reaction.FAIL_CHANNEL, {"awaited": life.establishment.awaited})
    state_of(may_be_spoken_to(closing.channel, message))
    if isinstance(message, DanceMessage):
        require(life.is_open, NOT_READY, Reaction.FAIL_CHANNEL, awaited=life.establishment.awaited)
    after = state_of(closing_party.receive(closing, message))
    signed = life.closing_signed_received or isinstance(message, ClosingSigned)
    return replace(life, closing=after, closing_signed_received=signed)


def _require_link_to_speak(life: Life, message: Message) -> None:
    if life.channel is not None:
        state_of(may_speak(life.channel, message))


def react(life: Life, verdict: Rejected) -> Life:
    """Return the life after the reaction to a message that was rejected; with a choice the channel is failed."""
    match verdict.reaction:
        case Reaction.WARN:
            return replace(life, owes_warning=True)
        case Reaction.WARN_AND_CLOSE | Reaction.CLOSE:
            return disconnected(life)
        case _:
            return failed(life, owes_error=True)


class Spent(StrEnum):
    """What has spent the funding output."""

    NOTHING = "nothing"
    MUTUAL_CLOSE = "a transaction that both signed to close"
    COMMITMENT = "a commitment transaction"


def look(life: Life, seen: FundingSeen, spent: Spent = Spent.NOTHING) -> Life:
    """Look at the chain: at the funding output, and at what has spent it."""
    end = life.end if spent is Spent.NOTHING else End.CLOSED
    return replace(life, establishment=see(life.establishment, seen), end=end)


@sends
def publish_funding_transaction(life: Life, message: None) -> Life:
    """Publish the funding transaction, as the opener who holds a signed first commitment."""
    del message
    funding = life.establishment.funding
    if funding is None or life.end is not End.NONE:
        raise RuleBroken(OVER, None, {"end": life.end})
    state = state_of(opener.publish_funding_transaction(life.establishment, funding))
    return replace(life, establishment=state)


def may_publish_commitment(life: Life) -> bool:
    """Say whether the newest commitment goes on chain: the channel has failed, and we are not shown to be behind.

    Not if a closing transaction that both have signed is on its way: that one is better for both.
    """
    if life.end is not End.FAILED or life.closing is None or life.closing.channel.behind:
        return False
    return not (life.closing.published and duty("B05-failing-channel-n-04"))
