"""The scenarios C1 to C3, searched to their end with every set of corrupt parties, and what breaks without rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltspec.chain import enforcement, overdue
from boltspec.chain import world as chain_world
from boltspec.chain.broadcasting import wanted
from boltspec.chain.deadlines import fulfilment_deadline
from boltspec.chain.ledger import mine
from boltspec.chain.presets import C1, C2, C3, SCENARIOS, WITH_DISCONNECTION, cases
from boltspec.chain.properties.catalogue import PROPERTIES
from boltspec.chain.properties.payout import entitlement, payout
from boltspec.chain.properties.property import is_over
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import Status
from boltspec.commitment import View
from boltspec.rules import without
from boltspec.units import Height, Sat

Helper = Callable[..., Any]
"""A fixture of this folder."""
ALL = [case for scenario in (C1, C2, C3) for case in cases(scenario)]


@pytest.mark.parametrize("scenario", ALL, ids=lambda case: f"{case.name}-{case.corrupt}")
def test_no_property_breaks(search: Helper, scenario: ChainScenario) -> None:
    assert search(scenario).broken is None


ADDED = (
    "A send update_add_htlc 0",
    "A send commitment_signed",
    "B deliver UpdateAddHtlc",
    "B deliver CommitmentSigned",
    "B send revoke_and_ack",
    "B send commitment_signed",
    "A deliver RevokeAndAck",
    "A deliver CommitmentSigned",
    "A send revoke_and_ack",
    "B deliver RevokeAndAck",
)


def test_a_payee_is_paid_on_chain(run: Helper) -> None:
    """B closes while the HTLC is pending: HTLC-success, then the delayed output; A has the rest at once."""
    scenario = replace(cases(C1)[0], leap=False)
    world = run(scenario, *ADDED, "B fail channel", "chain mine 7")
    assert world.ledger.received == (700_000 - 1_296 - 660, 300_000)
    assert [payout(world, party) for party in (0, 1)] == [Sat(700_000), Sat(300_000)]
    assert [entitlement(world, scenario, party) for party in (0, 1)] == [Sat(700_000), Sat(300_000)]
    assert world.payments[0].known == (True, True)
    assert is_over(world, scenario)


def test_an_offerer_has_its_htlc_back_after_the_expiry(run: Helper) -> None:
    """B stays silent. A gives up when the HTLC expires at 16: HTLC-timeout in block 18, swept in block 23."""
    scenario = replace(cases(C1)[2], leap=False)
    silent = run(scenario, *ADDED, "chain mine 15")
    assert silent.status[0] is Status.FAILED
    assert silent.ledger.height == 16
    world = run(scenario, *ADDED, "chain mine 22")
    assert world.ledger.height == 23
    assert payout(world, 0) == Sat(1_000_000)


def test_a_thief_loses_everything(run: Helper) -> None:
    """A publishes commitment 0, which it has revoked, and has nothing left in the next block but one."""
    scenario = replace(cases(C1)[1], leap=False)
    world = run(scenario, *ADDED, "A publish commitment 0", "chain mine 2")
    assert world.ledger.punished == (True, False)
    assert world.ledger.received == (0, 1_000_000 - 1_124 - 660)


FULFILLED = (
    "B send update_fulfill_htlc 0",
    "B send commitment_signed",
    "A deliver UpdateFulfillHtlc",
    "A deliver CommitmentSigned",
    "A send revoke_and_ack",
    "B deliver RevokeAndAck",
)


def batching(option_anchors: bool) -> ChainScenario:
    """A is a thief; B punishes all outputs in one transaction."""
    params = replace(C1.params, option_anchors=option_anchors)
    return replace(cases(C1)[1], params=params, batched=True, leap=False)


@pytest.mark.parametrize(("option_anchors", "inputs"), [(True, [1, 1]), (False, [2])])
def test_outputs_are_punished_one_by_one_before_the_delay_ends_with_anchors_only(
    run: Helper, option_anchors: bool, inputs: list[int]
) -> None:
    """B05-revoked-commit-l-14, B05-revoked-commit-l-15. Confirmed at 2, with a delay of 5: three blocks before is 4."""
    scenario = replace(batching(option_anchors), pinned=True)
    stolen = (*ADDED, *FULFILLED, "A publish commitment 1")
    for blocks, expected in ((1, [2]), (2, [2]), (3, inputs)):
        world = run(scenario, *stolen, f"chain mine {blocks}")
        assert [len(transaction.inputs) for transaction in wanted(world, scenario, 1)] == expected


def test_one_transaction_is_enough_without_anchors(search: Helper) -> None:
    assert search(batching(option_anchors=False)).broken is None


# Each with a rule whose absence breaks it, and the scenario in which the search finds that.
BROKEN_WITHOUT = [
    ("PenaltySafety", "B05-general-n-01", C1, (True, False)),
    ("PenaltySafety", "B05-revoked-commit-l-03", C1, (True, False)),
    ("SecondStagePenalty", "B05-revoked-commit-l-10", C1, (True, False)),
    ("SecondStagePenalty", "B05-revoked-commit-l-11", C1, (False, True)),
    ("UnilateralExit", "B05-failing-channel-n-06", C1, (False, True)),
    ("UnilateralExit", "B05-failing-channel-n-07", C1, (False, True)),
    ("ExactPayout", "B05-local-commit-n-01", C1, (False, True)),
    ("NoPayoutRace", "B02-cltv-delta-u-02", C1, (True, False)),
    ("NoPayoutRace", "B02-cltv-delta-u-04", C1, (True, False)),
    ("TimeoutDeadline", "B02-cltv-delta-h-04", C1, (False, True)),
    ("FulfilDeadline", "B02-cltv-delta-u-04", C1, (True, False)),
    ("ForwarderSafe", "B02-forwarding-n-03", C3, (False, True)),
    ("ResolveAll", "B05-local-commit-local-offers-n-02", C1, (False, True)),
    ("ResolveAll", "B05-remote-commit-local-offers-l-02", C1, (False, True)),
    ("ResolveAll", "B05-htlc-tx-n-01", C1, (False, True)),
    ("EventuallyWithdrawn", "B05-local-commit-n-01", C1, (False, True)),
    ("EventuallyWithdrawn", "B05-local-commit-remote-offers-l-03", C1, (True, False)),
    ("ForceCloseEnds", "B05-remote-commit-local-offers-l-04", C3, (False, True)),
    ("ForceCloseEnds", "B05-general-n-05", C1, (False, True)),
]


@pytest.mark.parametrize(("name", "rule", "scenario", "corrupt"), BROKEN_WITHOUT)
def test_a_property_breaks_without_its_rule(
    search: Helper, name: str, rule: str, scenario: ChainScenario, corrupt: tuple[bool, bool]
) -> None:
    wanted = [entry for entry in PROPERTIES if entry.name == name]
    with without(frozenset({rule})):
        assert search(replace(scenario, corrupt=corrupt, every_corrupt_set=False), wanted).broken == name


def test_every_set_of_corrupt_parties_is_a_first_move(run: Helper) -> None:
    assert run(C1).corrupt == (False, False)
    assert run(C1, "chain corrupts A and B").corrupt == (True, True)
    assert run(C1, "chain corrupts B") == run(cases(C1)[2])


def test_deadlines_count_for_commitments_that_are_not_revoked_yet(
    search: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If only the newest commitments counted, a recipient that keeps back its revocation would be paid too late."""
    monkeypatch.setattr(overdue, "UNREVOKED", (View.LOCAL_LATEST, View.REMOTE_LATEST))
    assert search(cases(C3)[2], [entry for entry in PROPERTIES if entry.name == "ForwarderSafe"]).broken


def test_whose_books_have_lost_its_htlcs_is_found_out(search: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    """The incoming HTLC stays open for ever; that the outgoing one was there is read off the chain."""
    right = enforcement.standing
    monkeypatch.setattr(chain_world, "standing", lambda *of: right(*of)._replace(offered=()))
    ends = [entry for entry in PROPERTIES if entry.name == "ForceCloseEnds"]
    assert search(cases(C3)[2], ends).broken == "ForceCloseEnds"


@pytest.mark.parametrize(
    ("name", "thinks", "corrupt"),
    [
        ("TimeoutDeadline", "is_timeout_overdue", (False, True)),
        ("FulfilDeadline", "is_fulfilment_overdue", (True, False)),
    ],
)
def test_a_party_that_overlooks_a_deadline_is_caught(
    search: Helper, name: str, thinks: str, corrupt: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The properties do not believe the party: they look at what was signed."""
    monkeypatch.setattr(overdue, thinks, lambda *_: False)
    wanted_to_hold = [entry for entry in PROPERTIES if entry.name == name]
    scenario = replace(C1, corrupt=corrupt, every_corrupt_set=False)
    assert search(scenario, wanted_to_hold).broken == name


def test_a_commitment_that_a_liar_has_had_signed_twice_is_revoked_once(run: Helper) -> None:
    """A asks for the signature again that it has, and counts it as another commitment; then it revokes it, once."""
    lied = (
        "chain disconnect",
        "A send channel_reestablish next_commitment_number-1",
        "B deliver ChannelReestablish",
        "B send channel_reestablish",
        "B send again CommitmentSigned",
        "B send update_fulfill_htlc 0",
        "A deliver ChannelReestablish",
        "A deliver CommitmentSigned",
        "A deliver UpdateFulfillHtlc",
        "B send commitment_signed",
        "A deliver CommitmentSigned",
        "A send revoke_and_ack",
        "A send commitment_signed",
        "B deliver RevokeAndAck",
        "B deliver CommitmentSigned",
    )
    overdue_height = fulfilment_deadline(C1.payments[0].cltv_expiry, C1.timing)
    deadline = next(entry for entry in PROPERTIES if entry.name == "FulfilDeadline")
    for count, holds in ((len(lied), True), (lied.index("A send revoke_and_ack"), False)):
        world = run(SCENARIOS["C1-disconnection-liar-A"], *ADDED, *lied[:count])
        assert [held.signature.signed.number for held in world.talk.history[0]].count(1) == 2
        # Only the liar's commitments: B's own first one has no HTLC.
        history = (world.talk.history[0], world.talk.history[1][:1] if not holds else world.talk.history[1])
        late = replace(
            world, ledger=replace(world.ledger, height=overdue_height), talk=world.talk._replace(history=history)
        )
        assert deadline.holds(late, SCENARIOS["C1-disconnection-liar-A"]) is holds


@pytest.mark.parametrize("scenario", cases(WITH_DISCONNECTION)[1:3], ids=lambda case: str(case.corrupt))
def test_no_property_breaks_when_the_connection_is_lost(search: Helper, scenario: ChainScenario) -> None:
    assert search(scenario).broken is None


def test_a_corrupt_party_publishes_a_commitment_whose_signature_it_denies(run: Helper) -> None:
    """B02-retransmission-n-19. The HTLC is in it; the signature was on the wire when the connection was lost."""
    sent = ("A send update_add_htlc 0", "A send commitment_signed", "B deliver UpdateAddHtlc")
    world = run(cases(WITH_DISCONNECTION)[2], *sent, "chain disconnect", "B publish denied commitment 0")
    closing = world.ledger.closing
    assert (closing.txid.seat, closing.txid.number, closing.outputs_for) == (1, 1, ((0, 0),))


def test_an_honest_party_denies_nothing(run: Helper) -> None:
    sent = ("A send update_add_htlc 0", "A send commitment_signed", "B deliver UpdateAddHtlc")
    assert run(cases(WITH_DISCONNECTION)[0], *sent, "chain disconnect").kept == ((), ())


def test_money_that_vanishes_is_noticed(run: Helper) -> None:
    """LedgerBalanced can fail: a ledger that forgets an output."""
    world = run(cases(C1)[0], "A fail channel", "chain mine")
    balanced = next(entry for entry in PROPERTIES if entry.name == "LedgerBalanced")
    assert balanced.holds(world, C1)
    forgetful = replace(world, ledger=replace(mine(world.ledger, Height(3)), unspent=world.ledger.unspent[1:]))
    assert not balanced.holds(forgetful, C1)
