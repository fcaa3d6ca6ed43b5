"""The induction: what it assumes, and that it refutes specifications which are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, get_args

import pytest
import z3

from boltproofs import induction
from boltproofs.arbitrary import (
    CASES,
    FLAGS,
    NUMBERS,
    ConnectionLost,
    arbitrary_channel,
    arbitrary_groups,
    arbitrary_params,
    domain,
)
from boltproofs.execution import Unsupported
from boltproofs.findings import Finding, Findings
from boltproofs.induction import (
    Statement,
    Ways,
    pose_no_path,
    pose_opening,
    settle,
    taken_paths,
)
from boltproofs.induction_proof import BY_NAME, prove_case, refute_without
from boltproofs.solving import QUERY_TIMEOUT_MS, Task
from boltproofs.steps import HAPPENINGS, STEPS, STEPS_AT, StepKind
from boltproofs.theorems import INDUCTIVE, STRUCTURE, InductiveTheorem
from boltspec import commit, htlc, reestablish
from boltspec.channel import Channel, Link, opened
from boltspec.commit import receive_revoke_and_ack, send_revoke_and_ack
from boltspec.commitment import View, commitment
from boltspec.feerates import constant
from boltspec.htlc import LOCAL, REMOTE, Event, Stage
from boltspec.htlcs import NO_HTLCS
from boltspec.messages import Message, RevokeAndAck
from boltspec.properties.catalogue import CHANNEL_PROPERTIES
from boltspec.properties.property import ChannelProperty
from boltspec.rules import duty, without
from boltspec.update import receive_update_fail_htlc, send_update_fail_htlc

EVERYTHING = tuple(BY_NAME)
CASE = 0
OF_THE_OTHER_OPENER = {"AffordableToOpener"}
"""Says nothing of a node that has opened the channel, as in that case."""


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    """Settings are kept; those of a planted specification must not be."""
    induction.forget_settings()
    yield
    induction.forget_settings()


def found(names: tuple[str, ...] = EVERYTHING, task: Task | None = None) -> dict[str, Finding]:
    return prove_case(CASE, names, task or Task()).by_name


def refuted(findings: dict[str, Finding]) -> set[str]:
    return {name for name, finding in findings.items() if finding.counterexample}


def proved(findings: dict[str, Finding]) -> set[str]:
    return {name for name, entry in findings.items() if not entry.counterexample and not entry.unknown}


# --- the specification as it is ---


def test_every_theorem_holds_and_has_a_witness() -> None:
    findings = found()
    assert proved(findings) == set(EVERYTHING)
    assert all(finding.witness for finding in findings.values())
    assert {name for name, finding in findings.items() if not finding.obligations} == OF_THE_OTHER_OPENER


def test_every_message_is_taken_in_both_directions() -> None:
    for link in Link:
        passing = {(step.sending, step.message) for step in STEPS_AT[link] if step.passes_a_message}
        assert passing == {(sending, kind) for sending in (True, False) for kind in get_args(Message)}


def test_a_connection_may_be_lost_whatever_has_been_resumed() -> None:
    assert all(any(step.message is ConnectionLost for step in STEPS_AT[link]) for link in Link)
    assert {step.message for step in STEPS} == {*get_args(Message), *HAPPENINGS}


@pytest.mark.parametrize("link", [link for link in Link if link is not Link.UP])
def test_no_message_but_channel_reestablish_passes_on_a_channel_that_is_not_resumed(link: Link) -> None:
    setting = settle(CASES[CASE], QUERY_TIMEOUT_MS, link)
    for step in STEPS_AT[link]:
        taken = [path for path in taken_paths(setting, step) if path is not None]
        assert bool(taken) == step.is_open_to(CASES[CASE])


def test_every_lemma_is_a_theorem_of_its_own() -> None:
    """Else the joint induction would assume what nobody shows."""
    lemmas = {lemma for theorem in INDUCTIVE for lemma in (*STRUCTURE, *theorem.lemmas)}
    shown = [theorem.goal for theorem in INDUCTIVE]
    assert all(lemma in shown for lemma in lemmas)
    assert all(isinstance(lemma, ChannelProperty) for lemma in lemmas)
    assert all(lemma in CHANNEL_PROPERTIES for lemma in lemmas)


def test_nothing_is_assumed_but_types_and_structure() -> None:
    setting = settle(CASES[CASE], QUERY_TIMEOUT_MS)
    channel = arbitrary_channel(CASES[CASE], setting.groups)
    allowed = [*domain(channel), *(setting.statements[goal.name].formula for goal in STRUCTURE)]
    assert {fact.sexpr() for fact in setting.solver.assertions()} == {fact.sexpr() for fact in allowed}
    solver = z3.Solver()
    solver.add(setting.solver.assertions())
    for name in ("local_msat", "remote_msat"):
        assert solver.check(z3.Int(name) < 0) == z3.sat


def test_a_theorem_assumes_its_lemmas_and_itself() -> None:
    setting = settle(CASES[CASE], QUERY_TIMEOUT_MS)
    for theorem in INDUCTIVE:
        goals = [*theorem.lemmas, *([theorem.goal] if isinstance(theorem.goal, ChannelProperty) else [])]
        assumed = {formula.sexpr() for formula in setting.assumed(theorem, [])}
        assert assumed == {setting.statements[goal.name].formula.sexpr() for goal in goals}


def test_groups_left_out_cannot_have_members() -> None:
    setting = settle(CASES[CASE], QUERY_TIMEOUT_MS)
    kept = {group.form for group in setting.groups}
    for form in arbitrary_groups():
        state = concrete_with(form.form)
        for owed in ((0, 0), (0, 1), (1, 0), (1, 1)):
            state = replace(state, local_commitment_number=owed[0], remote_commitment_number=owed[1])
            if all(goal.holds(state) for goal in STRUCTURE):
                assert form.form in kept


def concrete_with(form: Any) -> Channel:
    offerer, added, removal, removed = form
    one = htlc.Htlc(offerer, 0, 1, 1, 1, added, removal, removed)  # type: ignore[arg-type]
    params = arbitrary_params(CASES[CASE])
    return Channel(params, 0, 0, constant(253), NO_HTLCS.add(one))  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [step for step in STEPS if step.is_open_to(CASES[CASE])], ids=str)
def test_a_missing_path_is_noticed(step: StepKind) -> None:
    setting, ways = settle(CASES[CASE], QUERY_TIMEOUT_MS, step.link), Ways()
    assert sum(1 for _ in taken_paths(setting, step, ways)) == len(ways.conditions)

    def escape(conditions: list[z3.BoolRef]) -> Any:
        setting.solver.push()
        pose_no_path(setting, step, Ways(conditions, ways.assumptions))
        answer = setting.solver.check()
        setting.solver.pop()
        return answer

    assert escape(ways.conditions) == z3.unsat
    assert escape(ways.conditions[1:]) == z3.sat
    assert escape(ways.conditions[:-1]) == z3.sat


def test_the_solver_is_as_before_when_paths_are_left_early_or_end_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = settle(CASES[CASE], QUERY_TIMEOUT_MS)
    before = len(setting.solver.assertions())
    next(taken_paths(setting, STEPS[0]))
    assert len(setting.solver.assertions()) == before
    monkeypatch.setattr("boltspec.party.send_update_add_htlc", raising)
    with pytest.raises(Unsupported):
        list(taken_paths(setting, STEPS[0]))
    assert len(setting.solver.assertions()) == before


def raising(*_: object) -> Any:
    raise Unsupported("planted")


def test_what_is_prepared_serves_whatever_rules_are_off() -> None:
    with without(frozenset({"B02-adding-htlc-s-08"})):
        weakened = settle(CASES[CASE], QUERY_TIMEOUT_MS)
    assert settle(CASES[CASE], QUERY_TIMEOUT_MS) is weakened
    assert settle(CASES[CASE], QUERY_TIMEOUT_MS, Link.DOWN) is not weakened


@pytest.mark.parametrize("off", [frozenset[str](), frozenset({"B02-adding-htlc-s-08"})])
def test_a_property_in_terms_of_rules_is_refused_whether_they_are_off_or_not(
    off: frozenset[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_each(_: object) -> bool:
        return duty("B02-adding-htlc-s-08")

    asking = ChannelProperty("Asking", "For each HTLC a duty is done.", lambda channel: channel.htlcs.all(of_each))
    monkeypatch.setattr(induction, "CHANNEL_PROPERTIES", (asking,))
    induction.forget_settings()
    try:
        for _ in range(2):
            with without(off), pytest.raises(Unsupported, match="asks B02-adding-htlc-s-08"):
                settle(CASES[CASE], QUERY_TIMEOUT_MS)
    finally:
        induction.forget_settings()


def test_what_a_conditional_property_says_of_each_is_assumed_under_its_condition_only() -> None:
    setting = settle(CASES[CASE], QUERY_TIMEOUT_MS)
    cheap = ChannelProperty(
        "Cheap",
        "If the channel is signed, all amounts are below five.",
        lambda channel: not channel.signed or channel.htlcs.all(lambda htlc: int_of(htlc.amount_msat) < 5),
    )
    one: Any = setting.groups[0].member
    (instance,) = Statement.about(setting.channel, cheap).of([one])
    solver = z3.Solver()
    solver.add(instance, one.amount_msat.term == 9)
    assert solver.check() == z3.sat
    assert solver.check(z3.Bool("signed")) == z3.unsat


def int_of(value: Any) -> Any:
    return value


# --- false properties ---

FALSE: dict[str, Callable[[Channel], Any]] = {
    "few HTLCs": lambda channel: channel.htlcs.count(lambda htlc: True) <= 3,
    "no HTLC": lambda channel: channel.htlcs.count(lambda htlc: htlc.added is Stage.COMMITTED) == 0,
    "small HTLCs": lambda channel: channel.htlcs.all(lambda htlc: int_of(htlc.amount_msat) < 5),
    "small total": lambda channel: channel.htlcs.total(lambda htlc: int_of(htlc.amount_msat), 0) < 5_000,
    "one large HTLC": lambda channel: channel.htlcs.count(lambda htlc: int_of(htlc.amount_msat) > 9) <= 1,
    "nothing is removed": lambda channel: not channel.htlcs.any(lambda htlc: htlc.removed is not Stage.ABSENT),
    "rich": lambda channel: int_of(channel.local_msat) >= 1,
    "few commitments": lambda channel: channel.local_commitment_number < 7,
    "nobody gains": lambda channel: int_of(channel.local_msat) + channel.remote_msat == 5_000,
    "in step": lambda channel: channel.local_commitment_number == channel.remote_commitment_number,
    "ids": lambda channel: channel.htlcs.all(lambda htlc: htlc.id + 1 < channel.next_local_htlc_id),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_property_is_not_proved(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theorem = InductiveTheorem(ChannelProperty(name, name, FALSE[name]), ())
    monkeypatch.setitem(BY_NAME, name, theorem)
    monkeypatch.setattr(induction, "CHANNEL_PROPERTIES", (*CHANNEL_PROPERTIES, theorem.goal))
    finding = found((name,))[name]
    assert finding.counterexample or finding.unknown
    assert finding.counterexample, finding.unknown


# --- wrong specifications ---


def doubled(settled: Callable[[Channel], Channel], channel: Channel) -> Channel:
    after = settled(channel)
    gained = after.local_msat - channel.local_msat
    return replace(after, local_msat=after.local_msat + gained)


def one_sided(settled: Callable[[Channel], Channel], channel: Channel) -> Channel:
    return replace(settled(channel), remote_msat=channel.remote_msat)


def negative(channel: Channel, message: Any) -> Any:
    verdict: Any = receive_update_fail_htlc(channel, message)
    return replace(verdict, state=replace(verdict.state, local_commitment_number=-1)) if accepted(verdict) else verdict


def accepted(verdict: Any) -> bool:
    return hasattr(verdict, "state")


def shift(patch: pytest.MonkeyPatch, module: str, rule: str, compare: Callable[..., Any], *names: str) -> None:
    """Plant another comparison for one rule, of some of the numbers that it cites."""
    require = getattr(import_module(module), "require")  # noqa: B009  # the planted one, if there is one

    def planted(condition: Any, cited: str, *reaction: Any, **numbers: Any) -> None:
        if cited == rule:
            condition = compare(*(numbers[name] for name in names))
        require(condition, cited, *reaction, **numbers)

    patch.setattr(f"{module}.require", planted)


def plant_settling_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commit, "_settled", partial(doubled, commit._settled))


def plant_forgotten_payment(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commit, "_settled", partial(one_sided, commit._settled))


def plant_kept_htlc(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("boltspec.commit.is_settled", lambda entry: entry.removed is Stage.ACK_COMMITTED)


def plant_skipped_stage(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(htlc.ADVANCES, (Event.RECEIVE_REVOKE_AND_ACK, LOCAL), (Stage.COMMITTED, Stage.IRREVOCABLE))


def plant_wrong_wait(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(htlc.ADVANCES, (Event.SEND_REVOKE_AND_ACK, REMOTE), (Stage.COMMITTED, Stage.ACK_COMMITTED))


def plant_fixed_limit(patch: pytest.MonkeyPatch) -> None:
    shift(patch, "boltspec.update", "B02-adding-htlc-s-08", lambda offered: offered <= 484, "offered")


def plant_reserve_missed_by_one(patch: pytest.MonkeyPatch) -> None:
    shift(patch, "boltspec.update", "B02-adding-htlc-r-02", lambda left: left >= -1, "left_msat")


def plant_zero_amounts(patch: pytest.MonkeyPatch) -> None:
    shift(patch, "boltspec.update", "B02-adding-htlc-s-05", lambda amount: amount >= 0, "amount_msat")


def plant_expiry_at_the_threshold(patch: pytest.MonkeyPatch) -> None:
    shift(patch, "boltspec.update", "B02-adding-htlc-r-04", lambda expiry: expiry <= 500_000_000, "cltv_expiry")


def plant_second_commitment(patch: pytest.MonkeyPatch) -> None:
    def late(signed: Any, revoked: Any) -> Any:
        return signed <= revoked + 1

    shift(patch, "boltspec.commit", "D02-commitment-signed-s-01", late, "signed", "revoked")


def plant_early_revocation(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commit, "owes_revocation", lambda state: state.local_revocations <= state.local_commitment_number)


def plant_next_secret(patch: pytest.MonkeyPatch) -> None:
    def next_one(secret: Any, superseded: Any) -> Any:
        return secret == superseded + 1

    shift(patch, "boltspec.commit", "B02-revoke-and-ack-s-01", next_one, "secret", "superseded")


def plant_forgotten_preimage(patch: pytest.MonkeyPatch) -> None:
    undone = reestablish._without_uncommitted_removal

    def forgetful(entry: Any, forgets: Any) -> Any:
        return replace(undone(entry, forgets), added=Stage.IRREVOCABLE)

    patch.setattr(reestablish, "_without_uncommitted_removal", forgetful)


def plant_a_gap_in_the_ids(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reestablish, "_uncommitted_offers", lambda *_: 0)


def plant_all_offers_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reestablish, "_is_uncommitted_offer", lambda entry, forgets: entry.added <= Stage.COMMITTED)


def plant_commitments_lost_by_two(patch: pytest.MonkeyPatch) -> None:
    def near(number: Any, signed: Any) -> Any:
        return signed - 1 <= number <= signed + 1

    shift(patch, "boltspec.reestablish", "B02-retransmission-n-13", near, "next_commitment_number", "signed")


def plant_sending_while_it_owes(patch: pytest.MonkeyPatch) -> None:
    shift(patch, "boltspec.reestablish", "D02-retransmission-s-02", lambda: True)


PLANTED: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], set[str]]] = {
    "settling adds twice": (plant_settling_twice, {"Conservation"}),
    "settling forgets one side": (plant_forgotten_payment, {"Conservation"}),
    "HTLCs leave too early": (plant_kept_htlc, {"StageOrder"}),
    "a stage is skipped": (plant_skipped_stage, {"Conservation", "NonNegative"}),
    "updates wait for nothing": (plant_wrong_wait, {"OneUnackedCommit"}),
    "a fixed number of offers": (plant_fixed_limit, {"LimitsHold"}),
    "the reserve is missed by one": (plant_reserve_missed_by_one, {"Reserve"}),
    "at least zero instead of more": (plant_zero_amounts, {"TermsLawful"}),
    "at most instead of below": (plant_expiry_at_the_threshold, {"TermsLawful"}),
    "two unanswered commitments": (plant_second_commitment, {"OneUnackedCommit"}),
    "revoking the newest": (plant_early_revocation, {"OneUnackedCommit", "RevokeAfterNew"}),
    "revealing the next secret": (plant_next_secret, {"RevealsSuperseded"}),
    "undone removals commit the offer": (plant_forgotten_preimage, {"Conservation"}),
    "ids have a gap after a lost connection": (plant_a_gap_in_the_ids, {"UncommittedForgotten"}),
    "committed offers are forgotten": (plant_all_offers_forgotten, {"UncommittedForgotten"}),
    "a commitment too many is lost": (plant_commitments_lost_by_two, {"OwesWhatIsLacking"}),
    "new messages before old ones": (plant_sending_while_it_owes, {"SpeaksOnceResumed"}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_wrong_specification_is_refuted_with_a_step_of_the_plain_interpreter(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, broken = PLANTED[name]
    plant(monkeypatch)
    findings = found(tuple(broken))
    assert refuted(findings) == broken
    for theorem in broken:
        assert "leads to" in str(findings[theorem].counterexample)


def test_a_counter_that_becomes_negative_makes_everything_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters are assumed to be unsigned before a step: that has to be shown after it."""
    monkeypatch.setattr("boltspec.party.receive_update_fail_htlc", negative)
    findings = found(("FulfilProves",))
    assert "negative at receive UpdateFailHtlc" in str(findings["FulfilProves"].unknown)


def test_a_step_that_changes_the_constants_makes_everything_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def generous(channel: Channel, message: Any) -> Any:
        verdict: Any = send_update_fail_htlc(channel, message)
        params = replace(channel.params, funding_satoshis=-1)  # type: ignore[arg-type]
        return replace(verdict, state=replace(verdict.state, params=params)) if accepted(verdict) else verdict

    monkeypatch.setattr("boltspec.party.send_update_fail_htlc", generous)
    assert "changes the constants" in str(found(("FulfilProves",))["FulfilProves"].unknown)


def test_a_wrong_opening_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:

    def doubling(*given: Any) -> Channel:
        return replace(opened(*given), remote_msat=opened(*given).local_msat)

    for module in ("induction", "counterexample"):
        monkeypatch.setattr(f"boltproofs.{module}.opened", doubling)
    findings = found(("Conservation",))
    assert "a channel opened as" in str(findings["Conservation"].counterexample)


def test_a_step_that_nobody_can_take_leaves_no_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(channel: Channel, message: RevokeAndAck) -> Any:
        return send_revoke_and_ack(replace(channel, local_commitment_number=channel.local_revocations), message)

    monkeypatch.setattr("boltspec.party.send_revoke_and_ack", refusing)
    assert not found(("Reserve",))["Reserve"].witness


# --- what the prover cannot follow ---

UNSUPPORTED: dict[str, Callable[[Channel], Any]] = {
    "branches on a universal": lambda state: 1 if state.htlcs.all(lambda entry: entry.id == 3) else 2,
    "keeps by amount": lambda state: state.htlcs.keep(lambda entry: int_of(entry.amount_msat) > 5),
    "compares two commitments": lambda state: commitment(state, View.LOCAL_LATEST)
    == commitment(state, View.REMOTE_LATEST),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_step_that_the_prover_cannot_follow_makes_everything_unknown(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planted(channel: Channel, message: Any) -> Any:
        UNSUPPORTED[name](replace(channel, local_commitment_number=channel.local_commitment_number))
        return receive_revoke_and_ack(channel, message)

    monkeypatch.setattr("boltspec.party.receive_revoke_and_ack", planted)
    findings = found(("Reserve", "SecretsHeld"))
    assert not proved(findings)
    assert all("receive RevokeAndAck" in str(finding.unknown) for finding in findings.values())


def test_what_is_left_when_the_time_is_up_is_unknown() -> None:
    findings = found(task=Task(deadline=0.0))
    assert not proved(findings)
    assert all("out of time" in str(finding.unknown) for finding in findings.values())


def test_a_solver_that_gives_up_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = settle(CASES[CASE], QUERY_TIMEOUT_MS)
    monkeypatch.setattr(setting.solver, "reason_unknown", lambda: "gave up", raising=False)
    monkeypatch.setattr("boltproofs.induction_proof.STEPS", STEPS_AT[Link.UP][-1:])
    monkeypatch.setattr(setting.solver, "check", lambda *_: z3.unknown, raising=False)
    findings = found(("SecretsHeld",))
    assert "gave up" in str(findings["SecretsHeld"].unknown)
    assert not proved(findings)


# --- rules switched off ---


@pytest.mark.parametrize(
    ("name", "rule"), [("SecretsHeld", "B02-revoke-and-ack-r-01"), ("FulfilProves", "B02-removing-htlc-r-02")]
)
def test_without_its_rule_a_theorem_is_refuted(name: str, rule: str) -> None:
    assert refute_without([name], rule, Task()) == {name}
    assert name in refuted(found((name,), Task(without=frozenset({rule}))))


def test_without_an_unrelated_rule_nothing_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boltproofs.induction_proof.CASES", CASES[:1])
    assert not refute_without(["SecretsHeld"], "B02-adding-htlc-s-05", Task())
    assert not refute_without(["SecretsHeld"], "B02-revoke-and-ack-r-01", Task(deadline=0.0))


def test_findings_of_units_are_put_together_pessimistically() -> None:
    together = Findings()
    for finding in (Finding(obligations=2), Finding(obligations=1, unknown="why", witness=False), Finding()):
        single = Findings()
        single.of("T").add(finding)
        together.add(single)
    assert together.of("T") == Finding(obligations=3, unknown="why", witness=False)


def test_opening_is_asked_of_every_balance_that_can_be_pushed() -> None:
    solver = pose_opening(BY_NAME["NonNegative"], CASES[CASE], QUERY_TIMEOUT_MS)
    assert solver.check() == z3.unsat
    lenient = ChannelProperty("Rich", "B has something.", lambda channel: int_of(channel.remote_msat) > 0)
    assert pose_opening(InductiveTheorem(lenient, ()), CASES[CASE], QUERY_TIMEOUT_MS).check() == z3.sat


def test_counters_are_those_of_the_channel() -> None:
    kinds = {name for name, kind in Channel.__annotations__.items() if kind == "int"}
    assert kinds == set(NUMBERS)


def test_flags_are_those_of_the_channel() -> None:
    assert {name for name, kind in Channel.__annotations__.items() if kind == "bool"} == set(FLAGS)
    others = {"params", "local_msat", "remote_msat", "feerates", "htlcs", "link"}
    assert set(Channel.__annotations__) == {*NUMBERS, *FLAGS, *others}
