"""Claims about single outputs: a two-player game each, decided by heights.

For every output that can come of a commitment: the honest party broadcasts the spend that BOLT 5 asks for at every
height from the first possible one on, and before that spend is certain to be confirmed its peer has no way to the
money, but ways that leave it to the honest party all the same: at the second stage, or by showing the preimage.

An output resolves independently of all others: what the honest party does with it depends on the output, its HTLC and
the height (:func:`boltspec.chain.claims.taken`), so what is shown of one holds of any number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from boltproofs.security.claim import Claim, Predicate, both
from boltproofs.security.numbers import Numbers, is_timed
from boltproofs.security.scene import (
    HONEST,
    OWNED,
    PEER,
    SECOND_STAGE,
    Shape,
    after_closing,
    all_by_honest,
    broadcast_by_honest,
    open_to_peer,
)
from boltspec.chain.conditions import Kind, Use
from boltspec.chain.ledger import HTLC_OUTPUTS, payee
from boltspec.chain.ledger import Claim as Spend
from boltspec.chain.payments import Downstream
from boltspec.units import Height

PAYEE, PAID_ON = Downstream.NONE, Downstream.FULFILLED
"""Recipients that must be paid: the one of the last hop, and one that has paid the next hop."""


def _spends_by(shape: Shape, *uses: Use) -> Predicate:
    """Return the goal that the honest party broadcasts a spend of the output, in one of these ways."""

    def goal(numbers: Numbers) -> bool:
        scene = after_closing(numbers, shape)
        found = broadcast_by_honest(scene.world, scene.scenario)
        return found is not None and found.inputs[0].use in uses

    return goal


def _peer_has_only(shape: Shape, *harmless: Use) -> Predicate:
    """Return the goal that the peer can spend the output in the next block in harmless ways at most."""

    def goal(numbers: Numbers) -> bool:
        scene = after_closing(numbers, shape)
        return all(way.use in harmless for way in open_to_peer(scene))

    return goal


# --- whose commitment it is ---


def own_is_published(numbers: Numbers) -> bool:
    """It is the honest party's own commitment, not revoked, and the peer knows no more than was revealed to it.

    RevealsSuperseded and MonotoneNumbers: whatever was revealed belongs to a commitment that is given up. That nobody
    derives a secret that was not revealed is cryptography, and assumed (BOLT 3).
    """
    return (
        numbers.number >= numbers.local_revocations
        and numbers.peer_secrets <= numbers.revealed
        and numbers.revealed <= numbers.local_revocations
    )


def current_is_published(numbers: Numbers) -> bool:
    """It is the peer's commitment, signed and not revoked."""
    return numbers.number >= numbers.remote_revocations and numbers.number <= numbers.remote_commitment_number


def revoked_is_published(numbers: Numbers) -> bool:
    """It is a commitment that the peer has revoked, any one; SecretsHeld: its secret is known."""
    return numbers.number < numbers.remote_revocations and numbers.remote_secrets == numbers.remote_revocations


# --- when ---


def _is_there(numbers: Numbers) -> bool:
    return is_timed(numbers) and numbers.confirmed <= numbers.height


def _is_contested(numbers: Numbers) -> bool:
    """The spend need not be confirmed yet: ``inclusion`` blocks and what reorganisations cost are not over."""
    return is_timed(numbers) and numbers.confirmed - 1 <= numbers.height < _secured(numbers)


def _secured(numbers: Numbers) -> int:
    """Return the block in which a spend is at the latest that can be made as soon as the output is there."""
    return numbers.confirmed + numbers.inclusion + numbers.lost


def _after_expiry(numbers: Numbers) -> bool:
    return _is_there(numbers) and numbers.height >= numbers.cltv_expiry


def _after_delay(numbers: Numbers) -> bool:
    return _is_there(numbers) and numbers.height + 1 >= numbers.confirmed + numbers.to_self_delay


def _any_time(numbers: Numbers) -> bool:
    return is_timed(numbers)


def delay_outlasts_penalty(numbers: Numbers) -> bool:
    """The exact condition on ``to_self_delay``."""
    return numbers.to_self_delay > numbers.inclusion + numbers.lost


# --- a revoked commitment ---


def thief_is_late(kind: Kind, *conditions: Predicate) -> Claim:
    """The thief has no way to an output of its revoked commitment before the victim's spend is certain."""
    shape = Shape(kind, PEER)
    return Claim(
        f"the thief cannot get {_name(shape)} before",
        both(revoked_is_published, _is_contested, *conditions),
        _peer_has_only(shape, *_punishable(kind)),
    )


def is_punished() -> Iterator[Claim]:
    """Every output of a revoked commitment is the victim's, at both stages, and never the thief's before."""
    for kind in OWNED:
        shape = Shape(kind, PEER)
        for variant in _variants(shape):
            yield Claim(
                f"the victim takes {_name(variant)} at once",
                both(revoked_is_published, _is_there),
                _spends_by(variant, Use.REVOCATION),
            )
        yield thief_is_late(kind, delay_outlasts_penalty)


def is_recovered() -> Iterator[Claim]:
    """What balance security asks for of a revoked commitment: the victim takes every output in the end."""
    for kind in OWNED:
        shape = Shape(kind, PEER)
        when = _after_expiry if kind is Kind.RECEIVED_HTLC else _is_there
        for variant in _variants(shape):
            yield Claim(
                f"the victim takes {_name(variant)}",
                both(revoked_is_published, when),
                _spends_by(variant, Use.REVOCATION, *_instead(kind)),
            )
        yield thief_is_late(kind, delay_outlasts_penalty)
    yield to_remote(revoked_is_published)


def _punishable(kind: Kind) -> tuple[Use, ...]:
    """Return the thief's ways that only lead to another output which is the victim's."""
    return {Kind.OFFERED_HTLC: (Use.HTLC_TIMEOUT,), Kind.RECEIVED_HTLC: (Use.HTLC_SUCCESS,)}.get(kind, ())


def _instead(kind: Kind) -> tuple[Use, ...]:
    """Return the victim's other ways to the money (option 2 of BOLT 5)."""
    return {Kind.OFFERED_HTLC: (Use.CLAIM_WITH_PREIMAGE,), Kind.RECEIVED_HTLC: (Use.CLAIM_EXPIRED,)}.get(kind, ())


def to_remote(published: Predicate) -> Claim:
    """The honest party's balance in its peer's commitment pays its wallet without its doing anything."""
    shape = Shape(Kind.TO_REMOTE, PEER)
    return Claim(
        f"to_remote pays the wallet: {published.__doc__ and published.__doc__.splitlines()[0]}",
        both(published, _any_time),
        lambda numbers: payee(after_closing(numbers, shape).confirmed.coin) == HONEST,
    )


def is_penalty_remade() -> Iterator[Claim]:
    """A penalty for several outputs is made anew once a second-stage transaction has spent one of its inputs."""
    for kind in HTLC_OUTPUTS:
        shape = Shape(kind, PEER)
        when = _after_expiry if kind is Kind.RECEIVED_HTLC else _is_there
        yield Claim(
            f"the victim takes {_name(shape)} together with to_local",
            both(revoked_is_published, when),
            _takes_both(shape, ()),
        )
        yield Claim(
            f"the same after another HTLC was resolved ({_name(shape)})",
            both(revoked_is_published, when),
            _takes_both(shape, (_punishable(kind)[0],)),
        )


def _takes_both(shape: Shape, resolved: tuple[Use, ...]) -> Predicate:
    """Return the goal that two outputs are taken, in one transaction or in two, after such spends of other ones."""

    def goal(numbers: Numbers) -> bool:
        claims = tuple(Spend(0, shape.offerer, use, Height(numbers.confirmed)) for use in resolved)
        scene = after_closing(numbers, shape, claims)
        beside = after_closing(numbers, Shape(Kind.TO_LOCAL, PEER)).confirmed
        beside = beside._replace(outpoint=beside.outpoint._replace(vout=1))
        ledger = replace(scene.world.ledger, unspent=(scene.confirmed, beside))
        scenario = replace(scene.scenario, batched=True)
        found = all_by_honest(replace(scene.world, ledger=ledger), scenario)
        return sum(len(transaction.inputs) for transaction in found) == len(ledger.unspent)

    return goal


# --- its own balance, and what its second stage made ---


def is_withdrawn() -> Iterator[Claim]:
    """The delayed outputs of an honest party are its own, as soon as the delay is over; its peer has no way to them."""
    for kind in (Kind.TO_LOCAL, *SECOND_STAGE):
        shape = Shape(kind, HONEST)
        for variant in _variants(shape):
            yield Claim(
                f"the owner takes {_name(variant)} after the delay",
                both(own_is_published, _after_delay),
                _spends_by(variant, Use.DELAYED),
            )
        yield Claim(
            f"the peer has no way to {_name(shape)} of the owner", both(own_is_published, _any_time),
            _peer_has_only(shape),
        )
    yield to_remote(current_is_published)


# --- HTLCs that it offered ---


def is_refunded() -> Iterator[Claim]:
    """An HTLC that the honest party offered comes back after its expiry, unless the peer shows the preimage."""
    mine, theirs = Shape(Kind.OFFERED_HTLC, HONEST), Shape(Kind.RECEIVED_HTLC, PEER)
    for shape, published, use in (
        (mine, own_is_published, Use.HTLC_TIMEOUT),
        (theirs, current_is_published, Use.CLAIM_EXPIRED),
    ):
        for variant in _variants(shape):
            yield Claim(
                f"the offerer takes {_name(variant)} by {use} from the expiry on",
                both(published, _after_expiry),
                _spends_by(variant, use),
            )
        yield Claim(
            f"the recipient takes {_name(shape)} only by showing the preimage",
            both(published, _any_time),
            _peer_has_only(shape, Use.CLAIM_WITH_PREIMAGE, Use.HTLC_SUCCESS),
        )


# --- HTLCs that it received ---


def margin_suffices(numbers: Numbers) -> bool:
    """The exact condition on the margin before an expiry that a payee goes on chain with: 2R+G+S."""
    return numbers.fulfilment >= numbers.race


def forwarder_margin_suffices(numbers: Numbers) -> bool:
    """The same of a forwarder, which goes on chain as soon as it knows the preimage: 2R+S are left to it."""
    return numbers.forwarder_margin >= numbers.race


def failed_at_deadline(numbers: Numbers) -> bool:
    """The payee has failed the channel at its fulfilment deadline at the latest (FulfilDeadline)."""
    return numbers.failed <= numbers.fulfilment_deadline


def failed_when_learned(numbers: Numbers) -> bool:
    """The forwarder has failed the channel when 2R+S blocks were left at the latest (the delta between the hops)."""
    return numbers.failed + numbers.forwarder_margin <= numbers.cltv_expiry


def _is_raced(numbers: Numbers) -> bool:
    """The commitment and the claim take as long as they can, and the next block is not above the last of these."""
    since = numbers.failed + numbers.inclusion + numbers.lost_before
    return (
        is_timed(numbers)
        and numbers.lost_before <= numbers.lost
        and numbers.confirmed <= since
        and numbers.confirmed <= numbers.height
        and numbers.height < since + numbers.inclusion + (numbers.lost - numbers.lost_before)
    )


def _owed(numbers: Numbers) -> bool:
    """It has shown the preimage. StageOrder: it does so only when the peer is irrevocably committed."""
    return numbers.knows != 0 and numbers.committed != 0 and numbers.owed != 0


def _payee_in_time(numbers: Numbers) -> bool:
    """Nothing was shown yet, and the deadline is not past."""
    return (
        _is_there(numbers)
        and numbers.knows != 0
        and numbers.committed != 0
        and numbers.height < numbers.fulfilment_deadline
    )


def offerer_is_late(shape: Shape, published: Predicate, *conditions: Predicate) -> Claim:
    """The offerer's way to an HTLC that the honest party is owed opens only when the claim is certain."""
    return Claim(
        f"the offerer cannot take {_name(shape)} back from the {_role(shape)}",
        both(published, _is_raced, _owed, *conditions),
        _peer_has_only(shape),
    )


def is_claimed() -> Iterator[Claim]:
    """An HTLC that the honest party is owed is its own: it claims in time, and the peer's way opens later."""
    for shape, published, use in received():
        for margin, deadline, recipient in (
            (margin_suffices, failed_at_deadline, PAYEE),
            (forwarder_margin_suffices, failed_when_learned, PAID_ON),
        ):
            raced = both(published, _is_raced, _owed, margin, deadline)
            placed = shape._replace(downstream=recipient)
            for variant in _variants(placed):
                yield Claim(f"the {_role(placed)} claims {_name(variant)} by {use}", raced, _spends_by(variant, use))
            yield offerer_is_late(placed, published, margin, deadline)
        yield Claim(
            f"the payee claims {_name(shape)} although it has not shown the preimage before",
            both(published, _payee_in_time),
            _spends_by(shape, use),
        )


def is_kept_secret() -> Iterator[Claim]:
    """No preimage is shown on chain for an HTLC of which the honest party could not have the money."""
    for shape, published, _ in received():
        yield Claim(
            f"no preimage for {_name(shape)} while the offerer is not committed",
            both(published, _is_there, _not_committed),
            _shows_nothing(shape),
        )
        yield Claim(
            f"no preimage for {_name(shape)} once it may be too late",
            both(published, _is_there, _late),
            _shows_nothing(shape),
        )
        for state in (Downstream.OPEN, Downstream.SENT):
            yield Claim(
                f"no preimage of an own invoice for {_name(shape)} that is to be forwarded ({state.name.lower()})",
                both(published, _is_there, lambda numbers: numbers.knows != 0),
                _shows_nothing(shape._replace(downstream=state)),
            )


def _not_committed(numbers: Numbers) -> bool:
    return numbers.knows != 0 and numbers.committed == 0


def _late(numbers: Numbers) -> bool:
    ready = numbers.knows != 0 and numbers.committed != 0 and numbers.owed == 0
    return ready and numbers.height >= numbers.fulfilment_deadline


def _shows_nothing(shape: Shape) -> Predicate:
    def goal(numbers: Numbers) -> bool:
        scene = after_closing(numbers, shape)
        return broadcast_by_honest(scene.world, scene.scenario) is None

    return goal


def received() -> tuple[tuple[Shape, Predicate, Use], ...]:
    """Return where an HTLC that the honest party received can be: in its own commitment or in its peer's."""
    return (
        (Shape(Kind.RECEIVED_HTLC, HONEST), own_is_published, Use.HTLC_SUCCESS),
        (Shape(Kind.OFFERED_HTLC, PEER), current_is_published, Use.CLAIM_WITH_PREIMAGE),
    )


# --- variants ---


def _variants(shape: Shape) -> Iterator[Shape]:
    """Yield the scene, the same without anchors, after a reorganisation, and after a replacement in the mempool."""
    yield shape
    yield shape._replace(option_anchors=False)
    yield shape._replace(reopened=True)
    yield shape._replace(evicted=True)


def _name(shape: Shape) -> str:
    whose = "" if shape.owner == HONEST else " of the peer's commitment"
    notes = [
        note
        for note, there in (
            ("no anchors", not shape.option_anchors),
            ("undone", shape.reopened),
            ("replaced", shape.evicted),
        )
        if there
    ]
    return f"{shape.kind.name.lower()}{whose}" + (f" ({', '.join(notes)})" if notes else "")


def _role(shape: Shape) -> str:
    return "payee" if shape.downstream is PAYEE else "forwarder"
