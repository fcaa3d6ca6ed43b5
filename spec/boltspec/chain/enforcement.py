"""Enforcing a channel on chain (BOLT 5): what an honest node does with each output, and what it learns.

What to do depends on whose transaction spent the funding output and whether that was revoked. The table
:data:`RESOLUTIONS` is BOLT 5's list of cases, in order of preference where the BOLT offers several ways.

A node acts on what is confirmed. Transactions that are not valid never get there, and trigger nothing
(B05-general-n-06).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from boltspec.chain.conditions import Condition, Kind, Use, condition
from boltspec.chain.ledger import Claim, Closing
from boltspec.chain.transactions import Form
from boltspec.channel import Channel
from boltspec.htlc import LOCAL, REMOTE, Stage
from boltspec.rules import duty, require
from boltspec.units import Blocks, Height
from boltspec.verdict import sends


class Situation(IntEnum):
    """What spent the funding output, seen from an honest node."""

    MUTUAL = 0
    """A closing transaction: nothing is left to do."""
    LOCAL = 1
    """Its own commitment."""
    REMOTE = 2
    """The peer's commitment, newest or not yet revoked."""
    REVOKED = 3
    """A commitment that the peer had revoked."""


Rules = tuple[str, ...]
"""Rules that ask for the same act: it is done while all of them are on."""

OURS, THEIRS = "B05-local-commit-n-04", "B05-local-commit-n-05"
OURS_THERE, THEIRS_THERE = "B05-remote-commit-l-04", "B05-remote-commit-l-05"
HANDLE = "B05-remote-commit-l-01"

RESOLUTIONS: dict[tuple[Situation, Kind], tuple[tuple[Rules, Use], ...]] = {
    (Situation.LOCAL, Kind.TO_LOCAL): ((("B05-local-commit-n-01",), Use.DELAYED),),
    (Situation.LOCAL, Kind.OFFERED_HTLC): (((OURS, "B05-local-commit-local-offers-n-02"), Use.HTLC_TIMEOUT),),
    (Situation.LOCAL, Kind.TIMED_OUT_HTLC): (
        ((OURS, "B05-local-commit-local-offers-n-04", "B05-local-commit-local-offers-n-05"), Use.DELAYED),
    ),
    (Situation.LOCAL, Kind.RECEIVED_HTLC): (((THEIRS, "B05-local-commit-remote-offers-l-01"), Use.HTLC_SUCCESS),),
    (Situation.LOCAL, Kind.SUCCEEDED_HTLC): (
        ((THEIRS, "B05-local-commit-remote-offers-l-03", "B05-local-commit-remote-offers-l-05"), Use.DELAYED),
    ),
    (Situation.REMOTE, Kind.RECEIVED_HTLC): (
        ((HANDLE, OURS_THERE, "B05-remote-commit-local-offers-l-02"), Use.CLAIM_EXPIRED),
    ),
    (Situation.REMOTE, Kind.OFFERED_HTLC): (
        ((HANDLE, THEIRS_THERE, "B05-remote-commit-remote-offers-l-01"), Use.CLAIM_WITH_PREIMAGE),
    ),
    (Situation.REVOKED, Kind.TO_LOCAL): ((("B05-revoked-commit-l-03",), Use.REVOCATION),),
    (Situation.REVOKED, Kind.OFFERED_HTLC): (
        (("B05-revoked-commit-l-04",), Use.REVOCATION),
        (("B05-revoked-commit-l-05",), Use.CLAIM_WITH_PREIMAGE),
    ),
    (Situation.REVOKED, Kind.RECEIVED_HTLC): (
        (("B05-revoked-commit-l-07",), Use.REVOCATION),
        (("B05-revoked-commit-l-08",), Use.CLAIM_EXPIRED),
    ),
    (Situation.REVOKED, Kind.TIMED_OUT_HTLC): (
        (("B05-revoked-commit-l-06", "B05-revoked-commit-l-10"), Use.REVOCATION),
    ),
    (Situation.REVOKED, Kind.SUCCEEDED_HTLC): (
        (("B05-revoked-commit-l-09", "B05-revoked-commit-l-11"), Use.REVOCATION),
    ),
}
"""``(situation, output) -> ((rules, way to spend it), ...)``.

What is not listed needs no action: the peer's own outputs, anchors, and ``to_remote``, which pays a key of the wallet
(B05-local-commit-n-03, B05-remote-commit-l-02, B05-remote-commit-l-03, B05-revoked-commit-l-02)."""

WATCH = "B05-general-n-01"
"""The duty to watch the chain: without it none of the others is ever acted upon."""
RESOLVE = "B05-general-n-02"
"""The duty to resolve all outputs; B05-failing-channel-b-01 says it again for those of a commitment."""
AGAIN = "B05-general-n-03"
"""The duty to resolve outputs once more when a reorganisation has undone it."""


class Standing(NamedTuple):
    """All that a node needs of its channel once the funding output is spent."""

    case: Situation
    knows_secret: bool
    """It can derive the secret of the commitment that was confirmed."""
    offered: tuple[int, ...]
    """Payment hashes of the HTLCs that it had offered and that are not removed for good."""
    committed: tuple[int, ...]
    """Payment hashes of the HTLCs that the peer had offered and is irrevocably committed to."""


def standing(channel: Channel, closing: Closing, seat: int) -> Standing:
    """Return what a confirmed closing means for the node in that seat."""
    own, number = closing.txid.seat == seat, closing.txid.number
    return Standing(
        situation(channel, closing, seat),
        not own and knows_secret(channel, number),
        tuple(sorted(htlc.payment_hash for htlc in channel.htlcs.items if htlc.offerer is LOCAL)),
        tuple(
            sorted(
                htlc.payment_hash
                for htlc in channel.htlcs.items
                if htlc.offerer is REMOTE and htlc.added is Stage.IRREVOCABLE
            )
        ),
    )


def situation(channel: Channel, closing: Closing, seat: int) -> Situation:
    """Say what a confirmed closing means for the node in that seat."""
    if closing.txid.form is Form.CLOSING:
        return Situation.MUTUAL
    if closing.txid.seat == seat:
        return Situation.LOCAL
    return Situation.REVOKED if closing.txid.number < channel.remote_revocations else Situation.REMOTE


def resolution(case: Situation, kind: Kind, can_use: Callable[[Condition], bool]) -> Condition | None:
    """Return the way in which an honest node takes an output; ``None`` if it cannot or need not take it now.

    ``can_use`` says whether the node has what the way needs and the chain's locks allow it.
    """
    if not duty(RESOLVE):
        return None
    for rules, use in RESOLUTIONS.get((case, kind), ()):
        way = condition(kind, use)
        if all(map(duty, rules)) and can_use(way):
            return way
    return None


# --- preimages ---

MAY_CLAIM: dict[Situation, str] = {
    Situation.LOCAL: "B05-local-commit-remote-offers-l-04",
    Situation.REMOTE: "B05-remote-commit-remote-offers-l-02",
}
"""The rules by which an HTLC is left alone to which the peer is not irrevocably committed."""
KEEP_OWN = "B05-local-commit-remote-offers-l-02"
"""The rule by which the preimage of an invoice of one's own is not shown for an HTLC that was to be forwarded."""


def may_claim(case: Situation, is_committed: bool, is_for_us: bool) -> bool:
    """Say whether a node may show a preimage that it knows to take an HTLC output of the peer's offer.

    ``is_for_us``: it is the final recipient, or has learned the preimage from the outgoing HTLC.

    AMBIGUOUS: payee-claims: the BOLT asks for the claim only where there is an outgoing HTLC; the payee, which has
    none, claims as well.
    """
    rule = MAY_CLAIM.get(case)
    if rule is not None and not is_committed and duty(rule):
        return False
    return is_for_us or not duty(KEEP_OWN)


EXTRACT: dict[Situation, str] = {
    Situation.LOCAL: "B05-local-commit-local-offers-n-01",
    Situation.REMOTE: "B05-remote-commit-local-offers-l-01",
    Situation.REVOKED: "B05-revoked-commit-l-12",
}
"""The rules by which the preimage is read off the peer's spend of an HTLC that we offered."""


def learns_from(case: Situation, claim: Claim, seat: int) -> bool:
    """Say whether the node in that seat learns a preimage from the spend of an HTLC output."""
    if claim.offerer != seat or claim.use not in (Use.CLAIM_WITH_PREIMAGE, Use.HTLC_SUCCESS):
        return False
    return case in EXTRACT and duty(EXTRACT[case])


FULFIL_AT_ONCE = "B02-forwarding-n-05"
"""The duty to fulfil the incoming HTLC as soon as the peer has shown the preimage."""
FULFIL_MISSING: dict[Situation, str] = {
    Situation.LOCAL: "B05-local-commit-local-offers-n-07",
    Situation.REMOTE: "B05-remote-commit-local-offers-l-03",
}
"""The same for HTLCs without an output: a preimage that is known counts, not that the HTLC is missing."""
FAIL_MISSING: dict[Situation, str] = {
    Situation.LOCAL: "B05-local-commit-local-offers-n-08",
    Situation.REMOTE: "B05-remote-commit-local-offers-l-04",
}
FAIL_TIMED_OUT = "B05-local-commit-local-offers-n-03"
NOT_EARLY = "B02-forwarding-n-02"
"""No incoming HTLC is failed before the removal of the outgoing one is final."""


def fails_upstream(case: Situation, depth: Blocks, reorg_depth: Blocks, missing: bool) -> bool:
    """Say whether the incoming HTLC is failed now that the outgoing one has gone on chain without a preimage.

    ``depth``: how deep the transaction is buried that ended it, which is the commitment itself if it has no output for
    the HTLC (``missing``).

    AMBIGUOUS: reasonable-depth: as deep as reorganisations go.
    """
    if depth < reorg_depth and duty(NOT_EARLY):
        return False
    if missing:
        return case not in FAIL_MISSING or duty(FAIL_MISSING[case])
    return case is not Situation.LOCAL or duty(FAIL_TIMED_OUT)


def fulfils_missing(case: Situation) -> bool:
    """Say whether the incoming HTLC is fulfilled when the outgoing one has no output and its preimage is known."""
    return case not in FULFIL_MISSING or duty(FULFIL_MISSING[case])


# --- going on chain ---

PUBLISH = "B05-failing-channel-n-06"
"""The duty to publish the newest commitment when the channel is failed, and not the one before it."""


@sends
def publish_commitment(channel: Channel, number: int) -> Channel:
    """Publish one of our own signed commitments: not if it is revoked, nor if we may have forgotten that it is.

    B02-revoke-and-ack-n-01 and B05-revoked-commit-l-01 state the same rule; so do B02-retransmission-r-03 and, for a
    node that has been told, B05-failing-channel-n-05. Of the commitments that are not revoked it has to be the newest:
    the one before it may still have an HTLC that was paid since, for whoever claims it first.
    """
    require(not channel.behind, "B02-retransmission-r-03")
    require(
        number >= channel.local_revocations,
        "B02-revoke-and-ack-n-01",
        number=number,
        revocations=channel.local_revocations,
    )
    newest = channel.local_commitment_number
    require(number < channel.local_revocations or number >= newest, PUBLISH, number=number, newest=newest)
    return channel


def knows_secret(channel: Channel, number: int) -> bool:
    """Say whether a node can derive the secret of the peer's commitment of that number."""
    return number < channel.remote_secrets


OUTDATED = "B05-failing-channel-n-05"
"""No commitment is published by a node that has lost data and does not know yet how much."""
SEPARATE = "B05-revoked-commit-l-14"
"""The duty to punish in separate transactions when the delay is nearly over: with anchors one of many can be pinned."""
SECURITY_DELAY = Blocks(3)
"""How many blocks before the end of the delay that is (BOLT 5 leaves it to the node and advises 18 on mainnet)."""
KEEP = "B05-failing-channel-n-03"
"""The duty not to forget a channel that has nothing of value now, but had."""
PREFER_MUTUAL = "B05-failing-channel-n-04"
STOP = "B05-general-n-05"
"""The duty to fail the channel once its funding output is spent."""
BUMP_COMMITMENT = "B05-failing-channel-n-07"
BUMP_HTLC: tuple[str, ...] = ("B05-htlc-tx-b-01", "B05-htlc-tx-l-02", "B05-htlc-tx-n-01")
"""An input that pays can be added, since the peer has not signed the inputs; it is added; and it pays enough."""
SIGN_ALL = "B05-htlc-tx-l-01"
"""The duty to sign all of one's own HTLC transaction: nobody else can change it."""
OFFERER_DEADLINE: tuple[str, str] = ("B02-cltv-delta-h-01", "B02-cltv-delta-h-04")
INVALIDATED = "B05-revoked-commit-l-16"
"""The duty to make a penalty anew when an HTLC transaction has spent one of its inputs."""
REBROADCAST = "D05-general-n-01"
"""The duty to broadcast a transaction anew until it is confirmed."""
DURABLE = "D05-general-n-02"
"""The duty to write down what one relies on: before a deadline passes, a preimage is shown, an HTLC is forwarded."""
TOO_LATE = "B02-cltv-delta-u-02"
"""No preimage is shown for an HTLC whose fulfilment deadline is past."""
FULFILLER_DEADLINE: tuple[str, str] = ("B02-cltv-delta-u-01", "B02-cltv-delta-u-04")


def pays_enough(form: Form, option_anchors: bool) -> bool:
    """Say whether an honest node makes a transaction pay what miners ask for.

    With anchors commitments and second-stage transactions pay too little by themselves: the node spends its anchor, or
    adds inputs of its wallet. Without them the feerate that was agreed on has to do. Claims pay whatever is needed.
    """
    if not option_anchors:
        return True
    if form is Form.COMMITMENT:
        return duty(BUMP_COMMITMENT)
    if form is Form.SECOND_STAGE:
        return all(map(duty, BUMP_HTLC))
    return True


def depth(height: Height, confirmed: Height) -> Blocks:
    """Return how many blocks are on top of the one of that height."""
    return height - confirmed


# --- the end ---

IRREVOCABLE_DEPTH = Blocks(100)
"""How deep what resolves an output must be buried before the node stops watching it (BOLT 5, General Nomenclature)."""


def stays_open(case: Situation, kind: Kind, *, is_hopeless: bool) -> bool:
    """Say whether a node still has to watch an unspent output: it may have to take it, or to learn from its spend.

    ``is_hopeless``: it is an HTLC that the peer had offered, it has expired, and the node may not claim it.
    """
    return (case, kind) in RESOLUTIONS and (not is_hopeless or case is Situation.REVOKED)


def is_irrevocable(height: Height, confirmed: Height) -> bool:
    """Say whether what was confirmed at a height cannot be undone any more (B05-general-n-01, B05-general-n-03)."""
    return depth(height, confirmed) >= IRREVOCABLE_DEPTH
