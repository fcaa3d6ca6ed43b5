"""Theorems about resuming a channel, for all numbers: what channel_reestablish concludes, and that two nodes agree.

The last theorem is the unbounded half of what the search checks in small worlds: honest nodes never reject each other's
``channel_reestablish``, however many commitments there were. Two numbers describe what a lost connection has left: how
many commitments of one node the other has signed and it has received, how many of them it has revoked and the other
knows of. What was on the wires is lost; since each side has at most one commitment that is signed and not answered
(OneUnackedCommit), at most one ``commitment_signed`` and one ``revoke_and_ack`` of each direction are. A node that
crashed starts from what it had made durable when it last signed or revoked: so it too lacks at most one of each.

Left to the search: that these are the only ways in which numbers of two nodes come to differ, and the updates that are
sent again with a signature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from boltproofs.runs import Run, RunClaim, RunTheorem, Values, choose
from boltproofs.security.exit_claims import ANY_PARAMS
from boltspec.chain.enforcement import publish_commitment
from boltspec.channel import Channel, Link, opened
from boltspec.messages import NO_SECRET, ChannelReestablish
from boltspec.reestablish import next_channel_reestablish, receive_channel_reestablish, send_channel_reestablish
from boltspec.rules import Reaction
from boltspec.verdict import Accepted, Rejected

NUMBERS = ("local_commitment_number", "local_revocations", "remote_commitment_number", "remote_revocations")
DEFINED = ("commitment numbers", "revocation numbers", "secrets")


def _node(values: Values, name: str = "") -> Channel:
    """Return a node with any numbers that is about to take channel_reestablish."""
    return replace(opened(ANY_PARAMS), link=Link.SENT, **{number: values(name + number) for number in NUMBERS})


def _message(values: Values) -> ChannelReestablish:
    secret = choose(values, "secret is", ("none", "a number", "wrong"))
    number = {"none": NO_SECRET, "a number": values("secret"), "wrong": -1}[secret]
    return ChannelReestablish(values("next_commitment_number"), values("next_revocation_number"), number)


Taken = tuple[Channel, ChannelReestablish, Any]


def _receives(premise: Callable[[Channel, ChannelReestablish], bool]) -> Run:
    def run(values: Values) -> Taken | None:
        channel, message = _node(values), _message(values)
        return (channel, message, receive_channel_reestablish(channel, message)) if premise(channel, message) else None

    return run


def _secret_is_right(message: ChannelReestablish) -> bool:
    revocation = message.next_revocation_number
    return message.your_last_per_commitment_secret == (NO_SECRET if revocation == 0 else revocation - 1)


def _proves_us_behind(channel: Channel, message: ChannelReestablish) -> bool:
    return message.next_revocation_number > channel.local_revocations and _secret_is_right(message)


def _is_zero(_: Channel, message: ChannelReestablish) -> bool:
    return message.next_commitment_number == 0


def _is_ahead(channel: Channel, message: ChannelReestablish) -> bool:
    return message.next_commitment_number > 0 and _proves_us_behind(channel, message)


def _is_not_ahead(channel: Channel, message: ChannelReestablish) -> bool:
    return message.next_commitment_number > 0 and not _proves_us_behind(channel, message)


def _commitment_fits(channel: Channel, message: ChannelReestablish) -> bool:
    number, signed = message.next_commitment_number, channel.remote_commitment_number
    return number == signed or number == signed + 1


def _revocation_fits(channel: Channel, message: ChannelReestablish) -> bool:
    revocation, revoked = message.next_revocation_number, channel.local_revocations
    return revocation == revoked or revocation == revoked - 1


def _commitment_is_off(channel: Channel, message: ChannelReestablish) -> bool:
    return _is_not_ahead(channel, message) and not _commitment_fits(channel, message)


def _revocation_is_off(channel: Channel, message: ChannelReestablish) -> bool:
    fits = _is_not_ahead(channel, message) and _commitment_fits(channel, message)
    return fits and channel.local_revocations > 0 and not _revocation_fits(channel, message)


def _revocation_is_made_up(channel: Channel, message: ChannelReestablish) -> bool:
    fits = _is_not_ahead(channel, message) and _commitment_fits(channel, message)
    return fits and channel.local_revocations == 0 and message.next_revocation_number > 0


def _numbers_fit(channel: Channel, message: ChannelReestablish) -> bool:
    fits = _is_not_ahead(channel, message) and _commitment_fits(channel, message)
    return fits and _revocation_fits(channel, message)


def _secret_is_off(channel: Channel, message: ChannelReestablish) -> bool:
    return _numbers_fit(channel, message) and not _secret_is_right(message)


def _all_fits(channel: Channel, message: ChannelReestablish) -> bool:
    return _numbers_fit(channel, message) and _secret_is_right(message)


def _fails_the_channel(rule: str) -> Callable[[Taken], bool]:
    def goal(taken: Taken) -> bool:
        verdict = taken[2]
        return isinstance(verdict, Rejected) and (verdict.rule, verdict.reaction) == (rule, Reaction.FAIL_CHANNEL)

    return goal


def _is_behind(taken: Taken) -> bool:
    verdict = taken[2]
    if not isinstance(verdict, Accepted) or not verdict.state.behind:
        return False
    return not (verdict.state.owes_commitment or verdict.state.owes_revocation)


def _owes_exactly(taken: Taken) -> bool:
    channel, message, verdict = taken
    if not isinstance(verdict, Accepted) or verdict.state.behind or verdict.state.link is not Link.UP:
        return False
    signed, revoked = channel.remote_commitment_number, channel.local_revocations
    lacks_commitment = message.next_commitment_number == signed
    lacks_revocation = message.next_revocation_number == revoked - 1
    owes = verdict.state.owes_commitment if lacks_commitment else not verdict.state.owes_commitment
    return owes and (verdict.state.owes_revocation if lacks_revocation else not verdict.state.owes_revocation)


def _publishes_after(values: Values) -> Any:
    """Return what becomes of publishing any commitment, by a node that has taken any channel_reestablish."""
    taken = receive_channel_reestablish(_node(values), _message(values))
    if not isinstance(taken, Accepted) or not taken.state.behind:
        return None
    return publish_commitment(taken.state, values("published"))


def _never_published(verdict: Any) -> bool:
    return not isinstance(verdict, Accepted)


# --- two honest nodes ---


def _after_the_loss(values: Values) -> tuple[Channel, Channel]:
    """Return two honest nodes whose connection is lost: each may lack what the other sent last.

    Of each node's commitments the other has signed one more than it has, if a commitment_signed was lost; the other
    knows of one revocation less, if a revoke_and_ack was. OneUnackedCommit holds on both sides.
    """
    first, second = _side(values, "first"), _side(values, "second")
    one = replace(opened(ANY_PARAMS), link=Link.DOWN, **_of_holder(first), **_of_signer(second))
    other = replace(opened(ANY_PARAMS.mirrored()), link=Link.DOWN, **_of_holder(second), **_of_signer(first))
    return one, other


def _side(values: Values, name: str) -> dict[str, Any]:
    """Return the numbers of one node's commitments: known to the signer, to the holder, and what may be lost."""
    revoked_seen = values(f"{name}.revocations known to the signer")
    revoked = revoked_seen + choose(values, f"{name}.revocation lost", (0, 1))
    received = revoked + choose(values, f"{name}.unanswered", (0, 1))
    signed = received + choose(values, f"{name}.signature lost", (0, 1))
    return {"revoked_seen": revoked_seen, "revoked": revoked, "received": received, "signed": signed}


def _of_holder(side: dict[str, Any]) -> dict[str, Any]:
    return {"local_commitment_number": side["received"], "local_revocations": side["revoked"]}


def _of_signer(side: dict[str, Any]) -> dict[str, Any]:
    return {"remote_commitment_number": side["signed"], "remote_revocations": side["revoked_seen"]}


def _one_unanswered(channel: Channel) -> bool:
    return channel.remote_commitment_number - channel.remote_revocations <= 1


def _resume(values: Values) -> tuple[Channel, Channel, Any, Any] | None:
    """Let both send channel_reestablish and each take the other's."""
    one, other = _after_the_loss(values)
    if not (_one_unanswered(one) and _one_unanswered(other)):
        return None
    says, answers = next_channel_reestablish(one), next_channel_reestablish(other)
    after_one, after_other = send_channel_reestablish(one, says), send_channel_reestablish(other, answers)
    if not (isinstance(after_one, Accepted) and isinstance(after_other, Accepted)):
        return one, other, after_one, after_other
    taken_by_one = receive_channel_reestablish(after_one.state, answers)
    return one, other, taken_by_one, receive_channel_reestablish(after_other.state, says)


def _both_resume(result: tuple[Channel, Channel, Any, Any]) -> bool:
    one, other, by_one, by_other = result
    if not (isinstance(by_one, Accepted) and isinstance(by_other, Accepted)):
        return False
    return _lacks_what_is_owed(by_one.state, other) and _lacks_what_is_owed(by_other.state, one)


def _lacks_what_is_owed(channel: Channel, peer: Channel) -> bool:
    """Say whether a node owes its peer what the peer lacks: after that both have the same numbers."""
    if channel.link is not Link.UP or channel.behind:
        return False
    owed_commitment, owed_revocation = 1 if channel.owes_commitment else 0, 1 if channel.owes_revocation else 0
    return (
        channel.remote_commitment_number == peer.local_commitment_number + owed_commitment
        and channel.local_revocations == peer.remote_revocations + owed_revocation
    )


RESUMPTION_THEOREMS: tuple[RunTheorem, ...] = (
    RunTheorem(
        name="ReestablishNumbers",
        sentence="What a node concludes from channel_reestablish follows from the numbers: what it owes, that it is"
        " behind, or that the channel fails, by the rule that says so.",
        claims=(
            RunClaim("zero fails", _receives(_is_zero), _fails_the_channel("B02-retransmission-n-07"),
                     ("B02-retransmission-n-07",)),
            RunClaim("a proof that we are behind is taken", _receives(_is_ahead), _is_behind),
            RunClaim("a commitment neither last nor next fails", _receives(_commitment_is_off),
                     _fails_the_channel("B02-retransmission-n-13"), ("B02-retransmission-n-13",)),
            RunClaim("a revocation neither last nor next fails", _receives(_revocation_is_off),
                     _fails_the_channel("B02-retransmission-n-16"), ("B02-retransmission-n-16",)),
            RunClaim("a revocation that was never made fails", _receives(_revocation_is_made_up),
                     _fails_the_channel("B02-retransmission-n-17"), ("B02-retransmission-n-17",)),
            RunClaim("a wrong secret fails", _receives(_secret_is_off),
                     _fails_the_channel("B02-retransmission-r-05"), ("B02-retransmission-r-05",)),
            RunClaim("what fits is owed exactly", _receives(_all_fits), _owes_exactly,
                     ("B02-retransmission-n-12", "B02-retransmission-n-14")),
        ),
        unbounded=DEFINED,
        bounded="nothing",
    ),
    RunTheorem(
        name="StaleStateSafe",
        sentence="A node whose peer has proved that it is behind publishes none of its commitments.",
        claims=(RunClaim("nothing is published", _publishes_after, _never_published, ("B02-retransmission-r-03",)),),
        unbounded=DEFINED,
        bounded="nothing",
    ),
    RunTheorem(
        name="ReestablishAgrees",
        sentence="After a lost connection honest nodes take each other's channel_reestablish, and owe just what the"
        " other lacks.",
        claims=(
            RunClaim("both resume", _resume, _both_resume, ("B02-retransmission-n-12", "B02-retransmission-n-14")),
        ),
        unbounded=DEFINED,
        bounded="on each side one signature and one revocation may be lost (OneUnackedCommit)",
        lemmas=("OneUnackedCommit",),
    ),
)  # fmt: skip
