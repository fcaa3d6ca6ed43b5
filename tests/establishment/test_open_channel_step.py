"""open_channel: what may be sent, what is taken, and the nearest message that is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltspec.establishment.channel_type import ANCHORS, STATIC_REMOTEKEY, Feature
from boltspec.establishment.limits import Policy
from boltspec.establishment.messages import OpenChannel, ShutdownScript
from boltspec.establishment.scenario import ALIASING, OPEN_CHANNEL, UNCONFIRMED, USED_ID, USUAL, nodes
from boltspec.establishment.state import Awaited, Establishment, Role
from boltspec.establishment.steps import receive, send
from boltspec.fees import COMMITMENT_WEIGHT_ANCHORS
from boltspec.rules import Reaction
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat
from boltspec.verdict import Accepted, Refused, Rejected

CAPACITY_MSAT = 1_000_000_000
SPARE_MSAT = CAPACITY_MSAT - (COMMITMENT_WEIGHT_ANCHORS + 2 * 330) * 1_000
"""What the opener can push at a feerate of 1000 and still pay fee and anchors."""
LARGE = USUAL | {Feature.OPTION_SUPPORT_LARGE_CHANNEL}


def with_limits(**changes: Any) -> OpenChannel:
    return replace(OPEN_CHANNEL, limits=replace(OPEN_CHANNEL.limits, **changes))


def changed(**changes: Any) -> OpenChannel:
    return replace(OPEN_CHANNEL, **changes)


def small(push_msat: int) -> OpenChannel:
    return changed(funding_satoshis=Sat(20_000), push_msat=Msat(push_msat))


BOTH: list[tuple[OpenChannel, OpenChannel, str | None, str | None]] = [
    (changed(funding_satoshis=Sat((1 << 24) - 1)), changed(funding_satoshis=Sat(1 << 24)),
     "B02-open-channel-s-04", "B02-open-channel-r-23"),
    (changed(keys_valid=True), changed(keys_valid=False), "B02-open-channel-s-06", "B02-open-channel-r-18"),
    (with_limits(dust_limit_satoshis=Sat(10_000)), with_limits(dust_limit_satoshis=Sat(10_001)),
     "B02-open-channel-s-08", "B02-open-channel-r-19"),
    (changed(channel_flags=0), changed(channel_flags=2), "B02-open-channel-s-09", None),
    (changed(upfront_shutdown_script=ShutdownScript.VALID), changed(upfront_shutdown_script=ShutdownScript.INVALID),
     "B02-open-channel-s-10", None),
    (changed(channel_type=STATIC_REMOTEKEY), changed(channel_type=None),
     "B02-open-channel-s-13", "B02-open-channel-r-02"),
    (changed(channel_type=ANCHORS), changed(channel_type=frozenset({Feature.OPTION_ANCHORS})),
     "B02-open-channel-s-14", "B02-open-channel-r-24"),
    (changed(channel_flags=0), changed(channel_flags=0, channel_type=ANCHORS | {Feature.OPTION_SCID_ALIAS}),
     "B02-open-channel-s-16", "B02-open-channel-r-24"),
    (changed(chain_hash=0), changed(chain_hash=1), "B02-open-channel-s-01", "B02-open-channel-r-13"),
    (changed(temporary_channel_id=2), changed(temporary_channel_id=USED_ID), "B02-open-channel-s-02", None),
    (changed(first_per_commitment_point=0), changed(first_per_commitment_point=1), "B02-open-channel-s-07", None),
    (with_limits(dust_limit_satoshis=Sat(354)), with_limits(dust_limit_satoshis=Sat(353)),
     "B02-open-channel-s-20", "B02-open-channel-r-20"),
    (with_limits(max_accepted_htlcs=483), with_limits(max_accepted_htlcs=484),
     "D02-open-channel-s-01", "B02-open-channel-r-16"),
    (changed(push_msat=Msat(SPARE_MSAT)), changed(push_msat=Msat(SPARE_MSAT + 1)),
     "D02-open-channel-s-02", "B02-open-channel-r-21"),
    (small(10_000_001), small(10_000_000), "D02-open-channel-s-03", "B02-open-channel-r-22"),
    (with_limits(to_self_delay=Blocks(6)), with_limits(to_self_delay=Blocks(5)), "B02-open-channel-s-18", None),
    (changed(feerate_per_kw=FeeratePerKw(253)), changed(feerate_per_kw=FeeratePerKw(252)),
     "B02-open-channel-s-19", "B02-open-channel-r-17"),
    (changed(feerate_per_kw=FeeratePerKw(50_000)), changed(feerate_per_kw=FeeratePerKw(50_001)),
     None, "B02-open-channel-r-17"),
    (with_limits(htlc_minimum_msat=Msat(100_000)), with_limits(htlc_minimum_msat=Msat(100_001)),
     None, "B02-open-channel-r-08"),
    (with_limits(max_htlc_value_in_flight_msat=Msat(1_000_000)),
     with_limits(max_htlc_value_in_flight_msat=Msat(999_999)), None, "B02-open-channel-r-09"),
    (with_limits(channel_reserve_satoshis=Sat(50_000)), with_limits(channel_reserve_satoshis=Sat(50_001)),
     None, "B02-open-channel-r-10"),
    (with_limits(max_accepted_htlcs=1), with_limits(max_accepted_htlcs=0), None, "B02-open-channel-r-11"),
    (with_limits(dust_limit_satoshis=Sat(20_000), channel_reserve_satoshis=Sat(20_000)),
     with_limits(dust_limit_satoshis=Sat(20_001), channel_reserve_satoshis=Sat(20_001)),
     None, "B02-open-channel-r-12"),
    (with_limits(to_self_delay=Blocks(2_016)), with_limits(to_self_delay=Blocks(2_017)),
     None, "B02-open-channel-r-15"),
    (changed(funding_satoshis=Sat(20_000), push_msat=Msat(0)), changed(funding_satoshis=Sat(19_999), push_msat=Msat(0)),
     None, "B02-open-channel-r-07"),
]  # fmt: skip
"""Message within a limit, message just beyond it, the rules of sender and receiver that it breaks."""


@pytest.mark.parametrize(("within", "beyond", "refused", "rejected"), BOTH, ids=lambda value: str(value)[-7:])
def test_each_limit_holds_exactly(
    pair: Any, within: OpenChannel, beyond: OpenChannel, refused: str | None, rejected: str | None
) -> None:
    assert pair.refused_to_opener(within) is None
    assert pair.rejected_by_accepter(within) is None
    assert pair.refused_to_opener(beyond) == refused
    assert pair.rejected_by_accepter(beyond) == rejected


def test_push_over_the_funding_amount_is_named_as_such(pair: Any) -> None:
    over = changed(push_msat=Msat(CAPACITY_MSAT + 1))
    assert pair.refused_to_opener(over) == "B02-open-channel-s-05"
    assert pair.rejected_by_accepter(over) == "B02-open-channel-r-14"


@pytest.mark.parametrize(
    ("features", "policy", "message", "refused", "rejected"),
    [
        (USUAL | {Feature.OPTION_DUAL_FUND}, Policy(), OPEN_CHANNEL, "B02-open-channel2-p-01", "B02-open-channel-r-05"),
        (LARGE, Policy(), changed(funding_satoshis=Sat(1 << 24)), None, None),
        (USUAL, Policy(wants_public=True), OPEN_CHANNEL, None, None),
        (USUAL, Policy(wants_public=True), changed(channel_flags=0), None, "B02-open-channel-r-06"),
        (USUAL, Policy(wants_public=True), changed(channel_flags=2), "B02-open-channel-s-09", "B02-open-channel-r-06"),
        (ALIASING, Policy(), changed(channel_flags=0, channel_type=ANCHORS | {46}), None, None),
        (ALIASING, Policy(), changed(channel_type=ANCHORS | {46}), "B02-open-channel-s-17", "B02-open-channel-r-24"),
        (UNCONFIRMED, Policy(), changed(channel_type=ANCHORS | {50}), None, "B02-open-channel-r-25"),
        (UNCONFIRMED, Policy(trusts_unconfirmed=True), changed(channel_type=ANCHORS | {50}), None, None),
        (frozenset({Feature.OPTION_ANCHORS}), Policy(), changed(upfront_shutdown_script=ShutdownScript.INVALID),
         None, None),
        (frozenset({Feature.OPTION_ANCHORS}), Policy(), changed(upfront_shutdown_script=None),
         "B02-open-channel-s-12", None),
    ],
)  # fmt: skip
def test_features_and_wishes_decide(
    features: frozenset[Feature], policy: Policy, message: OpenChannel, refused: str | None, rejected: str | None
) -> None:
    state = Establishment(nodes(features, policy)[0])
    sent, received = send(state, message), receive(state, message)
    assert (sent.rule if isinstance(sent, Refused) else None) == refused
    assert (received.rule if isinstance(received, Rejected) else None) == rejected


def test_one_node_alone_advertises_large_channels() -> None:
    node = nodes(LARGE)[0]
    large = changed(funding_satoshis=Sat(1 << 24))
    asking = Establishment(replace(node, peer_features=USUAL))
    assert send(asking, large) == Refused("B02-open-channel-s-04")
    assert isinstance(receive(asking, large), Accepted)


def test_both_nodes_await_accept_channel_afterwards(pair: Any) -> None:
    pair = pair.opener_sends(OPEN_CHANNEL)
    assert (pair.opener.role, pair.accepter.role) == (Role.OPENER, Role.ACCEPTER)
    assert pair.opener.awaited is pair.accepter.awaited is Awaited.ACCEPT_CHANNEL


def test_every_rejection_fails_the_channel(pair: Any) -> None:
    for _, beyond, _, rejected in BOTH:
        if rejected is not None:
            assert receive(pair.accepter, beyond) == Rejected(rejected, Reaction.FAIL_CHANNEL)
