"""Theorems about the chain: their claims on plain numbers, and that wrong tables are refuted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boltproofs import chain_proof, chain_theorems
from boltproofs.chain_proof import prove_on_chain
from boltproofs.chain_theorems import CHAIN_THEOREMS, PUNISHABLE, Claim, Numbers
from boltproofs.solving import Task
from boltproofs.verify import THEOREMS
from boltspec import enforcement
from boltspec.enforcement import RESOLUTIONS, Situation
from boltspec.outputs import PATHS, Kind, Need, Spender
from boltspec.rules import without

CLAIMS = [(theorem.name, claim) for theorem in CHAIN_THEOREMS for claim in theorem.claims]
SMALL = st.integers(0, 3)
NUMBERS = st.builds(Numbers, *[SMALL] * len(Numbers._fields))


@pytest.mark.parametrize("theorem", CHAIN_THEOREMS, ids=lambda theorem: theorem.name)
def test_a_theorem_holds_has_witnesses_and_needs_its_rules(theorem: chain_theorems.ChainTheorem) -> None:
    finding = prove_on_chain(theorem.name, Task()).of(theorem.name)
    assert finding.counterexample is None
    assert finding.unknown is None
    assert finding.witness
    assert finding.obligations == len(theorem.claims)
    assert finding.refutations == [(rule, True) for rule in theorem.fails_without]


@given(NUMBERS)
@settings(max_examples=300, deadline=None)
def test_no_small_numbers_contradict_a_claim(numbers: Numbers) -> None:
    for _, claim in CLAIMS:
        assert not claim.premise(numbers) or claim.goal(numbers), claim.label


@pytest.mark.parametrize(("name", "claim"), CLAIMS, ids=lambda value: getattr(value, "label", value))
def test_a_claim_is_no_consequence_of_the_types_alone(name: str, claim: Claim) -> None:
    """Without its premise each goal fails, but where the owner has no way that ends in its wallet."""
    everything = replace(claim, premise=lambda numbers: numbers.number >= 0)
    to_wallet = any(path.spender is Spender.OWNER and path.leads_to is None for path in PATHS[_kind(claim)])
    assert (chain_proof._counterexample(everything) is not None) == ("thief" not in claim.label or to_wallet)


def _kind(claim: Claim) -> Kind:
    return next((kind for kind in PUNISHABLE if str(kind) in claim.label.split()), Kind.TO_LOCAL)


def test_lemmas_are_theorems_and_cover_what_premises_assume() -> None:
    by_name = {theorem.name: theorem for theorem in CHAIN_THEOREMS}
    for theorem in CHAIN_THEOREMS:
        assert set(theorem.lemmas) <= set(THEOREMS)
    assert "SecretsHeld" in by_name["FirstLedgerPenalty"].lemmas
    assert {"RevealsSuperseded", "MonotoneNumbers"} <= set(by_name["NoFalsePenalty"].lemmas)


def test_that_nothing_revoked_is_published_rests_on_no_lemma() -> None:
    """Its premise speaks of the node's own commitments only, not of what the peer knows."""
    (claim,) = {theorem.name: theorem for theorem in CHAIN_THEOREMS}["RevokedNotPublished"].claims
    knowing = Numbers(*[0] * 13)._replace(number=2, local_revocations=2, revealed=9, peer_secrets=9)
    assert claim.premise(knowing)
    assert claim.goal(knowing)


def test_every_output_that_the_owner_can_spend_is_covered() -> None:
    spendable = {kind for kind, paths in PATHS.items() if any(path.spender is Spender.OWNER for path in paths)}
    assert spendable == set(PUNISHABLE)


def test_the_condition_is_exact() -> None:
    """One block less is enough: a victim as slow as the delay loses."""
    claim = {theorem.name: theorem for theorem in CHAIN_THEOREMS}["FirstLedgerPenalty"].tight
    assert claim is not None
    numbers = Numbers(*[0] * 13)._replace(
        remote_revocations=1, remote_secrets=1, confirmed=10, height=13, to_self_delay=4, reaction=4
    )
    assert claim.premise(numbers)
    assert not claim.goal(numbers)
    assert chain_theorems._thief_is_too_late(Kind.TO_LOCAL)(numbers._replace(height=12))


@pytest.mark.parametrize("kind", PUNISHABLE)
def test_without_a_way_to_punish_an_output_the_theorem_is_refuted(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RESOLUTIONS, (Situation.REVOKED, kind), ())
    finding = prove_on_chain("FirstLedgerPenalty", Task()).of("FirstLedgerPenalty")
    assert f"not so: the victim takes {kind}" in str(finding.counterexample)


def test_outputs_without_delay_are_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    punish, wait = PATHS[Kind.TO_LOCAL]
    paths = (punish, replace(wait, need=Need.PREIMAGE))
    monkeypatch.setitem(PATHS, Kind.TO_LOCAL, paths)
    finding = prove_on_chain("FirstLedgerPenalty", Task()).of("FirstLedgerPenalty")
    assert "not so: the thief cannot take to_local in time" in str(finding.counterexample)


def test_publishing_off_by_one_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    original = enforcement.publish_commitment
    monkeypatch.setattr(chain_theorems, "publish_commitment", lambda channel, number: original(channel, number + 1))
    for name in ("NoFalsePenalty", "RevokedNotPublished"):
        assert "not so" in str(prove_on_chain(name, Task()).of(name).counterexample)


def test_a_counterexample_that_plain_numbers_do_not_confirm_refutes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_proof, "_counterexample", lambda _: None)
    with without(frozenset({"B02-revoke-and-ack-n-01"})):
        finding = prove_on_chain("RevokedNotPublished", Task()).of("RevokedNotPublished")
    assert finding.counterexample is None
    assert "does not confirm" in str(finding.unknown)


def test_an_empty_premise_leaves_no_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    theorem = chain_proof.BY_NAME["RevokedNotPublished"]
    empty = replace(theorem, claims=(replace(theorem.claims[0], premise=lambda numbers: numbers.number < 0),))
    monkeypatch.setitem(chain_proof.BY_NAME, theorem.name, empty)
    assert not prove_on_chain(theorem.name, Task()).of(theorem.name).witness


def test_what_is_left_when_the_time_is_up_is_unknown() -> None:
    finding = prove_on_chain("FirstLedgerPenalty", Task(deadline=0.0)).of("FirstLedgerPenalty")
    assert "out of time" in str(finding.unknown)
