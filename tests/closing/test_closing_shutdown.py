"""shutdown: when it may be sent and taken, which scripts it may name, and which updates it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltproofs.closing_scenarios import LEGACY, OLD, SCRIPT_A, SCRIPT_B, STRANGER, TAPROOT
from boltproofs.explorer.search import Verdict, search
from boltproofs.families.closing import CLOSING
from boltspec.closing import shutdown
from boltspec.closing.messages import Shutdown
from boltspec.closing.scripts import Form, Script, dust_threshold, is_permitted, p2wpkh, p2wsh
from boltspec.closing.shutdown import (
    owes_shutdown,
    receive_channel_message,
    receive_shutdown,
    send_channel_message,
    send_shutdown,
)
from boltspec.closing.state import Closing, ClosingFeatures, is_clean, negotiates, reconnected
from boltspec.closing.world import initial
from boltspec.commit import next_commitment_signed
from boltspec.htlc import LOCAL, Htlc, Removal, Stage
from boltspec.htlcs import Htlcs
from boltspec.messages import UpdateAddHtlc, UpdateFee
from boltspec.rules import Reaction
from boltspec.units import FeeratePerKw, Height, Msat, Sat
from boltspec.verdict import Accepted, Refused, Rejected

A, B = initial(LEGACY).nodes
ADD = UpdateAddHtlc(0, Msat(5_000_000), payment_hash=1, cltv_expiry=Height(500))


def taken(verdict: Any) -> Closing:
    assert isinstance(verdict, Accepted), verdict
    assert isinstance(verdict.state, Closing)
    return verdict.state


def rule(verdict: Any) -> str:
    assert isinstance(verdict, Refused | Rejected), verdict
    return verdict.rule


def both_shut() -> Closing:
    return taken(receive_shutdown(taken(send_shutdown(A, Shutdown(SCRIPT_A))), Shutdown(SCRIPT_B)))


def test_sender_names_its_script() -> None:
    after = taken(send_shutdown(A, Shutdown(SCRIPT_A)))
    assert after.sent_shutdown
    assert after.local_script == SCRIPT_A


def test_sender_refuses_before_its_funding_message() -> None:
    assert rule(send_shutdown(replace(A, sent_funding=False), Shutdown(SCRIPT_A))) == "B02-shutdown-s-01"


def test_sender_refuses_with_an_update_that_it_has_not_signed_for() -> None:
    offered = taken(send_channel_message(A, ADD))
    assert rule(send_shutdown(offered, Shutdown(SCRIPT_A))) == "B02-shutdown-s-03"
    signed = taken(send_channel_message(offered, next_commitment_signed(offered.channel)))
    assert taken(send_shutdown(signed, Shutdown(SCRIPT_A))).sent_shutdown


def test_sender_refuses_a_second_one_until_it_has_reconnected() -> None:
    once = taken(send_shutdown(A, Shutdown(SCRIPT_A)))
    assert rule(send_shutdown(once, Shutdown(SCRIPT_A))) == "B02-shutdown-s-04"
    assert taken(send_shutdown(reconnected(once), Shutdown(SCRIPT_A))).sent_shutdown


def test_sender_keeps_its_upfront_script_negotiated_or_not() -> None:
    committed = replace(A, local_upfront=SCRIPT_A)
    assert taken(send_shutdown(committed, Shutdown(SCRIPT_A))).sent_shutdown
    assert rule(send_shutdown(committed, Shutdown(STRANGER))) == "B02-shutdown-s-09"


def test_sender_refuses_an_old_script() -> None:
    assert rule(send_shutdown(A, Shutdown(OLD))) == "B02-shutdown-s-10"


def script(form: Form, length: int) -> Script:
    return Script(form, length, "x")


@pytest.mark.parametrize(
    ("form", "shortest", "longest", "feature"),
    [
        (Form.WITNESS_LATER, 2, 40, "option_shutdown_anysegwit"),
        (Form.OP_RETURN, 6, 75, "option_simple_close"),
        (Form.OP_RETURN_PUSHDATA1, 76, 80, "option_simple_close"),
    ],
)
def test_forms_that_need_a_feature(form: Form, shortest: int, longest: int, feature: str) -> None:
    """B02-shutdown-s-12, B02-shutdown-s-13, B02-shutdown-s-14"""
    none = {"option_shutdown_anysegwit": False, "option_simple_close": False}
    negotiated = none | {feature: True}
    assert [length for length in range(90) if is_permitted(script(form, length), **negotiated)] == list(
        range(shortest, longest + 1)
    )
    assert not any(is_permitted(script(form, length), **none) for length in range(90))


def test_forms_of_version_0() -> None:
    """B02-shutdown-s-10, B02-shutdown-s-11"""
    every = {"option_shutdown_anysegwit": True, "option_simple_close": True}
    permitted = [length for length in range(41) if is_permitted(script(Form.WITNESS_V0, length), **every)]
    assert permitted == [20, 32]
    assert is_permitted(script(Form.PAY_TO_ANCHOR, 2), **every)
    assert not is_permitted(script(Form.P2PKH, 20), **every)
    assert not is_permitted(script(Form.OTHER, 20), **every)


def test_dust_thresholds_are_those_of_bolt_3() -> None:
    thresholds = [
        (script(Form.P2PKH, 20), 546),
        (script(Form.P2SH, 20), 540),
        (p2wpkh("x"), 294),
        (p2wsh("x"), 330),
        (script(Form.PAY_TO_ANCHOR, 2), 240),
        (TAPROOT, 354),
        (script(Form.OP_RETURN, 6), 0),
    ]
    assert [(one, dust_threshold(one)) for one, _ in thresholds] == [(one, Sat(value)) for one, value in thresholds]


def test_receiver_fails_the_channel_before_the_funding_message() -> None:
    verdict = receive_shutdown(replace(A, received_funding=False), Shutdown(SCRIPT_B))
    assert verdict == Rejected("B02-shutdown-r-01", Reaction.FAIL_CHANNEL)


def test_receiver_rejects_a_second_one() -> None:
    once = taken(receive_shutdown(A, Shutdown(SCRIPT_B)))
    assert receive_shutdown(once, Shutdown(SCRIPT_B)) == Rejected("D02-shutdown-r-01", Reaction.WARN_OR_FAIL)


def test_receiver_warns_of_a_script_that_is_not_supported() -> None:
    assert receive_shutdown(A, Shutdown(TAPROOT)) == Rejected("B02-shutdown-r-02", Reaction.WARN)
    modern = replace(A, features=ClosingFeatures(option_shutdown_anysegwit=True))
    assert taken(receive_shutdown(modern, Shutdown(TAPROOT))).remote_script == TAPROOT


def test_receiver_may_take_the_scripts_of_old_nodes() -> None:
    assert rule(receive_shutdown(A, Shutdown(OLD))) == "B02-shutdown-r-02"
    tolerant = replace(A, policy=replace(A.policy, takes_old_scripts=True))
    assert taken(receive_shutdown(tolerant, Shutdown(OLD))).remote_script == OLD


def test_receiver_closes_the_connection_if_the_upfront_script_is_not_kept() -> None:
    """B02-shutdown-r-05: with a warning, which is allowed."""
    feature = ClosingFeatures(option_upfront_shutdown_script=True)
    bound = replace(A, remote_upfront=SCRIPT_B, features=feature)
    assert receive_shutdown(bound, Shutdown(STRANGER)) == Rejected("B02-shutdown-r-06", Reaction.WARN_AND_CLOSE)
    assert taken(receive_shutdown(bound, Shutdown(SCRIPT_B))).received_shutdown
    assert taken(receive_shutdown(replace(bound, features=ClosingFeatures()), Shutdown(STRANGER))).received_shutdown


def test_receiver_owes_an_answer_once_nothing_is_outstanding() -> None:
    """B02-shutdown-r-04"""
    assert not owes_shutdown(A)
    offered = taken(receive_shutdown(taken(send_channel_message(A, ADD)), Shutdown(SCRIPT_B)))
    assert not owes_shutdown(offered)
    signed = taken(send_channel_message(offered, next_commitment_signed(offered.channel)))
    assert owes_shutdown(signed)
    assert not owes_shutdown(taken(send_shutdown(signed, Shutdown(SCRIPT_A))))


def test_no_htlc_is_offered_after_either_shutdown() -> None:
    assert rule(send_channel_message(taken(send_shutdown(A, Shutdown(SCRIPT_A))), ADD)) == "B02-shutdown-s-06"
    told = taken(receive_shutdown(A, Shutdown(SCRIPT_B)))
    assert rule(send_channel_message(told, ADD)) == "D02-shutdown-s-01"
    assert rule(receive_channel_message(told, ADD)) == "D02-shutdown-r-02"


def test_an_htlc_that_crosses_our_shutdown_is_taken() -> None:
    shut = taken(send_shutdown(A, Shutdown(SCRIPT_A)))
    assert len(taken(receive_channel_message(shut, ADD)).channel.htlcs.items) == 1


def test_nothing_is_committed_while_closing_is_negotiated() -> None:
    empty = next_commitment_signed(B.channel)
    assert rule(receive_channel_message(both_shut(), empty)) == "D02-shutdown-r-03"
    assert isinstance(receive_channel_message(taken(send_shutdown(A, Shutdown(SCRIPT_A))), empty), Accepted)


# --- update_fee after shutdown ---

NEW_FEERATE = UpdateFee(FeeratePerKw(1_200))


def shut_with_removal(stage: Stage) -> Closing:
    """Return A after its shutdown, while B's removal of its only HTLC has come to some stage."""
    htlc = Htlc(LOCAL, 0, Msat(5_000_000), 1, Height(500), Stage.IRREVOCABLE, Removal.FAIL, stage)
    return replace(A, channel=replace(A.channel, htlcs=Htlcs((htlc,))), sent_shutdown=True)


def test_sender_of_shutdown_changes_no_feerate_when_no_htlc_is_left() -> None:
    assert isinstance(send_channel_message(A, NEW_FEERATE), Accepted)
    shut = taken(send_shutdown(A, Shutdown(SCRIPT_A)))
    assert rule(send_channel_message(shut, NEW_FEERATE)) == "B02-shutdown-s-07"


def test_sender_of_shutdown_changes_the_feerate_while_an_htlc_is_in_a_newest_commitment() -> None:
    assert isinstance(send_channel_message(shut_with_removal(Stage.ACKED), NEW_FEERATE), Accepted)


def test_sender_of_shutdown_awaits_no_revocation_to_count_an_htlc_as_gone() -> None:
    shut = shut_with_removal(Stage.ACK_COMMITTED)
    assert rule(send_channel_message(shut, NEW_FEERATE)) == "B02-shutdown-s-07"


@pytest.mark.parametrize("name", ["legacy-feerate", "simple-feerate"])
@pytest.mark.parametrize("point", [negotiates, lambda closing: closing.sent_shutdown and is_clean(closing.channel)])
def test_a_later_point_makes_honest_nodes_reject_each_other(
    name: str, point: Callable[[Closing], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown, "is_past_that_point", point)
    found = search(CLOSING.scenarios[name])
    assert (found.verdict, found.trace is not None and found.trace.property) == (Verdict.VIOLATED, "NeverRejected")
    monkeypatch.undo()
    assert search(CLOSING.scenarios[name]).verdict is Verdict.HOLDS
