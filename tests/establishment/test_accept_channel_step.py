"""accept_channel: what may be sent, what is taken, and the nearest message that is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltspec.establishment.channel_type import STATIC_REMOTEKEY
from boltspec.establishment.limits import Policy
from boltspec.establishment.messages import AcceptChannel, ShutdownScript
from boltspec.establishment.scenario import ACCEPT_CHANNEL, OPEN_CHANNEL, UNCONFIRMED, nodes
from boltspec.establishment.state import Awaited, Establishment
from boltspec.establishment.steps import receive, send
from boltspec.units import Blocks, Msat, Sat
from boltspec.verdict import Accepted, Refused


def changed(**changes: Any) -> AcceptChannel:
    return replace(ACCEPT_CHANNEL, **changes)


def with_limits(**changes: Any) -> AcceptChannel:
    return changed(limits=replace(ACCEPT_CHANNEL.limits, **changes))


LIMITS: list[tuple[AcceptChannel, AcceptChannel, str | None, str | None]] = [
    (changed(minimum_depth=Blocks(100)), changed(minimum_depth=Blocks(101)), None, "B02-accept-channel-r-01"),
    (changed(minimum_depth=Blocks(3)), changed(minimum_depth=Blocks(2)), "B02-accept-channel-s-03", None),
    (with_limits(channel_reserve_satoshis=Sat(1_000), dust_limit_satoshis=Sat(354)),
     with_limits(channel_reserve_satoshis=Sat(999), dust_limit_satoshis=Sat(354)),
     "B02-accept-channel-s-04", "B02-accept-channel-r-02"),
    (with_limits(dust_limit_satoshis=Sat(10_000), channel_reserve_satoshis=Sat(11_000)),
     with_limits(dust_limit_satoshis=Sat(10_001), channel_reserve_satoshis=Sat(11_000)),
     "B02-accept-channel-s-05", "B02-accept-channel-r-03"),
    (ACCEPT_CHANNEL, changed(channel_type=None), "B02-accept-channel-s-06", "B02-accept-channel-r-04"),
    (ACCEPT_CHANNEL, changed(channel_type=STATIC_REMOTEKEY), "B02-accept-channel-s-06", "B02-accept-channel-r-05"),
    (ACCEPT_CHANNEL, changed(temporary_channel_id=2), "B02-accept-channel-s-01", "D02-channel-establishment-r-02"),
    (ACCEPT_CHANNEL, changed(keys_valid=False), "B02-open-channel-s-06", "B02-open-channel-r-18"),
    (ACCEPT_CHANNEL, changed(first_per_commitment_point=1), "B02-open-channel-s-07", None),
    (with_limits(dust_limit_satoshis=Sat(8_000)), with_limits(dust_limit_satoshis=Sat(8_001)),
     "B02-open-channel-s-08", "B02-open-channel-r-19"),
    (ACCEPT_CHANNEL, changed(upfront_shutdown_script=ShutdownScript.INVALID), "B02-open-channel-s-10", None),
    (with_limits(max_accepted_htlcs=483), with_limits(max_accepted_htlcs=484),
     "D02-open-channel-s-01", "B02-open-channel-r-16"),
    (with_limits(dust_limit_satoshis=Sat(354)), with_limits(dust_limit_satoshis=Sat(353)),
     "B02-open-channel-s-20", "B02-open-channel-r-20"),
    (with_limits(htlc_minimum_msat=Msat(100_000)), with_limits(htlc_minimum_msat=Msat(100_001)),
     None, "B02-open-channel-r-08"),
    (with_limits(to_self_delay=Blocks(2_016)), with_limits(to_self_delay=Blocks(2_017)),
     None, "B02-open-channel-r-15"),
]  # fmt: skip
"""Message within a limit, message just beyond it, the rules of sender and receiver that it breaks."""


@pytest.mark.parametrize(("within", "beyond", "refused", "rejected"), LIMITS, ids=lambda value: str(value)[-7:])
def test_each_limit_holds_exactly(
    pair: Any, within: AcceptChannel, beyond: AcceptChannel, refused: str | None, rejected: str | None
) -> None:
    pair = pair.opener_sends(OPEN_CHANNEL)
    assert pair.refused_to_accepter(within) is None
    assert pair.rejected_by_opener(within) is None
    assert pair.refused_to_accepter(beyond) == refused
    assert pair.rejected_by_opener(beyond) == rejected


def test_unconfirmed_channel_has_depth_zero() -> None:
    kind = frozenset({12, 22, 50})
    state = Establishment(nodes(UNCONFIRMED, Policy(trusts_unconfirmed=True))[0])
    proposed = receive(state, replace(OPEN_CHANNEL, channel_type=kind))
    assert isinstance(proposed, Accepted)
    for depth, wanted in ((0, Accepted), (1, Refused)):
        assert isinstance(send(proposed.state, changed(channel_type=kind, minimum_depth=Blocks(depth))), wanted)


def test_both_nodes_await_funding_created_afterwards(pair: Any) -> None:
    pair = pair.with_terms()
    assert pair.opener.awaited is pair.accepter.awaited is Awaited.FUNDING_CREATED
