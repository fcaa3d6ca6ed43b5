"""``update_fulfill_htlc`` and ``update_fail_htlc``: who may remove an HTLC, when, and with which preimage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltspec.channel import Channel, opened
from boltspec.htlc import LOCAL, REMOTE, Htlc, Removal, Side, Stage
from boltspec.htlcs import Htlcs
from boltspec.messages import UpdateFailHtlc, UpdateFulfillHtlc
from boltspec.rules import Reaction
from boltspec.scenario import small_limits, small_params
from boltspec.units import Height, Msat
from boltspec.update import (
    receive_update_fail_htlc,
    receive_update_fulfill_htlc,
    send_update_fail_htlc,
    send_update_fulfill_htlc,
)
from boltspec.verdict import Accepted, Refused, Rejected

PREIMAGE = 7


def channel(offerer: Side, added: Stage, removal: Removal = Removal.NONE, removed: Stage = Stage.ABSENT) -> Channel:
    """A channel with one HTLC, of id 0."""
    htlc = Htlc(offerer, 0, Msat(50_000_000), PREIMAGE, Height(500), added, removal, removed)
    return replace(opened(small_params(small_limits()), Msat(400_000_000)), htlcs=Htlcs((htlc,)))


def test_recipient_fulfils_an_irrevocable_htlc() -> None:
    verdict = send_update_fulfill_htlc(channel(REMOTE, Stage.IRREVOCABLE), UpdateFulfillHtlc(0, PREIMAGE))
    assert isinstance(verdict, Accepted)
    (htlc,) = verdict.state.htlcs.items
    assert (htlc.removal, htlc.removed) == (Removal.FULFILL, Stage.PENDING)


def test_recipient_fails_an_irrevocable_htlc() -> None:
    verdict = send_update_fail_htlc(channel(REMOTE, Stage.IRREVOCABLE), UpdateFailHtlc(0))
    assert isinstance(verdict, Accepted)
    (htlc,) = verdict.state.htlcs.items
    assert (htlc.removal, htlc.removed) == (Removal.FAIL, Stage.PENDING)


@pytest.mark.parametrize("stage", [Stage.PENDING, Stage.COMMITTED, Stage.ACKED, Stage.ACK_COMMITTED])
def test_recipient_waits_until_both_are_irrevocably_committed(stage: Stage) -> None:
    before = channel(REMOTE, stage)
    for verdict in (
        send_update_fulfill_htlc(before, UpdateFulfillHtlc(0, PREIMAGE)),
        send_update_fail_htlc(before, UpdateFailHtlc(0)),
    ):
        assert verdict == Refused("B02-removing-htlc-n-03")


@pytest.mark.parametrize(
    ("before", "htlc_id"),
    [
        (channel(REMOTE, Stage.IRREVOCABLE), 1),
        (channel(LOCAL, Stage.IRREVOCABLE), 0),
        (channel(REMOTE, Stage.IRREVOCABLE, Removal.FAIL, Stage.PENDING), 0),
    ],
    ids=["unknown", "offered by ourselves", "removed already"],
)
def test_an_htlc_is_removed_once_and_by_its_recipient(before: Channel, htlc_id: int) -> None:
    assert send_update_fail_htlc(before, UpdateFailHtlc(htlc_id)) == Refused("D02-removing-htlc-s-01")
    assert send_update_fulfill_htlc(before, UpdateFulfillHtlc(htlc_id, PREIMAGE)) == Refused("D02-removing-htlc-s-01")


@pytest.mark.parametrize("preimage", [PREIMAGE - 1, PREIMAGE + 1])
def test_recipient_shows_no_other_preimage(preimage: int) -> None:
    before = channel(REMOTE, Stage.IRREVOCABLE)
    assert send_update_fulfill_htlc(before, UpdateFulfillHtlc(0, preimage)) == Refused("D02-removing-htlc-s-02")


@pytest.mark.parametrize("stage", [Stage.ACK_COMMITTED, Stage.IRREVOCABLE])
def test_offerer_takes_a_removal_of_what_its_current_commitment_has(stage: Stage) -> None:
    before = channel(LOCAL, stage)
    assert isinstance(receive_update_fulfill_htlc(before, UpdateFulfillHtlc(0, PREIMAGE)), Accepted)
    assert isinstance(receive_update_fail_htlc(before, UpdateFailHtlc(0)), Accepted)


@pytest.mark.parametrize(
    ("before", "htlc_id"),
    [
        (channel(LOCAL, Stage.ACKED), 0),
        (channel(LOCAL, Stage.IRREVOCABLE), 1),
        (channel(REMOTE, Stage.IRREVOCABLE), 0),
        (channel(LOCAL, Stage.IRREVOCABLE, Removal.FULFILL, Stage.PENDING), 0),
    ],
    ids=["not in the current commitment yet", "unknown", "offered by the peer", "removed already"],
)
def test_offerer_rejects_a_removal_of_anything_else(before: Channel, htlc_id: int) -> None:
    rejected = Rejected("B02-removing-htlc-r-01", Reaction.WARN_OR_FAIL)
    assert receive_update_fail_htlc(before, UpdateFailHtlc(htlc_id)) == rejected
    assert receive_update_fulfill_htlc(before, UpdateFulfillHtlc(htlc_id, PREIMAGE)) == rejected


@pytest.mark.parametrize("preimage", [PREIMAGE - 1, PREIMAGE + 1])
def test_offerer_rejects_a_wrong_preimage(preimage: int) -> None:
    verdict = receive_update_fulfill_htlc(channel(LOCAL, Stage.IRREVOCABLE), UpdateFulfillHtlc(0, preimage))
    assert verdict == Rejected("B02-removing-htlc-r-02", Reaction.WARN_OR_FAIL)
