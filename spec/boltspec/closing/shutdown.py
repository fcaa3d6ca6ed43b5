"""Closing initiation (BOLT 2, ``shutdown``), and the updates that are still possible after it.

``shutdown`` may be sent before ``channel_ready`` (B02-shutdown-s-02), and answered before it (B02-shutdown-r-03): no
rule here asks for it.
"""

from __future__ import annotations

from dataclasses import replace

from boltspec import party
from boltspec.channel import Channel
from boltspec.closing.messages import FundingMessage, Shutdown
from boltspec.closing.scripts import OLD_FORMS, Script, is_permitted
from boltspec.closing.state import Closing, has_uncommitted_updates, is_past_that_point, negotiates
from boltspec.messages import CommitmentSigned, Message, RevokeAndAck, UpdateAddHtlc
from boltspec.rules import Reaction, RuleBroken, duty, require
from boltspec.verdict import Accepted, Refused, Rejected, receives, sends

WARN, WARN_AND_CLOSE = Reaction.WARN, Reaction.WARN_AND_CLOSE
WARN_OR_FAIL, FAIL_CHANNEL = Reaction.WARN_OR_FAIL, Reaction.FAIL_CHANNEL


def send_funding(closing: Closing, message: FundingMessage) -> Accepted[Closing]:
    """Send ``funding_created`` or ``funding_signed``: establishment says when."""
    del message
    return Accepted(replace(closing, sent_funding=True))


def receive_funding(closing: Closing, message: FundingMessage) -> Accepted[Closing]:
    """Receive ``funding_created`` or ``funding_signed``."""
    del message
    return Accepted(replace(closing, received_funding=True))


@sends
def send_shutdown(closing: Closing, message: Shutdown) -> Closing:
    """Say that we want to close and where we want to be paid."""
    script, upfront = message.scriptpubkey, closing.local_upfront
    require(closing.sent_funding, "B02-shutdown-s-01")
    # AMBIGUOUS: pending-at-shutdown: "pending" is the first of BOLT 2's five stages, and the third for the peer's own
    # updates: what we have yet to sign. A signature that the peer has yet to revoke for does not hinder.
    require(not has_uncommitted_updates(closing.channel), "B02-shutdown-s-03")
    require(not closing.sent_shutdown, "B02-shutdown-s-04")
    require(upfront is None or script == upfront, "B02-shutdown-s-09", scriptpubkey=script, committed=upfront)
    require(is_valid_script(closing, script), "B02-shutdown-s-10", scriptpubkey=script)
    return replace(closing, sent_shutdown=True, local_script=script)


@receives
def receive_shutdown(closing: Closing, message: Shutdown) -> Closing:
    """Take the peer's wish to close; we owe a ``shutdown`` unless we have sent ours."""
    script, upfront = message.scriptpubkey, closing.remote_upfront
    require(closing.received_funding, "B02-shutdown-r-01", FAIL_CHANNEL)
    require(not closing.received_shutdown, "D02-shutdown-r-01", WARN_OR_FAIL)
    # AMBIGUOUS: unsupported-script: the BOLT only warns. The message counts as not sent, unless the form is an old
    # one and we take those: then there is no more than the warning, and a dusty output fails the channel later.
    supported = is_valid_script(closing, script) or (closing.policy.takes_old_scripts and script.form in OLD_FORMS)
    require(supported, "B02-shutdown-r-02", WARN, scriptpubkey=script)
    # The warning is B02-shutdown-r-05, a permission.
    require(
        is_committed_script(closing, script), "B02-shutdown-r-06", WARN_AND_CLOSE, scriptpubkey=script, upfront=upfront
    )
    return replace(closing, received_shutdown=True, remote_script=script)


def is_valid_script(closing: Closing, script: Script) -> bool:
    """Say whether the script has a form that ``shutdown`` may name in this channel."""
    features = closing.features
    return is_permitted(
        script,
        option_shutdown_anysegwit=features.option_shutdown_anysegwit,
        option_simple_close=features.option_simple_close,
    )


def is_committed_script(closing: Closing, script: Script) -> bool:
    """Say whether the peer may name the script, given what it committed to when the channel was opened."""
    bound = closing.features.option_upfront_shutdown_script and closing.remote_upfront is not None
    return not bound or script == closing.remote_upfront


def owes_shutdown(closing: Closing) -> bool:
    """Say whether the peer's ``shutdown`` is to be answered now: nothing is outstanding on the peer."""
    unanswered = closing.received_shutdown and not closing.sent_shutdown
    return unanswered and not has_uncommitted_updates(closing.channel) and duty("B02-shutdown-r-04")


@sends
def send_channel_message(closing: Closing, message: Message) -> Closing:
    """Send a message of the update dance."""
    if isinstance(message, UpdateAddHtlc):
        require(not closing.sent_shutdown, "B02-shutdown-s-06")
        # AMBIGUOUS: add-after-peers-shutdown: the list binds the sender of shutdown; the introduction says that it
        # accepts no new HTLCs.
        require(not closing.received_shutdown, "D02-shutdown-s-01")
    if not isinstance(message, CommitmentSigned | RevokeAndAck):
        # AMBIGUOUS: that-point: reached for us once we have sent shutdown and know of no commitment with an HTLC.
        require(not is_past_that_point(closing), "B02-shutdown-s-07")
    return replace(closing, channel=_after(party.send(closing.channel, message)))


@receives
def receive_channel_message(closing: Closing, message: Message) -> Closing:
    """Receive a message of the update dance."""
    if isinstance(message, UpdateAddHtlc):
        require(not closing.received_shutdown, "D02-shutdown-r-02", WARN_OR_FAIL)
    # Not even a commitment_signed that changes nothing: it would open a revocation while closing is negotiated.
    require(not negotiates(closing), "D02-shutdown-r-03", WARN_OR_FAIL)
    return replace(closing, channel=_after(party.receive(closing.channel, message)))


def _after(verdict: Accepted[Channel] | Refused | Rejected) -> Channel:
    """Return the channel after a step of the dance; its verdict becomes ours if it is not accepted."""
    match verdict:
        case Accepted(channel):
            return channel
        case Refused(rule, numbers):
            raise RuleBroken(rule, None, numbers)
        case Rejected(rule, reaction, numbers):
            raise RuleBroken(rule, reaction, numbers)
