"""Claims about the incoming HTLC of an honest party that forwards, when the outgoing one is on chain.

A forwarder that pays for the outgoing HTLC has the preimage, and time left to claim the incoming one; one that gives
the incoming HTLC back can no longer be made to pay for the outgoing one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from boltproofs.security.claim import Claim, Predicate, both
from boltproofs.security.enforcement_claims import (
    current_is_published,
    own_is_published,
    revoked_is_published,
)
from boltproofs.security.numbers import Numbers, is_timed
from boltproofs.security.scene import HONEST, PEER, Shape, after_closing, while_open
from boltspec.chain.conditions import Kind, Use
from boltspec.chain.honest import look
from boltspec.chain.ledger import Claim as Spend
from boltspec.chain.payments import Progress, Upstream, last_preimage, learned
from boltspec.chain.speaking import Said, after_message
from boltspec.htlc import LOCAL, Htlc, Stage
from boltspec.messages import UpdateFulfillHtlc
from boltspec.units import Height, Msat

OFFERED = (
    (Shape(Kind.OFFERED_HTLC, HONEST, upstream=Upstream.PENDING), own_is_published, Use.CLAIM_WITH_PREIMAGE),
    (Shape(Kind.RECEIVED_HTLC, PEER, upstream=Upstream.PENDING), current_is_published, Use.HTLC_SUCCESS),
)
"""Where an HTLC that the honest party offered can be, and how its peer claims it by preimage."""
REFUNDS = {Kind.OFFERED_HTLC: Use.HTLC_TIMEOUT, Kind.RECEIVED_HTLC: Use.CLAIM_EXPIRED}
"""How the offerer takes it back."""


def is_passed_on() -> Iterator[Claim]:
    """A preimage that the peer shows on chain, or has shown before, fulfils the incoming HTLC while there is time."""
    for shape, published, use in OFFERED:
        yield Claim(
            f"a preimage that is shown by {use} is passed on",
            both(published, _is_over, _ignorant, _in_time),
            _upstream_is(shape, Upstream.FULFILLED, use),
        )
    shape = Shape(Kind.RECEIVED_HTLC, PEER, upstream=Upstream.PENDING)
    yield Claim(
        "a preimage that a thief shows is passed on",
        both(revoked_is_published, _is_over, _ignorant, _in_time),
        _upstream_is(shape, Upstream.FULFILLED, Use.HTLC_SUCCESS),
    )
    yield Claim(
        "a preimage that the peer shows in a message is passed on at once",
        both(is_timed, _ignorant, _in_time),
        _told_in_time,
    )


def _told_in_time(numbers: Numbers) -> bool:
    """So it is known upstream whether or not the commitment that is confirmed later has an output for the HTLC."""
    shape = Shape(Kind.FUNDING, HONEST, upstream=Upstream.PENDING)._replace(owner=PEER)
    offered = Htlc(LOCAL, 0, Msat(numbers.amount_msat), 0, Height(numbers.cltv_expiry), Stage.IRREVOCABLE)
    world, scenario = while_open(numbers, shape, offered)
    assert world.talk is not None
    said = Said(world.talk.nodes[HONEST], UpdateFulfillHtlc(0, 0), sending=False)
    return after_message(world, scenario, HONEST, said).payments[0].upstream is Upstream.FULFILLED


def is_not_failed_early() -> Iterator[Claim]:
    """The incoming HTLC is kept while a reorganisation could still make the honest party pay for the outgoing one."""
    for shape, published, _ in OFFERED:
        refund = REFUNDS[shape.kind]
        premise = both(published, _is_over, _ignorant, _shallow)
        yield Claim(
            f"nothing is given back right after {refund}", premise, _upstream_is(shape, Upstream.PENDING, refund)
        )
        yield Claim(
            f"nothing is given back right after a commitment without the HTLC ({shape.kind.name.lower()})",
            both(published, _is_over, _ignorant, _shallow_closing),
            _upstream_is(shape, Upstream.PENDING, missing=True),
        )


def is_given_back() -> Iterator[Claim]:
    """In the end the incoming HTLC of one that came back is given back: nothing stays open for ever."""
    for shape, published, _ in OFFERED:
        refund = REFUNDS[shape.kind]
        yield Claim(
            f"it is given back once {refund} is deep enough",
            both(published, _is_over, _ignorant, _deep),
            _upstream_is(shape, Upstream.FAILED, refund),
        )
        yield Claim(
            f"it is given back once a commitment without it is deep enough ({shape.kind.name.lower()})",
            both(published, _is_over, _ignorant, _deep_closing),
            _upstream_is(shape, Upstream.FAILED, missing=True),
        )


def is_fulfilled_though_missing() -> Iterator[Claim]:
    """A preimage that is known counts, although the commitment that was confirmed has no output for the HTLC."""
    for shape, published, _ in OFFERED:
        yield Claim(
            f"an HTLC is fulfilled whose preimage is known, output or not ({shape.kind.name.lower()})",
            both(published, _is_over, _knowing, _in_time),
            _upstream_is(shape, Upstream.FULFILLED, missing=True),
        )


def has_time() -> Iterator[Claim]:
    """What the outgoing channel shows last can still be enforced on the incoming one, if the delta is large enough."""
    for shape, published, use in OFFERED:
        yield last_comes_in_time(shape, published, use, delta_suffices)
    yield Claim("what BOLT 2 recommends is enough by its own reckoning", both(is_timed, _as_recommended), _last_in_time)


def last_comes_in_time(shape: Shape, published: Predicate, use: Use, *conditions: Predicate) -> Claim:
    """What the peer shows just before the refund is certain is passed on."""
    return Claim(
        f"a preimage that is shown by {use} just before the refund is certain comes in time",
        both(published, _is_over, _ignorant, before_refund, *conditions),
        _upstream_is(shape, Upstream.FULFILLED, use),
    )


def delta_suffices(numbers: Numbers) -> bool:
    """The exact condition on the distance of the two expiries."""
    until_seen = numbers.grace + numbers.race
    return numbers.incoming_expiry >= numbers.cltv_expiry + until_seen + numbers.forwarder_margin


def before_refund(numbers: Numbers) -> bool:
    """TimeoutDeadline: the channel was failed at the deadline; until its refund is certain, the peer may be faster."""
    return numbers.height <= numbers.timeout_deadline + numbers.race


def _as_recommended(numbers: Numbers) -> bool:
    delta = cast("int", numbers.timing.cltv_expiry_delta)
    return numbers.incoming_expiry >= numbers.cltv_expiry + delta


def _last_in_time(numbers: Numbers) -> bool:
    scene = after_closing(numbers, OFFERED[0][0])
    last = last_preimage(Height(numbers.cltv_expiry), numbers.timing)
    progress = learned(scene.world.payments[0], scene.scenario.payments[0], HONEST, last, numbers.timing)
    return progress.upstream is Upstream.FULFILLED


def _is_over(numbers: Numbers) -> bool:
    return is_timed(numbers) and numbers.confirmed <= numbers.spent and numbers.spent <= numbers.height


def _in_time(numbers: Numbers) -> bool:
    """2R+S blocks are left to claim the incoming HTLC."""
    return numbers.height + numbers.forwarder_margin <= numbers.incoming_expiry


def _knowing(numbers: Numbers) -> bool:
    return numbers.knows != 0


def _ignorant(numbers: Numbers) -> bool:
    return numbers.knows == 0


def _shallow(numbers: Numbers) -> bool:
    return numbers.height - numbers.spent < numbers.reorg_depth


def _deep(numbers: Numbers) -> bool:
    return numbers.height - numbers.spent >= numbers.reorg_depth


def _shallow_closing(numbers: Numbers) -> bool:
    return numbers.height - numbers.confirmed < numbers.reorg_depth


def _deep_closing(numbers: Numbers) -> bool:
    return numbers.height - numbers.confirmed >= numbers.reorg_depth


def _upstream_is(shape: Shape, state: Upstream, use: Use | None = None, missing: bool = False) -> Predicate:
    """Return the goal about the incoming HTLC, once the output was spent that way or the commitment had none."""

    def goal(numbers: Numbers) -> bool:
        spends = () if use is None else (Spend(0, HONEST, use, Height(numbers.spent)),)
        scene = after_closing(numbers, shape, spends, missing, spent=True)
        progress: Progress = look(scene.world, scene.scenario).payments[0]
        return progress.upstream is state

    return goal
