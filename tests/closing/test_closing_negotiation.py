"""closing_signed, closing_complete and closing_sig: each guard's nearest accept and reject."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltproofs.closing_scenarios import CLOSE_SIMPLE, LEGACY, OTHER_A, SCRIPT_A, SCRIPT_B, STRANGER, UNKNOWN, fees
from boltspec.closing import legacy, simple
from boltspec.closing.messages import (
    ClosingComplete,
    ClosingSig,
    ClosingSignature,
    ClosingSigned,
    ClosingTlvs,
    FeeRange,
    Shutdown,
)
from boltspec.closing.shutdown import receive_shutdown, send_shutdown
from boltspec.closing.state import Closing
from boltspec.closing.transaction import ClosingDetails, ClosingTx, Payout, Variant
from boltspec.closing.world import initial
from boltspec.htlc import LOCAL, REMOTE
from boltspec.rules import Reaction
from boltspec.units import Msat, Sat
from boltspec.verdict import Accepted, Refused, Rejected

ONLY_CLOSER, ONLY_CLOSEE, BOTH = Variant
BAD = ClosingSignature(None)


def taken(verdict: Any) -> Closing:
    assert isinstance(verdict, Accepted), verdict
    assert isinstance(verdict.state, Closing)
    return verdict.state


def rule(verdict: Any) -> str:
    assert isinstance(verdict, Refused | Rejected), verdict
    return verdict.rule


def shut(scenario: Any) -> tuple[Closing, Closing]:
    first, second = initial(scenario).nodes
    first, second = taken(send_shutdown(first, Shutdown(SCRIPT_A))), taken(send_shutdown(second, Shutdown(SCRIPT_B)))
    first = taken(receive_shutdown(first, Shutdown(SCRIPT_B)))
    return first, taken(receive_shutdown(second, Shutdown(SCRIPT_A)))


A, B = shut(LEGACY)
SIMPLE_A, SIMPLE_B = shut(CLOSE_SIMPLE)


def signed(node: Closing, fee: int, fee_range: FeeRange | None = None) -> ClosingSigned:
    return ClosingSigned(Sat(fee), ClosingSignature(legacy.transaction(node, Sat(fee), LOCAL)), fee_range)


def opened_with(fee: int, fee_range: FeeRange | None = None) -> Closing:
    return taken(legacy.send_closing_signed(A, signed(A, fee, fee_range)))


# --- closing_signed ---


def test_fee_comes_off_the_funder_and_outputs_are_rounded_down() -> None:
    """B03-legacy-closing-tx-s-01, B03-legacy-closing-tx-s-02"""
    channel = replace(A.channel, local_msat=Msat(600_000_999), remote_msat=Msat(399_999_001))
    tx = legacy.transaction(replace(A, channel=channel), Sat(4), LOCAL)
    assert tx == ClosingTx((Payout(Sat(399_999), SCRIPT_B), Payout(Sat(599_996), SCRIPT_A)))


def test_signer_proposes_within_its_range() -> None:
    assert [fee for fee in range(1, 9) if isinstance(legacy.send_closing_signed(A, signed(A, fee)), Accepted)] == [
        2, 3, 4, 5, 6
    ]  # fmt: skip
    assert rule(legacy.send_closing_signed(A, signed(A, 7))) == "B02-closing-signed-s-02"
    unsigned = replace(signed(A, 4), signature=BAD)
    assert rule(legacy.send_closing_signed(A, unsigned)) == "B02-closing-signed-s-04"


def test_funder_opens_and_then_waits() -> None:
    assert rule(legacy.send_closing_signed(B, signed(B, 4))) == "D02-closing-signed-s-02"
    assert rule(legacy.send_closing_signed(opened_with(4), signed(A, 4))) == "D02-closing-signed-s-02"
    assert rule(legacy.receive_closing_signed(A, signed(B, 4))) == "D02-closing-signed-r-02"
    assert legacy.next_closing_signed(B) is None


@pytest.mark.parametrize(("fee", "accepted"), [(4, True), (5, False)])
def test_agreed_fee_may_be_repeated_and_changes_nothing(fee: int, accepted: bool) -> None:
    """BOLT 2 can be read so that the funder confirms a fee which it has named itself."""
    funder, fundee = shut(LEGACY)
    opening = signed(funder, 4, fees(2, 6))
    fundee = taken(legacy.receive_closing_signed(fundee, opening))
    fundee = taken(legacy.send_closing_signed(fundee, signed(fundee, 4, legacy.acceptable(fundee))))
    assert fundee.turn is None
    verdict = legacy.receive_closing_signed(fundee, signed(funder, fee, fees(2, 6)))
    assert verdict == Accepted(fundee) if accepted else rule(verdict) == "D02-closing-signed-r-02"
    unsigned = ClosingSigned(Sat(4), ClosingSignature(None))
    assert rule(legacy.receive_closing_signed(fundee, unsigned)) == "B02-closing-signed-r-01"


@pytest.mark.parametrize(("balance", "fee"), [(3, 3), (2, 2), (4, 4), (9, 4)])
def test_funder_proposes_its_fee_or_all_that_it_has(balance: int, fee: int) -> None:
    node, _ = shut(replace(LEGACY, push_msat=Msat(1_000_000_000 - 1_000 * balance)))
    proposed = legacy.next_closing_signed(node)
    assert proposed is not None
    assert proposed.fee_satoshis == Sat(fee)
    assert isinstance(legacy.send_closing_signed(node, proposed), Accepted)


@pytest.mark.parametrize(("balance", "fails"), [(1, True), (2, False)])
def test_funder_fails_the_channel_if_its_least_fee_is_beyond_its_means(balance: int, fails: bool) -> None:
    node, fundee = shut(replace(LEGACY, push_msat=Msat(1_000_000_000 - 1_000 * balance)))
    assert legacy.must_fail_for_want_of_means(node) is fails
    assert not legacy.must_fail_for_want_of_means(fundee)


def test_nothing_is_negotiated_before_both_shutdowns() -> None:
    early = replace(A, received_shutdown=False)
    assert rule(legacy.send_closing_signed(early, signed(A, 4))) == "D02-closing-signed-s-01"
    assert rule(legacy.receive_closing_signed(replace(B, sent_shutdown=False), signed(A, 4))) == (
        "D02-closing-signed-r-01"
    )


@pytest.mark.parametrize(
    "signature",
    [BAD, ClosingSignature(legacy.transaction(A, Sat(5), LOCAL)),
     ClosingSignature(legacy.transaction(A, Sat(4), LOCAL), low_s=False)],
)  # fmt: skip
def test_receiver_rejects_a_bad_signature(signature: ClosingSignature) -> None:
    verdict = legacy.receive_closing_signed(B, ClosingSigned(Sat(4), signature))
    assert verdict == Rejected("B02-closing-signed-r-01", Reaction.WARN_OR_FAIL)


def test_receiver_takes_either_variant() -> None:
    omitted = ClosingSignature(legacy.transaction(A, Sat(4), LOCAL, own_output=False))
    assert taken(legacy.receive_closing_signed(B, ClosingSigned(Sat(4), omitted))).turn is LOCAL


def test_equal_fee_ends_it() -> None:
    """B02-closing-signed-r-02"""
    done = taken(legacy.receive_closing_signed(opened_with(4, fees(2, 6)), signed(B, 4, fees(8, 9))))
    assert done.published == (legacy.transaction(A, Sat(4), REMOTE),)
    assert legacy.next_closing_signed(done) is None


@pytest.mark.parametrize(("fee", "accepted"), [(1, False), (2, True), (6, True), (7, False)])
def test_fee_within_the_announced_range_is_taken(fee: int, accepted: bool) -> None:
    """B02-closing-signed-r-04, B02-closing-signed-r-05"""
    after = taken(legacy.receive_closing_signed(opened_with(4, fees(2, 6)), signed(B, fee)))
    assert bool(after.published) is accepted
    if accepted:
        assert legacy.next_closing_signed(after) == signed(A, fee, fees(2, 6))
        assert rule(legacy.send_closing_signed(after, signed(A, 4 if fee != 4 else 5))) == "B02-closing-signed-r-05"


@pytest.mark.parametrize(
    ("fee", "fee_range", "broken"),
    [(5, fees(7, 9), "B02-closing-signed-r-07"), (3, fees(5, 9), "B02-closing-signed-f-02"), (5, fees(5, 9), None)],
)
def test_funder_judges_a_range(fee: int, fee_range: FeeRange, broken: str | None) -> None:
    verdict = legacy.receive_closing_signed(opened_with(4, fees(2, 6)), signed(B, fee, fee_range))
    assert (verdict.rule if isinstance(verdict, Rejected) else None) == broken


def test_funder_repeats_a_fee_of_the_common_range() -> None:
    after = taken(legacy.receive_closing_signed(opened_with(4, fees(2, 6)), signed(B, 5, fees(3, 9))))
    assert rule(legacy.send_closing_signed(after, signed(A, 6))) == "B02-closing-signed-f-03"
    assert taken(legacy.send_closing_signed(after, signed(A, 5))).published


def test_fundee_answers_within_the_common_range_and_then_insists() -> None:
    asked = taken(legacy.receive_closing_signed(B, signed(A, 4, fees(2, 6))))
    assert rule(legacy.send_closing_signed(asked, signed(B, 7))) == "B02-closing-signed-e-04"
    answered = taken(legacy.send_closing_signed(asked, signed(B, 6)))
    verdict = legacy.receive_closing_signed(answered, signed(A, 5, fees(2, 6)))
    assert verdict == Rejected("B02-closing-signed-e-03", Reaction.FAIL_CHANNEL)


@pytest.mark.parametrize(("fee", "progress"), [(2, False), (3, True), (8, True), (9, False)])
def test_without_ranges_there_must_be_progress(fee: int, progress: bool) -> None:
    node = replace(A, sent=signed(A, 2), received=signed(B, 9), turn=REMOTE)
    node = node if fee != 2 else replace(node, sent=signed(A, 3))
    verdict = legacy.receive_closing_signed(node, signed(B, fee))
    assert isinstance(verdict, Accepted) is progress
    assert progress or rule(verdict) == "B02-closing-signed-r-09"


def test_without_ranges_a_counter_lies_in_between() -> None:
    node = replace(A, sent=signed(A, 2), received=signed(B, 9), turn=LOCAL)
    assert rule(legacy.send_closing_signed(node, signed(A, 2))) == "B02-closing-signed-r-11"
    assert taken(legacy.send_closing_signed(node, signed(A, 3))).turn is REMOTE
    happy = replace(node, received=signed(B, 6))
    assert rule(legacy.send_closing_signed(happy, signed(A, 5))) == "B02-closing-signed-r-10"


# --- closing_complete ---


def details(fee: int = 300, **changes: Any) -> ClosingDetails:
    return replace(ClosingDetails(SCRIPT_A, SCRIPT_B, Sat(fee)), **changes)


def complete(node: Closing = SIMPLE_A, variants: Any = (ONLY_CLOSER, BOTH), **changes: Any) -> ClosingComplete:
    asked = details(**changes)
    return ClosingComplete(asked, simple.signatures(node, LOCAL, asked, variants))


def holding(node: Closing, local_msat: int, remote_msat: int) -> Closing:
    return replace(node, channel=replace(node.channel, local_msat=Msat(local_msat), remote_msat=Msat(remote_msat)))


@pytest.mark.parametrize(
    ("message", "broken"),
    [
        (complete(fee=600_001), "B02-closing-complete-c-01"),
        (complete(closer_scriptpubkey=UNKNOWN), "B02-closing-complete-c-03"),
        (complete(closee_scriptpubkey=STRANGER), "B02-closing-complete-c-04"),
        (complete(variants=(ONLY_CLOSER, ONLY_CLOSEE, BOTH)), "B02-closing-complete-c-09"),
        (complete(variants=(BOTH,)), "B02-closing-complete-c-14"),
        (complete(fee=600_000 - 293), "B02-channel-close-b-01"),
        (replace(complete(), tlvs=ClosingTlvs(BAD, None, BAD)), "B02-closing-complete-c-16"),
    ],
)
def test_greater_closer_refuses(message: ClosingComplete, broken: str) -> None:
    assert rule(simple.send_closing_complete(SIMPLE_A, message)) == broken


def test_greater_closer_proposes_and_waits() -> None:
    assert taken(simple.send_closing_complete(SIMPLE_A, complete(fee=600_000 - 294))).proposed
    proposed = taken(simple.send_closing_complete(SIMPLE_A, complete()))
    assert rule(simple.send_closing_complete(proposed, complete(fee=301))) == "B02-closing-complete-c-19"


@pytest.mark.parametrize(
    ("remote", "variants", "broken"),
    [
        (329_999, (ONLY_CLOSER,), None),
        (329_999, (), "B02-closing-complete-c-12"),
        (329_999, (ONLY_CLOSER, BOTH), "B02-closing-complete-c-13"),
        (330_000, (ONLY_CLOSER,), "B02-closing-complete-c-14"),
        (330_000, (ONLY_CLOSER, BOTH), None),
    ],
)
def test_dust_of_the_closee_is_left_out(remote: int, variants: tuple[Variant, ...], broken: str | None) -> None:
    rich = holding(SIMPLE_A, 1_000_000_000 - remote, remote)
    verdict = simple.send_closing_complete(rich, complete(rich, variants))
    assert (verdict.rule if isinstance(verdict, Refused) else None) == broken


@pytest.mark.parametrize(
    ("local", "variants", "broken"),
    [
        (593_999, (ONLY_CLOSEE,), None),
        (593_999, (BOTH,), "B02-closing-complete-c-07"),
        (594_000, (BOTH,), None),
        (594_000, (ONLY_CLOSEE,), "B02-closing-complete-c-08"),
        (594_000, (), "D02-closing-complete-c-02"),
        (594_000, (ONLY_CLOSER, BOTH), "B02-closing-complete-c-06"),
    ],
)
def test_lesser_closer(local: int, variants: tuple[Variant, ...], broken: str | None) -> None:
    poor = holding(SIMPLE_A, local, 1_000_000_000 - local)
    verdict = simple.send_closing_complete(poor, complete(poor, variants))
    assert (verdict.rule if isinstance(verdict, Refused) else None) == broken


@pytest.mark.parametrize(
    ("message", "broken", "reaction"),
    [
        (complete(fee=600_001), "B02-closing-complete-k-01", Reaction.WARN_OR_FAIL),
        (complete(closee_scriptpubkey=STRANGER), "B02-closing-complete-k-02", Reaction.WARN_AND_CLOSE),
        (complete(closer_scriptpubkey=UNKNOWN), "B02-closing-complete-k-05", Reaction.WARN_AND_CLOSE),
        (complete(variants=(ONLY_CLOSER,)), "B02-closing-complete-k-14", Reaction.WARN_OR_FAIL),
        (replace(complete(), tlvs=ClosingTlvs(None, None, BAD)), "B02-closing-complete-k-15", Reaction.WARN_OR_FAIL),
    ],
)
def test_closee_rejects(message: ClosingComplete, broken: str, reaction: Reaction) -> None:
    assert simple.receive_closing_complete(SIMPLE_B, message) == Rejected(broken, reaction)


def answered(message: ClosingComplete, node: Closing = SIMPLE_B) -> tuple[Closing, ClosingSig]:
    after = taken(simple.receive_closing_complete(node, message))
    assert after.owed is not None
    return after, after.owed


def test_closee_signs_both_outputs_and_remembers_the_script() -> None:
    """B02-closing-complete-k-12, B02-closing-complete-k-17, B02-closing-complete-k-19"""
    after, answer = answered(complete(closer_scriptpubkey=OTHER_A))
    assert answer.tlvs.present == (BOTH,)
    assert after.remote_script == OTHER_A
    assert after.published == (simple.transaction(SIMPLE_A, LOCAL, answer.details, BOTH),)
    assert taken(simple.send_closing_sig(after, answer)).owed is None
    wrong = replace(answer, tlvs=ClosingTlvs(closer_output_only=BAD))
    assert rule(simple.send_closing_sig(after, wrong)) == "B02-closing-complete-k-18"


@pytest.mark.parametrize(("own", "chosen"), [(329_999, ONLY_CLOSER), (330_000, BOTH)])
def test_closee_leaves_its_dust_out(own: int, chosen: Variant) -> None:
    """B02-closing-complete-k-10"""
    closer, closee = holding(SIMPLE_A, 10**9 - own, own), holding(SIMPLE_B, own, 10**9 - own)
    assert answered(complete(closer), closee)[1].tlvs.present == (chosen,)


def test_closer_publishes_what_the_closee_signed() -> None:
    message = complete()
    proposed = taken(simple.send_closing_complete(SIMPLE_A, message))
    closee, answer = answered(message)
    done = taken(simple.receive_closing_sig(proposed, answer))
    assert done.published == closee.published
    assert done.proposed is None
    assert rule(simple.receive_closing_sig(done, answer)) == "D02-closing-complete-c-03"


@pytest.mark.parametrize(
    ("asked", "variants", "broken"),
    [
        (details(301), (BOTH,), "B02-closing-complete-c-21"),
        (details(), (), "B02-closing-complete-c-22"),
        (details(), (ONLY_CLOSER, BOTH), "B02-closing-complete-c-22"),
        (details(), (ONLY_CLOSEE,), "B02-closing-complete-c-23"),
    ],
)
def test_closer_rejects_an_answer(asked: ClosingDetails, variants: tuple[Variant, ...], broken: str) -> None:
    proposed = taken(simple.send_closing_complete(SIMPLE_A, complete()))
    message = ClosingSig(asked, simple.signatures(SIMPLE_B, REMOTE, asked, variants))
    assert simple.receive_closing_sig(proposed, message) == Rejected(broken, Reaction.WARN_OR_FAIL)


def test_closer_rejects_a_bad_signature() -> None:
    proposed = taken(simple.send_closing_complete(SIMPLE_A, complete()))
    right = simple.transaction(SIMPLE_A, LOCAL, details(), BOTH)
    high = ClosingSig(details(), ClosingTlvs(closer_and_closee_outputs=ClosingSignature(right, low_s=False)))
    bad = ClosingSig(details(), ClosingTlvs(closer_and_closee_outputs=BAD))
    assert rule(simple.receive_closing_sig(proposed, bad)) == "B02-closing-complete-c-24"
    assert rule(simple.receive_closing_sig(proposed, high)) == "B02-closing-complete-c-25"
