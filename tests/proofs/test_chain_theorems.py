"""Theorems about what is published: their claims on plain numbers, and that wrong steps are refuted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boltproofs import chain_proof, chain_theorems
from boltproofs.chain_proof import prove_on_chain
from boltproofs.chain_theorems import CHAIN_THEOREMS, Claim, Numbers
from boltproofs.solving import Task
from boltproofs.verify import THEOREMS
from boltspec import enforcement
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
    """Without its premise each goal fails."""
    everything = replace(claim, premise=lambda numbers: numbers.number >= 0)
    assert chain_proof._counterexample(everything) is not None


def test_lemmas_are_theorems_and_cover_what_premises_assume() -> None:
    by_name = {theorem.name: theorem for theorem in CHAIN_THEOREMS}
    for theorem in CHAIN_THEOREMS:
        assert set(theorem.lemmas) <= set(THEOREMS)
    assert {"RevealsSuperseded", "MonotoneNumbers"} <= set(by_name["NoFalsePenalty"].lemmas)


def test_that_nothing_revoked_is_published_rests_on_no_lemma() -> None:
    """Its premise speaks of the node's own commitments only, not of what the peer knows."""
    (claim,) = {theorem.name: theorem for theorem in CHAIN_THEOREMS}["RevokedNotPublished"].claims
    knowing = Numbers(*[0] * len(Numbers._fields))._replace(number=2, local_revocations=2, revealed=9, peer_secrets=9)
    assert claim.premise(knowing)
    assert claim.goal(knowing)


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
    finding = prove_on_chain("NoFalsePenalty", Task(deadline=0.0)).of("NoFalsePenalty")
    assert "out of time" in str(finding.unknown)
