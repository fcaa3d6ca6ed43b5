"""Balance security: the theorems hold, their conditions are exact, and wrong enforcement is refuted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from boltproofs.cli import command
from boltproofs.induction import forget_settings
from boltproofs.security import (
    crash,
    enforcement_claims,
    exit_claims,
    payout_claims,
    reorganisation_claims,
    sums,
    upstream_claims,
)
from boltproofs.security.boundary import (
    COMMITTED,
    FULFILLED,
    REVOKED,
    Boundary,
    Corner,
    breaks,
    examine,
    shortest_run,
    start,
)
from boltproofs.security.claim import Claim
from boltproofs.security.conditions import DELAY
from boltproofs.security.numbers import Numbers, lost_to
from boltproofs.security.proof import BY_NAME, counterexample, prove_security
from boltproofs.security.scene import HONEST, OWNED, PEER, Shape, after_closing
from boltproofs.security.theorem import Subsumed
from boltproofs.security.theorems import SECURITY_THEOREMS
from boltproofs.solving import Task
from boltproofs.verify import SPOKEN, THEOREMS
from boltspec import commitment, reestablish
from boltspec.chain import claims, conditions, enforcement, learning, overdue
from boltspec.chain.broadcasting import wanted
from boltspec.chain.conditions import CONDITIONS, Kind, Lock
from boltspec.chain.enforcement import RESOLUTIONS, Situation
from boltspec.chain.moves import successors
from boltspec.chain.transactions import Outpoint
from boltspec.chain.world import Status
from boltspec.commitment import Commitment
from boltspec.htlc import LOCAL
from boltspec.outputs import main_outputs, outputs
from boltspec.rules import requirements
from boltspec.scenario import small_limits, small_params
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat, floor_to_sat

BALANCE_SECURITY = BY_NAME["BalanceSecurity"]


@pytest.fixture(autouse=True)
def _specification_as_it_is() -> Iterator[None]:
    """Keep what was computed from a specification with a planted error away from other tests, and the other way."""
    forget_settings()
    yield
    forget_settings()


SMALL = st.integers(0, 4)
NUMBERS = st.builds(Numbers, *[SMALL] * len(Numbers._fields))


@pytest.mark.parametrize("theorem", SECURITY_THEOREMS, ids=lambda theorem: theorem.name)
def test_a_theorem_holds_is_exact_and_needs_its_rules(theorem: object) -> None:
    name = theorem.name  # type: ignore[attr-defined]
    finding = prove_security(name, Task()).of(name)
    assert finding.counterexample is None
    assert finding.unknown is None
    assert finding.witness
    assert finding.obligations >= len(list(BY_NAME[name].claims()))
    assert finding.refutations == [(rule, True) for rule in BY_NAME[name].fails_without]
    for condition in BY_NAME[name].conditions:
        assert any(note.startswith(f"{condition.name}: {condition.text}") for note in finding.notes)


def test_cvc5_agrees_about_a_theorem() -> None:
    findings = prove_security("PenaltySafety", Task(without=frozenset(), cross_check=True))
    assert findings.of("PenaltySafety").unknown is None
    assert findings.cross_checked == findings.of("PenaltySafety").obligations


def test_every_must_of_bolt_5_is_needed_or_it_is_said_why_not() -> None:
    of_bolt_5 = [row for row in requirements().values() if row.id.startswith("B05")]
    musts = {row.id for row in of_bolt_5 if row.level in ("MUST", "MUST_NOT")}
    said = {
        *BALANCE_SECURITY.fails_without,
        *(entry.rule for entry in BALANCE_SECURITY.subsumed),
        *(entry.rule for entry in BALANCE_SECURITY.outside),
    }
    assert musts - said == set()


def test_lemmas_are_theorems_and_names_can_be_spoken() -> None:
    for theorem in SECURITY_THEOREMS:
        assert set(theorem.lemmas) <= set(THEOREMS)
    assert SPOKEN["balance-security"] == "BalanceSecurity"


def test_without_a_rule_there_is_a_counterexample_in_plain_numbers() -> None:
    finding = prove_security("PenaltySafety", Task(frozenset({"B05-revoked-commit-l-10"}))).of("PenaltySafety")
    assert "not so: the victim takes timed_out_htlc" in str(finding.counterexample)


@pytest.mark.parametrize(
    ("rule", "exit_code", "said"),
    [
        ("B05-revoked-commit-l-10", 1, "not so: the victim takes timed_out_htlc"),
        ("B05-local-commit-n-01", 1, "not so: the owner takes to_local after the delay"),
        ("B05-revoked-commit-l-05", 0, "is subsumed by B05-revoked-commit-l-04: it is seized"),
        ("B05-failing-channel-b-01", 0, "plays no part: it is B05-general-n-02, which is refuted"),
        ("B05-htlc-tx-l-01", 0, "plays no part: miners take what pays enough"),
    ],
)
def test_the_command_refutes_without_a_must_or_names_what_does_its_work(
    rule: str, exit_code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lemmas are left out here: they are about the dance, which consults none of these rules."""
    alone = replace(BALANCE_SECURITY, lemmas=())
    monkeypatch.setitem(THEOREMS, "BalanceSecurity", alone)
    run = CliRunner().invoke(command, ["verify", "balance-security", "--without", rule, "--workers", "1"])
    assert run.exit_code == exit_code, run.output
    assert said in run.output
    assert ("1 proved" if exit_code == 0 else "1 refuted") in run.output


def test_the_command_does_not_pass_over_a_rule_of_which_a_theorem_says_nothing() -> None:
    run = CliRunner().invoke(command, ["verify", "UnilateralExit", "--without", "B05-local-commit-n-02"])
    assert run.exit_code == 2
    assert "none of these theorems says anything of B05-local-commit-n-02" in run.output


def test_a_rule_that_is_not_subsumed_after_all_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Subsumed("B05-revoked-commit-l-05", ("B05-remote-commit-l-06",), "as somebody thinks")
    monkeypatch.setitem(BY_NAME, "BalanceSecurity", replace(BALANCE_SECURITY, subsumed=(wrong,)))
    finding = prove_security("BalanceSecurity", Task(frozenset({wrong.rule}))).of("BalanceSecurity")
    assert finding.unknown == "B05-revoked-commit-l-05 is not subsumed by B05-remote-commit-l-06"


def test_what_is_left_when_the_time_is_up_is_unknown() -> None:
    finding = prove_security("UnilateralExit", Task(deadline=0.0)).of("UnilateralExit")
    assert "out of time" in str(finding.unknown)


@given(NUMBERS)
@settings(max_examples=10, deadline=None)
def test_no_small_numbers_contradict_a_claim(numbers: Numbers) -> None:
    for claim in BALANCE_SECURITY.claims():
        assert not claim.premise(numbers) or claim.goal(numbers), claim.label


# --- wrong enforcement is refuted ---


def refuted(group: Callable[[], Iterator[Claim]]) -> list[str]:
    return [claim.label for claim in group() if counterexample(claim) is not None]


def test_an_honest_party_that_waits_one_block_too_long_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    on_time = claims.is_open
    monkeypatch.setattr(claims, "is_open", lambda *given: on_time(given[0], given[1], given[2], given[3] + Blocks(-1)))
    assert "the owner takes to_local after the delay" in refuted(enforcement_claims.is_withdrawn)
    assert any("from the expiry on" in label for label in refuted(enforcement_claims.is_refunded))
    # A penalty is not locked, so that it comes as early as before.
    assert refuted(enforcement_claims.is_punished) == []


def test_a_deadline_that_counts_from_the_next_block_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overdue, "is_past", lambda deadline, height: height > deadline)
    assert refuted(exit_claims.gives_up_on_timeout)
    assert refuted(exit_claims.gives_up_on_fulfilment)
    assert any("too late" in label for label in refuted(enforcement_claims.is_kept_secret))


def test_publishing_a_commitment_one_too_old_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    original = enforcement.publish_commitment
    monkeypatch.setattr(exit_claims, "publish_commitment", lambda channel, number: original(channel, number + 1))
    assert refuted(exit_claims.is_never_revoked) == ["what is published is not revoked"]
    assert refuted(exit_claims.is_never_punished) == ["the peer does not have its secret"]


@pytest.mark.parametrize("group", [exit_claims.is_never_revoked, exit_claims.is_never_punished])
def test_what_is_said_of_published_commitments_is_no_consequence_of_the_types(
    group: Callable[[], Iterator[Claim]],
) -> None:
    """Without its premise each goal fails."""
    (claim,) = group()
    assert counterexample(replace(claim, premise=lambda numbers: numbers.number >= 0)) is not None


def test_that_nothing_revoked_is_published_does_not_depend_on_the_peer() -> None:
    """Its premise speaks of the node's own commitments only, not of what the peer knows."""
    (claim,) = exit_claims.is_never_revoked()
    numbers = Numbers(*[0] * len(Numbers._fields))
    knowing = numbers._replace(number=2, local_commitment_number=2, local_revocations=2, revealed=9, peer_secrets=9)
    assert claim.premise(knowing)
    assert claim.goal(knowing)


@pytest.mark.parametrize("kind", OWNED)
def test_an_output_that_is_not_punished_is_refuted(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RESOLUTIONS, (Situation.REVOKED, kind), ())
    assert any(kind.name.lower() in label for label in refuted(enforcement_claims.is_recovered))


def test_a_delayed_output_without_its_lock_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    punish, wait = CONDITIONS[Kind.TO_LOCAL]
    monkeypatch.setitem(CONDITIONS, Kind.TO_LOCAL, (punish, wait._replace(lock=Lock.NONE)))
    assert "the thief cannot get to_local of the peer's commitment before" in refuted(enforcement_claims.is_recovered)


def test_an_offerer_that_may_take_back_at_the_expiry_itself_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction would fit into the block of the height that it is locked to, one earlier than it does."""
    in_bitcoin = conditions.first_block
    monkeypatch.setattr(
        claims,
        "first_block",
        lambda confirmed, sequence, locktime: in_bitcoin(confirmed, sequence, locktime + Blocks(-1)),
    )
    assert any("cannot take received_htlc back" in label for label in refuted(enforcement_claims.is_claimed))


def test_giving_back_one_block_early_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "depth", lambda height, confirmed: (height - confirmed) + Blocks(1))
    assert refuted(upstream_claims.is_not_failed_early)


def test_an_output_that_loses_a_satoshi_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*given: object) -> tuple[object, ...]:
        return tuple(replace(made, amount_sat=made.amount_sat - Sat(1)) for made in main_outputs(*given))  # type: ignore[arg-type]

    monkeypatch.setattr(payout_claims, "main_outputs", short)
    assert refuted(payout_claims.pays_balance)


def test_an_htlc_that_is_not_won_makes_a_commitment_worth_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "won", lambda htlc, view, is_owed: Msat(0))
    answers = {str(solver.check()) for _, solver in sums.obligations()}
    assert "sat" in answers


def test_a_balance_that_forgets_what_was_fulfilled_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    real = commitment.change
    monkeypatch.setattr(sums, "change", lambda htlc, *rest: Msat(0) if htlc.removed else real(htlc, *rest))
    assert any(str(solver.check()) == "sat" for _, solver in sums.obligations())


def test_a_restart_that_forgets_a_commitment_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    real = reestablish.disconnected
    monkeypatch.setattr(
        crash,
        "disconnected",
        lambda channel: replace(real(channel), local_commitment_number=channel.local_commitment_number - 2),
    )
    broken = {label.split()[0] for label, solver in crash.obligations() if str(solver.check()) == "sat"}
    assert "RevokeAfterNew" in broken


def test_a_branch_that_takes_longer_to_win_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two blocks more than those that it undoes a reorganisation would cost more than its depth."""
    claims = list(reorganisation_claims.cost_their_depth())
    assert [counterexample(claim) for claim in claims] == [None, None]
    monkeypatch.setattr(reorganisation_claims, "branch_length", lambda undone: undone + 2)
    assert None not in [counterexample(claim) for claim in claims]


# --- against the world ---


@pytest.mark.parametrize("inclusion", [1, 2])
@pytest.mark.parametrize(("reorganisations", "reorg_depth"), [(0, 1), (1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (1, 3)])
def test_reorganisations_keep_a_commitment_out_for_their_depth_and_no_longer(
    reorganisations: int, reorg_depth: int, inclusion: int
) -> None:
    """All that miners can do: the last height at which it is not confirmed for good, by examining every run."""
    corner = Corner(COMMITTED, reorganisations, reorg_depth, cltv_expiry=5, inclusion=inclusion)
    world, scenario = start(corner)
    known, waiting, latest = {world}, [world], 0
    while waiting:
        here = waiting.pop()
        if here.ledger.closing is None and here.status[0] is Status.FAILED and not here.ledger.filled:
            latest = max(latest, int(here.ledger.height))
        for move, after in successors(here, scenario):
            if move.action in ("mine", "include", "undo") and after not in known:
                known.add(after)
                waiting.append(after)
    assert latest + 1 == corner.cltv_expiry + inclusion + lost_to(reorganisations, reorg_depth)


@pytest.mark.parametrize(
    ("reorg_depth", "reorganisations", "inclusion"), [(0, 0, 1), (1, 0, 2), (1, 1, 1), (1, 1, 2), (2, 1, 1)]
)
def test_the_least_delay_is_the_same_in_the_world(reorg_depth: int, reorganisations: int, inclusion: int) -> None:
    corner = Corner(REVOKED, reorganisations, reorg_depth, confirmation=2 * inclusion, inclusion=inclusion)
    least = inclusion + lost_to(reorganisations, reorg_depth) + 1
    found = {
        delay: shortest_run(*start(replace(corner, to_self_delay=delay)), breaks("PenaltySafety"), 100_000)[0]
        for delay in (least - 1, least)
    }
    assert found[least] is None
    assert found[least - 1] is not None


@pytest.mark.parametrize(
    ("reorg_depth", "reorganisations", "inclusion"), [(0, 0, 1), (0, 0, 2), (1, 1, 1), (1, 2, 1), (1, 1, 2), (1, 3, 1)]
)
def test_the_least_margin_is_the_same_in_the_world(reorg_depth: int, reorganisations: int, inclusion: int) -> None:
    least = 2 * inclusion + lost_to(reorganisations, reorg_depth)
    for margin, holds in ((least, True), (least - 1, False)):
        confirmation = margin - 2 * reorg_depth
        corner = Corner(FULFILLED, reorganisations, reorg_depth, 0, confirmation, inclusion, honest=1)
        run, _ = shortest_run(*start(corner), breaks("NoPayoutRace"), 100_000)
        assert (run is None) == holds


@pytest.mark.parametrize("grace", [0, 1])
def test_the_least_distance_of_expiries_is_the_same_in_the_world(grace: int) -> None:
    corner = Corner(COMMITTED, 1, grace=grace, cltv_expiry=5)
    least = grace + 2 + 1 + 2 + 2
    for delta, holds in ((least, True), (least - 1, False)):
        run, _ = shortest_run(*start(replace(corner, incoming_expiry=5 + delta)), breaks("ForwarderSafe"), 100_000)
        assert (run is None) == holds


def test_a_condition_that_is_not_the_right_one_is_noticed() -> None:
    assert DELAY.run is not None
    loose, strict = DELAY.run.fails, DELAY.run.holds
    assert "breaks although the condition holds" in str(examine(Boundary("PenaltySafety", loose, loose)).problem)
    assert "holds although the condition is missed" in str(examine(Boundary("PenaltySafety", strict, strict)).problem)


def test_what_is_done_with_an_output_does_not_depend_on_the_others() -> None:
    """So what is proved of one output holds of any number."""
    numbers = Numbers(*[0] * len(Numbers._fields))._replace(
        inclusion=1, confirmation=2, to_self_delay=3, remote_revocations=1, remote_secrets=1, height=9, amount_msat=7
    )
    scenes = [after_closing(numbers, Shape(kind, PEER)) for kind in OWNED]
    alone = [wanted(scene.world, scene.scenario, HONEST) for scene in scenes]
    placed = tuple(
        scene.confirmed._replace(outpoint=Outpoint(scene.confirmed.outpoint.txid, index))
        for index, scene in enumerate(scenes)
    )
    first = scenes[0]
    together = wanted(
        replace(first.world, ledger=replace(first.world.ledger, unspent=placed)), first.scenario, HONEST
    )
    uses = [transaction.inputs[0].use for transactions in alone for transaction in transactions]
    assert [transaction.inputs[0].use for transaction in together] == uses
    assert len(together) == len(OWNED)


# --- what is taken off a revoked commitment ---


def test_a_cheater_may_burn_more_than_it_has_left() -> None:
    """The limit of the promise: the fee of an old commitment, which the cheater paid for, is nobody's."""
    params = small_params(small_limits(), option_anchors=False)
    reserve, feerate = params.remote.channel_reserve_satoshis, FeeratePerKw(20_000)
    old = Commitment(0, feerate, to_owner_msat=Msat(900_000_000), to_other_msat=Msat(100_000_000), htlcs=())
    entitled = params.funding_satoshis - reserve
    assert sum((made.amount_sat for made in outputs(params, LOCAL, old)), Sat(0)) < entitled
    cheap = replace(old, feerate_per_kw=FeeratePerKw(1_000))
    assert sum((made.amount_sat for made in outputs(params, LOCAL, cheap)), Sat(0)) >= entitled
    assert floor_to_sat(old.to_owner_msat) + floor_to_sat(old.to_other_msat) == params.funding_satoshis
