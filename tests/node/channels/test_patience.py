"""What a peer owes us about a channel, and what is done if it does not come: read off two machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltnode.channels.patience import Wait, awaited
from boltnode.peers.limits import PeerLimits
from boltspec.closing.messages import FeeRange
from boltspec.closing.state import ClosingPolicy
from boltspec.lifetime.awaiting import Awaiting, Consequence
from boltspec.lifetime.state import End
from boltspec.units import Sat
from boltwire.codec import decode_message

LIMITS = replace(PeerLimits(), answer_seconds=7.0, proposal_seconds=70.0)
HANG_UP, FAIL = Consequence.HANG_UP, Consequence.FAIL


def wait(pair: Any, seat: int) -> Wait | None:
    return awaited(pair.sides[seat].machine, LIMITS)


def say(pair: Any, seat: int) -> None:
    """Let one side hear what the other has to say now."""
    pair.sides[seat].machine.speak()
    for data in pair.sides[seat].flush():
        pair.sides[1 - seat].machine.hear(decode_message(data))


def test_nothing_is_awaited_of_a_peer_that_has_answered(pair: Any) -> None:
    pair.offer(0)
    pair.talk()
    pair.decide(1)
    pair.talk()
    assert wait(pair, 0) is wait(pair, 1) is None


def test_revoke_and_ack_is_awaited_for_each_commitment(pair: Any) -> None:
    pair.offer(0)
    pair.a.speak()
    assert wait(pair, 0) == Wait(Awaiting("revoke_and_ack", 0, HANG_UP), 7.0)
    pair.talk()
    pair.offer(0)
    pair.a.speak()
    second = wait(pair, 0)
    assert second is not None
    assert second.owed.number > 0


def test_reestablish_is_awaited_after_a_reconnection_until_it_comes(pair: Any) -> None:
    pair.reconnect()
    pair.a.speak()
    assert wait(pair, 0) == Wait(Awaiting("channel_reestablish", 0, HANG_UP), 7.0)
    pair.talk()
    assert wait(pair, 0) is None


def test_fundee_waits_for_funding_created(new_pair: Callable[..., Any]) -> None:
    pair = new_pair()
    assert wait(pair, 0) is wait(pair, 1) is None
    pair.open()
    assert wait(pair, 0) is wait(pair, 1) is None


def test_funder_fails_the_channel_without_an_answer_to_its_closing_signed(new_pair: Callable[..., Any]) -> None:
    pair = new_pair(simple_close=False).open()
    pair.a.close(pair.a.life.policy)
    for seat in (0, 1, 0):
        say(pair, seat)  # both shutdowns, and the first fee
    found = wait(pair, 0)
    assert found is not None
    assert (found.owed.message, found.owed.consequence) == ("closing_signed", FAIL)
    say(pair, 1)
    assert wait(pair, 0) is None


def test_fundee_parts_with_a_funder_that_proposes_no_fee(new_pair: Callable[..., Any]) -> None:
    pair = new_pair(simple_close=False).open()
    pair.b.close(pair.b.life.policy)
    say(pair, 1)
    pair.a.speak()
    shutdown, first_fee = map(decode_message, pair.sides[0].flush())
    pair.b.hear(shutdown)
    assert wait(pair, 1) == Wait(Awaiting("closing_signed", 0, HANG_UP), 7.0)
    pair.b.hear(first_fee)
    assert wait(pair, 1) is None


@pytest.mark.parametrize(("most", "disputed"), [(300, True), (2_000, False)], ids=["nothing in common", "in common"])
def test_fundee_fails_the_channel_if_no_better_range_comes(
    most: int, disputed: bool, new_pair: Callable[..., Any]
) -> None:
    """The funder's range has nothing in common with what the fundee takes (B02-closing-signed-r-07, -r-08)."""
    pair = new_pair(simple_close=False).open()
    pair.b.close(ClosingPolicy(pair.b.life.policy.script, Sat(1_000), FeeRange(Sat(500), Sat(5_000))))
    pair.a.close(ClosingPolicy(pair.a.life.policy.script, Sat(200), FeeRange(Sat(100), Sat(most))))
    for seat in (0, 1, 0):
        say(pair, seat)
    assert pair.b.disputes_range is disputed
    found = wait(pair, 1)
    assert (found is not None and found.owed.consequence is FAIL) is disputed


@pytest.mark.parametrize(("least", "fails"), [(100_000_000, True), (100, False)], ids=["beyond its means", "payable"])
def test_funder_fails_the_channel_rather_than_wait_for_ever_with_a_fee_that_it_cannot_pay(
    least: int, fails: bool, new_pair: Callable[..., Any]
) -> None:
    """A peer that waits for the funder's ``closing_signed`` (D02-closing-signed-f-01) is told instead."""
    pair = new_pair(simple_close=False).open()
    pair.a.close(ClosingPolicy(pair.a.life.policy.script, Sat(least), FeeRange(Sat(least), Sat(least))))
    for seat in (0, 1):
        say(pair, seat)
    pair.a.speak()
    assert pair.a.life.end is (End.FAILED if fails else End.NONE)
    said = [type(decode_message(data)).__name__ for data in pair.sides[0].flush()]
    assert said == (["Error"] if fails else ["ClosingSigned"])
    assert ("least closing fee" in pair.a.record.failure) is fails
