"""The cap on what goes to miners counts every HTLC without an output that a node knows of, whoever offered it."""

from __future__ import annotations

from dataclasses import replace

from boltproofs.scenario_parts import ANCHORS, PUSH, with_limits
from boltspec.channel import Channel, opened
from boltspec.htlc import LOCAL, REMOTE, Htlc, Removal, Stage
from boltspec.htlcs import Htlcs
from boltspec.messages import UpdateAddHtlc
from boltspec.party import receive, send
from boltspec.scenario import small_limits
from boltspec.units import Height, Msat, Sat
from boltspec.verdict import Accepted, Refused

MOST = Msat(6_000_000)
DUST = Msat(4_000_000)
LIMITS = replace(small_limits(max_accepted_htlcs=9), dust_limit_satoshis=Sat(5_000))
PARAMS = with_limits(ANCHORS, LIMITS)
EMPTY = opened(replace(PARAMS, policy=replace(PARAMS.policy, max_dust_htlc_exposure_msat=MOST)), PUSH)


def dust(stage: Stage, removed: Stage = Stage.ABSENT) -> Htlc:
    """Return an HTLC of the peer without an output."""
    removal = Removal.FAIL if removed else Removal.NONE
    return Htlc(REMOTE, 0, DUST, 1, Height(50), stage, removal, removed)


def add(amount_msat: Msat, htlc_id: int = 0) -> UpdateAddHtlc:
    return UpdateAddHtlc(htlc_id, amount_msat, payment_hash=2, cltv_expiry=Height(50))


def with_htlc(htlc: Htlc) -> Channel:
    return replace(EMPTY, htlcs=Htlcs((htlc,)), next_local_htlc_id=0, next_remote_htlc_id=1)


def test_offerer_counts_what_the_peer_has_offered_and_not_yet_signed() -> None:
    channel = with_htlc(dust(Stage.PENDING))
    assert isinstance(send(channel, add(MOST - DUST)), Accepted)
    assert send(channel, add(MOST - DUST + Msat(1))) == Refused("B02-dust-exposure-h-01")


def test_offerer_counts_no_htlc_that_the_next_commitment_drops() -> None:
    channel = with_htlc(dust(Stage.IRREVOCABLE, Stage.PENDING))
    assert isinstance(send(channel, add(MOST)), Accepted)


def test_recipient_counts_what_it_has_offered_itself_and_not_yet_signed() -> None:
    ours = Htlc(LOCAL, 0, DUST, 1, Height(50), Stage.PENDING)
    channel = replace(EMPTY, htlcs=Htlcs((ours,)), next_local_htlc_id=1)
    for amount, too_much in ((MOST - DUST, False), (MOST - DUST + Msat(1), True)):
        verdict = receive(channel, add(amount))
        assert isinstance(verdict, Accepted)
        theirs = verdict.state.htlcs.find(REMOTE, 0)
        assert theirs is not None
        exposed = (theirs.remote_exposure_msat, theirs.local_exposure_msat)
        assert [msat > MOST for msat in exposed] == [too_much, too_much]
