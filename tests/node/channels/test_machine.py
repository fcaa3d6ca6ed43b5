"""Two machines open a channel, pay, give back, lose the connection at every message, and close, in bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltnode.channels.happenings import Failed, GivenBack, Paid, Unsent
from boltnode.channels.record import Closer
from boltspec.closing.messages import FeeRange
from boltspec.closing.state import ClosingPolicy
from boltspec.lifetime.state import End
from boltspec.lifetime.steps import may_publish_commitment
from boltspec.units import Sat
from boltwire.codec import decode_message
from boltwire.messages import ClosingComplete, CommitmentSigned, RevokeAndAck, Warning  # noqa: A004  # BOLT 1's name
from boltwire.transaction import parse_transaction

PAID = 50_000_000


def told(pair: Any, seat: int, kind: type) -> list[Any]:
    return [entry for entry in pair.sides[seat].told if isinstance(entry, kind)]


def test_htlc_is_offered_claimed_and_settled_both_ways(pair: Any) -> None:
    before = pair.balances()
    for seat in (0, 1):
        assert pair.offer(seat) is None
        pair.talk()
        pair.decide(1 - seat)
        pair.talk()
        assert [entry.preimage for entry in told(pair, seat, Paid)] == [b"\7" * 32]
        moved = PAID if seat == 0 else 0
        assert pair.balances() == (before[0] - moved, before[1] + moved)
    for side in pair.sides:
        assert (side.record.offered, side.record.received, side.record.life.channel.htlcs.items) == ((), (), ())
    assert pair.a.channel.local_commitment_number == 4


def test_htlc_that_is_given_back_tells_the_payer_why(pair: Any) -> None:
    before = pair.balances()
    pair.offer(0)
    pair.talk()
    pair.give_back(1)
    pair.talk()
    (failure,) = told(pair, 0, GivenBack)
    assert failure.failure == "incorrect_or_unknown_payment_details"
    assert told(pair, 0, Paid) == []
    assert pair.balances() == before


def test_channel_refuses_what_the_specification_refuses(pair: Any) -> None:
    before = pair.a.record
    assert pair.offer(0, 900_000_000).rule.startswith("B02-adding-htlc-s")
    assert pair.a.record is before


@pytest.mark.parametrize("restarted", [None, 0, 1])
@pytest.mark.parametrize("carried", range(1, 13))
def test_payment_survives_a_connection_that_is_lost_at_any_message(
    pair: Any, carried: int, restarted: int | None
) -> None:
    before = pair.balances()
    pair.offer(0)
    pair.talk(most=carried)
    pair.decide(1)
    pair.talk(most=max(0, carried - 6))
    for _ in (1, 2):
        if restarted is not None:
            pair.sides[restarted].restart()
        pair.reconnect()
        pair.talk()
        pair.decide(1)
        pair.talk()
    for side in pair.sides:
        assert side.record.life.end is End.NONE, side.record.failure
    assert len(told(pair, 0, Paid)) >= 1
    assert pair.balances() == (before[0] - PAID, before[1] + PAID)


def test_offer_that_no_signature_covered_is_forgotten_with_the_connection(pair: Any) -> None:
    pair.offer(0)
    pair.reconnect()
    pair.talk()
    (unsent,) = told(pair, 0, Unsent)
    assert unsent.payment_hash == hashlib.sha256(b"\7" * 32).digest()
    assert pair.sides[0].record.offered == ()
    assert pair.offer(0) is None  # with the same id


@pytest.mark.parametrize("simple_close", [False, True])
def test_channel_is_closed_together(new_pair: Callable[..., Any], simple_close: bool) -> None:
    pair = new_pair(simple_close=simple_close).open()
    pair.a.close(pair.a.life.policy)
    pair.talk()
    first, second = (side.transactions for side in pair.sides)
    assert set(first) == set(second)
    assert len(first) == (2 if simple_close else 1)
    for raw in first:
        transaction = parse_transaction(raw)
        assert {output.script_pubkey[2] for output in transaction.outputs} == {21, 22}
    assert pair.a.record.closer is Closer.LOCAL
    assert pair.b.record.closer is Closer.REMOTE


def test_close_waits_for_the_htlcs(pair: Any) -> None:
    pair.offer(0)
    pair.talk()
    pair.b.close(pair.b.life.policy)
    pair.talk()
    assert pair.sides[0].transactions == []
    pair.decide(1)
    pair.talk()
    assert pair.sides[0].transactions != []


def test_close_goes_on_after_a_lost_connection(pair: Any) -> None:
    script = pair.a.life.policy.script
    pair.a.close(ClosingPolicy(script, Sat(2_000), FeeRange(Sat(500), Sat(5_000))))
    pair.talk(most=1)
    pair.reconnect()
    pair.talk()
    assert pair.sides[0].transactions != []


def test_connection_is_closed_over_a_proposal_for_another_script_and_nothing_else_is_said(pair: Any) -> None:
    pair.a.close(pair.a.life.policy)
    while True:
        for side in pair.sides:
            side.machine.speak()
        letters = [(seat, decode_message(data)) for seat in (0, 1) for data in pair.sides[seat].flush()]
        proposal = next((message for _, message in letters if isinstance(message, ClosingComplete)), None)
        if proposal is not None:
            break
        for seat, message in letters:
            pair.sides[1 - seat].machine.hear(message)
    pair.b.hear(replace(proposal, closee_scriptpubkey=b"\0\x14" + bytes(20)))
    pair.b.speak()
    (warning,) = [decode_message(data) for data in pair.sides[1].flush()]
    assert isinstance(warning, Warning)
    assert warning.data.startswith(b"B02-closing-complete-k-02")
    assert pair.sides[1].hung_up is not None
    pair.reconnect()
    pair.talk()
    assert pair.sides[0].transactions != []


def hear_all(pair: Any, seat: int, corrupt: Callable[[Any], bytes]) -> None:
    """Let one side hear what the other has to say now, each message with some of its bytes replaced."""
    speaker, hearer = pair.sides[1 - seat], pair.sides[seat]
    speaker.machine.speak()
    for data in speaker.flush():
        message = decode_message(data)
        taken = corrupt(message)
        hearer.machine.hear(decode_message(data.replace(taken, b"\1" * len(taken)) if taken else data))


def as_said(_: object) -> bytes:
    return b""


def test_bad_signature_fails_the_channel(pair: Any) -> None:
    pair.offer(0)
    hear_all(pair, 1, lambda message: message.signature if isinstance(message, CommitmentSigned) else b"")
    hear_all(pair, 0, as_said)
    (failure,) = told(pair, 1, Failed)
    assert failure.reason.startswith("B02-commitment-signed-r-01")
    assert may_publish_commitment(pair.b.life)


def test_wrong_secret_fails_the_channel(pair: Any) -> None:
    pair.offer(0)
    hear_all(pair, 1, as_said)
    hear_all(pair, 0, lambda message: message.per_commitment_secret if isinstance(message, RevokeAndAck) else b"")
    hear_all(pair, 1, as_said)
    (failure,) = told(pair, 0, Failed)
    assert failure.reason.startswith("B02-revoke-and-ack-r-01")


def test_feerate_is_changed_by_the_opener_only(pair: Any) -> None:
    assert pair.a.change_fee(1_500) is None
    pair.talk()
    held = pair.b.record.held
    assert held.commitment.feerate_per_kw == 1_500
    assert pair.b.change_fee(2_000).rule == "B02-update-fee-e-01"
