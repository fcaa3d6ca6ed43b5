"""Theorems about how a fee is agreed on: it takes few messages, whatever the amounts.

Without ranges the proof is by a *ranking*: a number that every message makes smaller until there is an end. It is the
distance between the two proposals, which is a number of satoshis and never negative. Before there are two proposals it
counts as greater than any; when the rules leave nothing but agreement it counts as less than any. So a negotiation has
at most as many messages as there are satoshis between the first two fees, and four more.

Messages that are not taken do not count: they end the negotiation, or leave it as it was for as long as a node waits.
Fairness that is assumed: time passes, so that who waits in vain fails the channel (B02-closing-signed-s-03) or
disconnects (B02-closing-complete-c-20).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from boltproofs.closing_states import (
    SCRIPT_A,
    SCRIPT_B,
    STRANGER,
    fee_range,
    legacy_closing,
    peer_of,
    policy,
    simple_closing,
    taken,
)
from boltproofs.runs import RunClaim, RunTheorem, Values, choose
from boltspec.closing import legacy, simple
from boltspec.closing.messages import ClosingComplete, ClosingSig, ClosingSignature, ClosingSigned
from boltspec.closing.scripts import dust_threshold
from boltspec.closing.state import Closing
from boltspec.closing.transaction import ClosingDetails
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.units import Sat

NOTHING = ClosingSignature(None)


class Move(NamedTuple):
    """A node before and after a ``closing_signed`` that was taken."""

    before: Closing
    after: Closing


def _negotiating(values: Values, turn: Side) -> Closing | None:
    """Return any state in the middle of a negotiation: with or without ranges, and with or without earlier fees."""
    has_sent, has_received = choose(values, "has sent", (True, False)), choose(values, "has received", (True, False))
    node = replace(legacy_closing(values), turn=turn)
    if not _alternate(node.is_opener, turn, has_sent, has_received):
        return None
    ours, theirs = fee_range(values, "sent"), fee_range(values, "theirs")
    announces = choose(values, "announces", (True, False))
    sent = ClosingSigned(values("sent"), NOTHING, choose(values, "sent.range", (None, ours)) if announces else None)
    # The range of the last message has been dealt with when it was taken: it matters only to who is to answer.
    judges = announces and turn is LOCAL
    their_range = choose(values, "theirs.range", (None, theirs)) if judges else None
    received = ClosingSigned(values("received"), NOTHING, their_range)
    node = replace(
        node,
        policy=replace(node.policy, sends_fee_range=announces),
        sent=sent if has_sent else None,
        received=received if has_received else None,
    )
    return node if _can_be(node) else None


def _can_be(node: Closing) -> bool:
    """Say whether the two take turns, and a fundee that has answered got no other fee with a range.

    It is so at first, and after every message that is taken: the claims say that too.
    """
    sent, received, turn = node.sent, node.received, node.turn
    if turn is None or not _alternate(node.is_opener, turn, sent is not None, received is not None):
        return turn is None
    insists = received is not None and received.fee_range is not None and node.policy.sends_fee_range
    return turn is REMOTE or node.is_opener or sent is None or not insists


def _alternate(is_opener: bool, turn: Side, has_sent: bool, has_received: bool) -> bool:
    """Say whether such a state can be: the funder begins, and the two take turns."""
    first_has_spoken, second_has_spoken = (has_sent, has_received) if is_opener else (has_received, has_sent)
    if (turn is LOCAL) is is_opener:
        return first_has_spoken is second_has_spoken
    return first_has_spoken


def _sends(values: Values) -> Move | None:
    node, fee = _negotiating(values, LOCAL), values("fee")
    if node is None:
        return None
    announced = legacy.acceptable(node) if node.policy.sends_fee_range else None
    message = ClosingSigned(fee, ClosingSignature(legacy.transaction(node, fee, LOCAL)), announced)
    after = taken(legacy.send_closing_signed(node, message))
    return None if after is None else Move(node, after)


def _receives(values: Values) -> Move | None:
    node, fee = _negotiating(values, REMOTE), values("fee")
    if node is None:
        return None
    judges = node.policy.sends_fee_range
    theirs = choose(values, "answer.range", (None, fee_range(values, "answer"))) if judges else None
    message = ClosingSigned(fee, ClosingSignature(legacy.transaction(node, fee, REMOTE)), theirs)
    after = taken(legacy.receive_closing_signed(node, message))
    return None if after is None else Move(node, after)


def _is_nearer_the_end(move: Move) -> bool:
    """Say whether the ranking has become smaller, and the two still take turns."""
    before, after = move
    if after.turn is None or not _can_be(after):
        return after.turn is None
    if _missing(before) or _missing(after):
        return _missing(after) < _missing(before)
    if _must_agree(before):
        return False
    return _must_agree(after) or _gap(after) < _gap(before)


def _missing(node: Closing) -> int:
    """Return how many of the two first proposals are missing."""
    return (node.sent is None) + (node.received is None)


def _gap(node: Closing) -> Sat:
    """Return the distance between the two proposals."""
    assert node.sent is not None
    assert node.received is not None
    ours, theirs = node.sent.fee_satoshis, node.received.fee_satoshis
    return ours - theirs if ours > theirs else theirs - ours


def _must_agree(node: Closing) -> bool:
    """Say whether the rules leave the node nothing but to repeat the fee that it has received."""
    sent, received = node.sent, node.received
    if node.turn is not LOCAL or sent is None or received is None:
        return False
    if received.fee_range is not None and node.policy.sends_fee_range:
        return node.is_opener
    ours = sent.fee_range
    return ours is not None and ours.min_fee_satoshis <= received.fee_satoshis <= ours.max_fee_satoshis


class Pair(NamedTuple):
    """Funder and fundee after a negotiation."""

    funder: Closing | None
    fundee: Closing | None


def _settles(values: Values) -> Pair | None:
    """Two honest nodes with ranges that meet, each proposing what it would: three messages."""
    funder = replace(legacy_closing(values), turn=LOCAL)
    if not funder.is_opener:
        return None
    fundee = replace(peer_of(funder, policy(values, "theirs", SCRIPT_B)), turn=REMOTE)
    if not _can_settle(funder, fundee):
        return None
    first = legacy.next_closing_signed(funder)
    if first is None:
        return Pair(None, None)
    funder_1, fundee_1 = _passed(funder, fundee, first)
    second = None if fundee_1 is None else legacy.next_closing_signed(fundee_1)
    if funder_1 is None or fundee_1 is None or second is None:
        return Pair(None, None)
    fundee_2, funder_2 = _passed(fundee_1, funder_1, second)
    if fundee_2 is None or funder_2 is None or funder_2.turn is None:
        return Pair(funder_2, fundee_2)
    third = legacy.next_closing_signed(funder_2)
    return Pair(None, None) if third is None else Pair(*_passed(funder_2, fundee_2, third))


def _passed(sender: Closing, receiver: Closing, message: ClosingSigned) -> tuple[Closing | None, Closing | None]:
    return taken(legacy.send_closing_signed(sender, message)), taken(legacy.receive_closing_signed(receiver, message))


def _can_settle(funder: Closing, fundee: Closing) -> bool:
    """Say whether the ranges meet, each wants a fee of its own range, and no output is or becomes dust."""
    ours, theirs = funder.policy, fundee.policy
    for wish in (ours, theirs):
        if not wish.fee_range.min_fee_satoshis <= wish.fee_satoshis <= wish.fee_range.max_fee_satoshis:
            return False
    if ours.fee_range.overlap(theirs.fee_range) is None:
        return False
    limits = funder.channel.params
    for balance, script in ((funder.channel.local_msat, SCRIPT_A), (funder.channel.remote_msat, SCRIPT_B)):
        left = Sat(balance // 1000) - (ours.fee_range.max_fee_satoshis if script == SCRIPT_A else Sat(0))
        least = (dust_threshold(script), limits.local.dust_limit_satoshis, limits.remote.dust_limit_satoshis)
        if any(left < one for one in least):
            return False
    return True


def _agreed_on_one(pair: Pair) -> bool:
    """Say whether both are done, with one and the same transaction."""
    funder, fundee = pair
    if funder is None or fundee is None or funder.turn is not None or fundee.turn is not None:
        return False
    return len(funder.published) == 1 and funder.published == fundee.published


def _is_nearer_the_end_and_does_not_wait_for_ever(move: Move) -> bool:
    """Say so, and that a node whose proposal is not answered is to fail the channel."""
    patient = move.after.turn is None or bool(move.after.published)
    return _is_nearer_the_end(move) and (patient or legacy.must_fail_in_time(move.after))


LEGACY_CLOSE_ENDS = RunTheorem(
    name="LegacyCloseTerminates",
    sentence="A fee negotiation ends: each message brings the end nearer, and who waits in vain fails the channel.",
    claims=(
        RunClaim("a closing_signed that is sent", _sends, _is_nearer_the_end_and_does_not_wait_for_ever, (
            "B02-closing-signed-r-05", "B02-closing-signed-r-11", "B02-closing-signed-f-03",
            "B02-closing-signed-s-03",
        )),
        RunClaim("a closing_signed that is taken", _receives, _is_nearer_the_end,
                 ("B02-closing-signed-r-09", "B02-closing-signed-e-03")),
        RunClaim("ranges that meet settle it in three messages", _settles, _agreed_on_one,
                 ("B02-closing-signed-r-02", "B02-closing-signed-f-01")),
    ),
    unbounded=("balances", "fees", "fee ranges", "number of messages"),
    bounded="one connection; a range counts only for who announces one; fairness: time passes",
)  # fmt: skip


# --- option_simple_close ---


def _proposal(values: Values, node: Closing) -> ClosingComplete:
    details = ClosingDetails(node.local_script or STRANGER, node.remote_script or STRANGER, values("fee"))
    return ClosingComplete(details, simple.offer(node, details))


def _proposes(values: Values) -> Move | None:
    """A node that may have a proposal under way proposes."""
    node = simple_closing(values)
    message = _proposal(values, node)
    node = replace(node, proposed=choose(values, "proposed", (None, message)))
    after = taken(simple.send_closing_complete(node, message))
    return None if after is None else Move(node, after)


def _waits_for_one(move: Move) -> bool:
    """Say whether one proposal is under way now and none was before, and the node will not wait for ever."""
    waits = move.before.proposed is None and move.after.proposed is not None
    return waits and simple.must_disconnect_in_time(move.after)


def _gets_answer(values: Values) -> Move | None:
    node = simple_closing(values)
    message = _proposal(values, node)
    node, answer = replace(node, proposed=message), ClosingSig(message.details, message.tlvs)
    after = taken(simple.receive_closing_sig(node, answer))
    return None if after is None else Move(node, after)


def _is_answered(move: Move) -> bool:
    return move.after.proposed is None and bool(move.after.published)


SIMPLE_CLOSE_ENDS = RunTheorem(
    name="SimpleCloseTerminates",
    sentence="Each proposal is answered, or the connection is closed in time, and until then there is no other.",
    claims=(
        RunClaim("a closing_complete that is sent", _proposes, _waits_for_one,
                 ("B02-closing-complete-c-19", "B02-closing-complete-c-20")),
        RunClaim("a closing_sig that is taken", _gets_answer, _is_answered, ("B02-closing-complete-c-26",)),
    ),
    unbounded=("balances", "fees"),
    bounded="finitely many proposals of each node; fairness: time passes; that an answer comes: SimpleCloseCorrect",
)  # fmt: skip

NEGOTIATION_THEOREMS: tuple[RunTheorem, ...] = (LEGACY_CLOSE_ENDS, SIMPLE_CLOSE_ENDS)
"""All theorems about the end of a negotiation."""
