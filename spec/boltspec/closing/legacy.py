"""Legacy closing negotiation (BOLT 2, ``closing_signed``): agreeing on a fee that the funder pays.

The funder proposes first and the two take turns. The clauses of the receiver overlap and the BOLT does not say which
comes first:

AMBIGUOUS: fee-clause-precedence: an *equal fee* ends it: each side then holds the other's signature for that fee, so
nothing that comes later could undo it. Else, if the message has a ``fee_range``, its clauses decide, for most of them
are MUSTs and the clause about *our own range* is a SHOULD: a fee within our range yet outside the common one fails the
channel. Our own range decides for a message without one; else there must be progress.
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.closing.messages import ClosingSignature, ClosingSigned, FeeRange
from boltspec.closing.state import Closing, negotiates, with_published
from boltspec.closing.transaction import ClosingTx, legacy_transaction
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.rules import Reaction, duty, require
from boltspec.units import Sat, floor_to_sat
from boltspec.verdict import receives, sends

WARN, WARN_OR_FAIL, FAIL_CHANNEL = Reaction.WARN, Reaction.WARN_OR_FAIL, Reaction.FAIL_CHANNEL


def may_negotiate(closing: Closing) -> bool:
    """Say whether ``closing_signed`` may be exchanged now."""
    return negotiates(closing) and not closing.features.option_simple_close


def transaction(closing: Closing, fee: Sat, signer: Side, *, own_output: bool = True) -> ClosingTx | None:
    """Return the transaction that a side signs for a fee.

    AMBIGUOUS: dust-limits-differ: each side signs by its own ``dust_limit_satoshis``, which the other knows since the
    channel was opened; so the receiver rebuilds the transaction with the signer's limit and not with its own.
    """
    return legacy_transaction(closing.channel, closing.scripts, fee, signer, own_output=own_output)


def acceptable(closing: Closing) -> FeeRange:
    """Return the fees that we are prepared to see: none that the funder has not got.

    The fundee, who does not pay, follows the funder upwards.
    """
    ours, most = closing.policy.fee_range, closing.policy.fee_range.max_fee_satoshis
    theirs = closing.received.fee_range if closing.received else None
    if theirs is not None and not closing.is_opener and duty("B02-closing-signed-e-01"):
        most = max(most, theirs.max_fee_satoshis)
    # AMBIGUOUS: fee-beyond-means: a transaction with a higher fee cannot be built, so such fees are nobody's wish.
    return FeeRange(ours.min_fee_satoshis, min(most, means(closing)))


def means(closing: Closing) -> Sat:
    """Return what the funder has to pay a fee with."""
    return floor_to_sat(closing.channel.settled_msat(closing.channel.params.opener))


@sends
def send_closing_signed(closing: Closing, message: ClosingSigned) -> Closing:
    """Propose a fee, or repeat the peer's to agree."""
    fee, received = message.fee_satoshis, closing.received
    require(may_negotiate(closing), "D02-closing-signed-s-01")
    require(closing.turn is LOCAL, "D02-closing-signed-s-02")
    prepared = fee in acceptable(closing) and message.fee_range in (None, acceptable(closing))
    require(prepared, "B02-closing-signed-s-02", fee_satoshis=fee, fee_range=message.fee_range)
    ours = transaction(closing, fee, LOCAL)
    require(message.signature.covers(ours) and message.signature.low_s, "B02-closing-signed-s-04", fee_satoshis=fee)
    agreed = received is not None and fee == received.fee_satoshis
    theirs_range = _range_that_counts(closing, received)
    if received is not None and theirs_range is not None:
        _require_common_answer(closing, received, theirs_range, fee)
    elif received is not None and not agreed:
        _require_lawful_counter(closing, received, fee)
    theirs = received.signature.signed if received is not None and agreed else None
    return with_published(replace(closing, sent=message, turn=None if agreed else REMOTE), theirs)


def _range_that_counts(closing: Closing, message: ClosingSigned | None) -> FeeRange | None:
    """Return the range of a message of the peer, if its clauses apply.

    AMBIGUOUS: range-not-announced: who announces no range has none to compare; the clauses without ranges apply then.
    With an unannounced range in its place honest nodes with acceptable fees in common would fail the channel.
    """
    return message.fee_range if message is not None and closing.policy.sends_fee_range else None


def _require_common_answer(closing: Closing, received: ClosingSigned, theirs: FeeRange, fee: Sat) -> None:
    """Check the answer to a fee that came with a range."""
    if closing.is_opener:
        require(fee == received.fee_satoshis, "B02-closing-signed-f-03", fee_satoshis=fee)
    else:
        overlap = acceptable(closing).overlap(theirs)
        require(overlap is not None and fee in overlap, "B02-closing-signed-e-04", fee_satoshis=fee, overlap=overlap)


def _require_lawful_counter(closing: Closing, received: ClosingSigned, fee: Sat) -> None:
    """Check a fee that is not the one which the peer proposed last, without a range."""
    sent, theirs = closing.sent, received.fee_satoshis
    announced = sent is not None and sent.fee_range is not None and theirs in sent.fee_range
    require(not announced, "B02-closing-signed-r-05", fee_satoshis=fee, received=theirs)
    require(theirs not in acceptable(closing), "B02-closing-signed-r-10", fee_satoshis=fee, received=theirs)
    progress = sent is None or is_strictly_between(fee, theirs, sent.fee_satoshis)
    require(progress, "B02-closing-signed-r-11", fee_satoshis=fee, received=theirs)


@receives
def receive_closing_signed(closing: Closing, message: ClosingSigned) -> Closing:
    """Take the peer's fee: agree, fail, or owe an answer."""
    require(may_negotiate(closing), "D02-closing-signed-r-01", WARN_OR_FAIL)
    # AMBIGUOUS: agreed-fee-again: a funder that repeats the fee which both have named adds nothing, and is let be.
    repeats = closing.turn is None and closing.sent is not None and message.fee_satoshis == closing.sent.fee_satoshis
    require(closing.turn is REMOTE or repeats, "D02-closing-signed-r-02", WARN_OR_FAIL)
    signed = _signed_variant(closing, message)
    valid = message.signature.covers(signed) and message.signature.low_s
    require(valid, "B02-closing-signed-r-01", WARN_OR_FAIL, fee_satoshis=message.fee_satoshis)
    if repeats:
        return closing
    fee, sent = message.fee_satoshis, closing.sent
    equal = sent is not None and fee == sent.fee_satoshis
    publishes = equal and duty("B02-closing-signed-r-02")
    theirs = _range_that_counts(closing, message)
    if not equal and theirs is not None:
        _require_common_fee(closing, theirs, fee)
    elif not equal and sent is not None and sent.fee_range is not None and fee in sent.fee_range:
        publishes = duty("B02-closing-signed-r-04")
    elif not equal:
        _require_progress(closing, fee)
    dust = signed is not None and any(payout.is_dust for payout in signed.payouts)
    require(not dust, "B02-closing-signed-r-12", FAIL_CHANNEL, fee_satoshis=fee)
    final = signed if publishes else None
    return with_published(replace(closing, received=message, turn=None if equal else LOCAL), final)


def _signed_variant(closing: Closing, message: ClosingSigned) -> ClosingTx | None:
    """Return the transaction that the peer should have signed: without its own output if that is what it did sign."""
    with_own, without_own = (
        transaction(closing, message.fee_satoshis, REMOTE, own_output=own_output) for own_output in (True, False)
    )
    return without_own if message.signature.covers(without_own) else with_own


def _require_common_fee(closing: Closing, theirs: FeeRange, fee: Sat) -> None:
    """Check a fee that comes with a range. What we have not announced yet is what we are about to."""
    sent = closing.sent
    ours = sent.fee_range if sent is not None and sent.fee_range is not None else _about_to_send(closing, theirs)
    overlap = ours.overlap(theirs)
    # What follows if no better range comes, B02-closing-signed-r-08, is a matter of time: must_fail_for_range.
    require(overlap is not None, "B02-closing-signed-r-07", WARN, ours=ours, theirs=theirs)
    if closing.is_opener:
        inside = overlap is not None and fee in overlap
        require(inside, "B02-closing-signed-f-02", FAIL_CHANNEL, fee_satoshis=fee, overlap=overlap)
    else:
        # An equal fee has been dealt with.
        require(sent is None, "B02-closing-signed-e-03", FAIL_CHANNEL, fee_satoshis=fee)


def _about_to_send(closing: Closing, theirs: FeeRange) -> FeeRange:
    return acceptable(replace(closing, received=ClosingSigned(Sat(0), ClosingSignature(None), theirs)))


def _require_progress(closing: Closing, fee: Sat) -> None:
    """Check a fee without ranges.

    AMBIGUOUS: progress-of-first-fee: there is nothing to be between before the peer's second proposal. What was sent
    before a disconnection is forgotten.
    """
    if closing.sent is None or closing.received is None:
        return
    last, previous = closing.sent.fee_satoshis, closing.received.fee_satoshis
    progress = is_strictly_between(fee, last, previous)
    require(progress, "B02-closing-signed-r-09", WARN_OR_FAIL, fee_satoshis=fee, sent=last, received=previous)


def is_strictly_between(fee: Sat, one: Sat, other: Sat) -> bool:
    """Say whether a fee lies between two others and is neither."""
    return min(one, other) < fee < max(one, other)


def must_fail_in_time(closing: Closing) -> bool:
    """Say whether the channel is to be failed if no answer to our ``closing_signed`` comes in reasonable time.

    A node that can neither accept nor counter does not answer, and its peer fails the channel.
    """
    waiting = closing.sent is not None and closing.turn is not LOCAL and not closing.published
    return waiting and duty("B02-closing-signed-s-03")


def must_fail_for_range(closing: Closing) -> bool:
    """Say whether the channel is to be failed, after a range without overlap, if no better one comes in time."""
    return not closing.published and duty("B02-closing-signed-r-08")


def must_fail_for_want_of_means(closing: Closing) -> bool:
    """Say whether the funder is to fail the channel, since it cannot pay the least fee that it is prepared to pay.

    It would never open the negotiation, and the fundee would wait for ever.
    """
    begins = may_negotiate(closing) and closing.is_opener and closing.sent is None and not closing.published
    return begins and means(closing) < closing.policy.fee_range.min_fee_satoshis and duty("D02-closing-signed-f-01")


def next_closing_signed(closing: Closing) -> ClosingSigned | None:
    """Return what we would send now: ``None`` if it is not our turn or no lawful fee suits us.

    The funder opens as soon as it can (B02-closing-signed-f-01).
    """
    if not may_negotiate(closing) or closing.turn is not LOCAL:
        return None
    fee = _next_fee(closing)
    if fee is None:
        return None
    fee_range = acceptable(closing) if closing.policy.sends_fee_range else None
    return ClosingSigned(fee, ClosingSignature(transaction(closing, fee, LOCAL)), fee_range)


def _next_fee(closing: Closing) -> Sat | None:
    ours, received = acceptable(closing), closing.received
    wanted = min(closing.policy.fee_satoshis, means(closing))
    if received is None:
        return wanted if duty("B02-closing-signed-f-01") else None
    theirs = _range_that_counts(closing, received)
    if theirs is not None and not closing.is_opener and closing.sent is None:
        overlap = ours.overlap(theirs)
        return None if overlap is None else clamp(wanted, overlap)
    if received.fee_satoshis in ours:
        return received.fee_satoshis
    if closing.sent is None:
        return wanted
    return _halfway(ours, received.fee_satoshis, closing.sent.fee_satoshis)


def clamp(fee: Sat, fee_range: FeeRange) -> Sat:
    """Return the fee of the range that is nearest to a fee."""
    return max(fee_range.min_fee_satoshis, min(fee, fee_range.max_fee_satoshis))


def _halfway(ours: FeeRange, one: Sat, other: Sat) -> Sat | None:
    """Return an acceptable fee strictly between two others, the middle one if possible.

    AMBIGUOUS: no-fee-in-between: two neighbouring fees leave nothing to propose; then there is no answer.
    """
    room = FeeRange(min(one, other) + Sat(1), max(one, other) - Sat(1)).overlap(ours)
    return None if room is None else clamp(Sat((int(one) + int(other)) // 2), room)
