"""Claims about going on chain: when an honest party gives up on its peer, and that it has something to leave with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from boltproofs.security.claim import Claim, Predicate, both
from boltproofs.security.numbers import ZERO, Numbers, is_timed
from boltproofs.security.scene import (
    HONEST,
    PEER,
    Shape,
    after_closing,
    broadcast_by_honest,
    channels,
    while_open,
)
from boltspec.chain.conditions import Kind
from boltspec.chain.enforcement import publish_commitment
from boltspec.chain.honest import look
from boltspec.chain.payments import Downstream
from boltspec.chain.transactions import Form
from boltspec.chain.world import Status
from boltspec.channel import Link, opened
from boltspec.commitment import View, is_in
from boltspec.htlc import LOCAL, REMOTE, Htlc, Removal, Stage
from boltspec.htlcs import Htlcs
from boltspec.params import MAINNET_LIMITS, Params
from boltspec.properties.accounting import STAGE_ORDER
from boltspec.units import FeeratePerKw, Height, Msat, Sat
from boltspec.verdict import Accepted

CHANNEL = Shape(Kind.FUNDING, HONEST)
"""The scene in which the funding output is unspent."""
ANY_PARAMS = Params(Sat(1_000_000), LOCAL, FeeratePerKw(1_000), True, MAINNET_LIMITS, MAINNET_LIMITS)
"""Constants on which no form of an HTLC depends."""
CURRENT = (View.LOCAL_LATEST, View.REMOTE_LATEST, View.REMOTE_PREVIOUS)
"""The commitments that can be confirmed unrevoked: the honest party's newest, and its peer's two.

The honest party publishes its newest one only, so that its previous one is on no chain."""


def has_exit() -> Iterator[Claim]:
    """While the channel is open, an honest party holds a commitment that it may publish and that miners take."""
    yield Claim("the newest commitment is not revoked", _signed_unrevoked, _newest_may_be_published)
    for anchors in (True, False):
        note = "anchors" if anchors else "no anchors"
        shape = CHANNEL._replace(option_anchors=anchors)
        yield Claim(f"who has failed the channel publishes its newest commitment ({note})", is_timed, _leaves(shape))
    yield Claim("the same after its transaction was replaced", is_timed, _leaves(CHANNEL, evicted=True))


def _signed_unrevoked(numbers: Numbers) -> bool:
    """RevokeAfterNew."""
    return numbers.local_revocations <= numbers.local_commitment_number


def _newest_may_be_published(numbers: Numbers) -> bool:
    ours, _ = channels(numbers)
    return isinstance(publish_commitment(ours, ours.local_commitment_number), Accepted)


def _leaves(shape: Shape, evicted: bool = False) -> Predicate:
    def goal(numbers: Numbers) -> bool:
        world, scenario = while_open(numbers, shape, None)
        world = replace(world, status=(Status.FAILED, Status.OPEN))
        if evicted:
            world = replace(world, evicted=tuple(pooled.transaction.txid for pooled in look(world, scenario).pool))
        found = broadcast_by_honest(world, scenario)
        return found is not None and found.txid.form is Form.COMMITMENT

    return goal


# --- what must not be published ---


def is_never_revoked() -> Iterator[Claim]:
    """An honest party never publishes a revoked commitment."""
    yield Claim("what is published is not revoked", both(_signed_unrevoked, _published), _not_revoked)


def is_never_punished() -> Iterator[Claim]:
    """The peer cannot punish a commitment that an honest party publishes: it does not have the secret."""
    yield Claim(
        "the peer does not have its secret", both(_signed_unrevoked, _published_to_ignorant_peer), _peer_has_no_secret
    )


def is_never_outdated() -> Iterator[Claim]:
    """An honest party publishes no commitment of which it cannot know whether it is revoked."""
    for link in (Link.DOWN, Link.SENT):
        yield Claim(
            f"who has lost data and has not heard from its peer publishes nothing ({link.name.lower()})",
            is_timed,
            _stays(restored=True, link=link),
        )
    yield Claim("who was told that it has lost data publishes nothing", is_timed, _stays(behind=True))


def _published(numbers: Numbers) -> bool:
    """The node publishes one of its own commitments."""
    ours, _ = channels(numbers)
    return isinstance(publish_commitment(ours, numbers.number), Accepted)


def _not_revoked(numbers: Numbers) -> bool:
    return numbers.number >= numbers.local_revocations


def _published_to_ignorant_peer(numbers: Numbers) -> bool:
    """The node publishes one of its own commitments, and its peer knows no more than was revealed to it.

    RevealsSuperseded and MonotoneNumbers: whatever was revealed belongs to a commitment that is given up.
    That nobody can derive a secret which was not revealed is cryptography and assumed (BOLT 3).
    """
    known = numbers.peer_secrets <= numbers.revealed and numbers.revealed <= numbers.local_revocations
    return known and _published(numbers)


def _peer_has_no_secret(numbers: Numbers) -> bool:
    scene = after_closing(numbers, Shape(Kind.TO_LOCAL, HONEST))
    standing = scene.world.standings[PEER]
    assert standing is not None
    return not standing.knows_secret


def _stays(restored: bool = False, link: Link = Link.UP, behind: bool = False) -> Predicate:
    def goal(numbers: Numbers) -> bool:
        world, scenario = while_open(numbers, CHANNEL, None, link=link, behind=behind)
        assert world.talk is not None
        talk = world.talk._replace(restored=(restored, False))
        world = replace(world, talk=talk, status=(Status.FAILED, Status.OPEN))
        return broadcast_by_honest(world, scenario) is None

    return goal


# --- deadlines ---


def gives_up_on_timeout() -> Iterator[Claim]:
    """The offerer has failed the channel once the timeout deadline of an HTLC is past, wherever it is pending."""
    for htlc_of, name in _pending(LOCAL):
        yield Claim(f"fails when {name} is overdue", both(is_timed, _timeout_past), _has_failed(htlc_of))
    yield Claim("no timeout deadline is before its expiry", is_timed, _after_its_expiry)


def gives_up_on_fulfilment() -> Iterator[Claim]:
    """The recipient that is owed an HTLC has failed the channel once its fulfilment deadline is past."""
    for htlc_of, name in _pending(REMOTE):
        # It has shown the preimage: the peer was irrevocably committed by then (StageOrder, NoFulfilBeforeLock).
        if htlc_of(ZERO).added is Stage.IRREVOCABLE:
            for downstream in (Downstream.NONE, Downstream.FULFILLED):
                who = "payee" if downstream is Downstream.NONE else "forwarder"
                yield Claim(
                    f"fails when the {who} is owed {name} and it is overdue",
                    both(is_timed, _fulfilment_past, _owed_by(downstream)),
                    _has_failed(htlc_of, downstream),
                )


def _timeout_past(numbers: Numbers) -> bool:
    return numbers.height >= numbers.timeout_deadline


def _after_its_expiry(numbers: Numbers) -> bool:
    """B02-cltv-delta-h-02"""
    return numbers.timeout_deadline >= numbers.cltv_expiry


def _fulfilment_past(numbers: Numbers) -> bool:
    return numbers.height >= numbers.fulfilment_deadline


def _owed_by(downstream: Downstream) -> Predicate:
    """A payee is owed what it has shown the preimage for, a forwarder also what it has paid on."""
    return lambda numbers: numbers.knows != 0 and (numbers.owed != 0 or downstream is Downstream.FULFILLED)


def _has_failed(htlc_of: Callable[[Numbers], Htlc], downstream: Downstream = Downstream.NONE) -> Predicate:
    def goal(numbers: Numbers) -> bool:
        shape = CHANNEL._replace(downstream=downstream)
        world, scenario = while_open(numbers, shape, htlc_of(numbers))
        return look(world, scenario).status[HONEST] is Status.FAILED

    return goal


def _pending(offerer: object) -> Iterator[tuple[Callable[[Numbers], Htlc], str]]:
    """Yield every lawful form of an HTLC of that offerer that is pending in a commitment which may be confirmed.

    ``Htlcs.any`` is true as soon as it is true of one: others beside it change nothing.
    """
    for added in Stage:
        for removal in Removal:
            for removed in Stage:
                sample = Htlc(offerer, 0, Msat(1), 0, Height(1), added, removal, removed)  # type: ignore[arg-type]
                channel = replace(opened(ANY_PARAMS), htlcs=Htlcs((sample,)))
                if STAGE_ORDER.holds(channel) and any(is_in(sample, view) for view in CURRENT):
                    yield _form(sample), _form_name(sample)


def _form(sample: Htlc) -> Callable[[Numbers], Htlc]:
    return lambda numbers: replace(
        sample, amount_msat=Msat(numbers.amount_msat), cltv_expiry=Height(numbers.cltv_expiry)
    )


def _form_name(htlc: Htlc) -> str:
    who = "offered" if htlc.offerer is LOCAL else "received"
    end = "" if htlc.removal is Removal.NONE else f", {htlc.removal.name.lower()} {htlc.removed.name.lower()}"
    return f"an HTLC {who} ({htlc.added.name.lower()}{end})"
