"""BOLT 5: which output an honest node takes and by which way, and which commitment it publishes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltspec.chain.conditions import Condition, Kind, Use, condition
from boltspec.chain.enforcement import (
    PUBLISH,
    RESOLUTIONS,
    RESOLVE,
    Situation,
    knows_secret,
    publish_commitment,
    resolution,
    situation,
    standing,
)
from boltspec.chain.ledger import Closing
from boltspec.chain.transactions import Form, Txid
from boltspec.channel import Channel, opened
from boltspec.rules import without
from boltspec.scenario import small_limits, small_params
from boltspec.units import Height
from boltspec.verdict import Accepted, Refused

NODE = opened(small_params(small_limits()))
LOCAL_SEAT, REMOTE_SEAT = 0, 1


def anything(_: Condition) -> bool:
    return True


def revoked(times: int) -> Channel:
    """A node whose peer has revoked so many commitments."""
    return replace(NODE, remote_commitment_number=times, remote_revocations=times, remote_secrets=times)


def closing(seat: int, number: int) -> Closing:
    return Closing(Txid(Form.COMMITMENT, seat, number), Height(10))


def test_situation_depends_on_owner_and_revocation() -> None:
    node = revoked(2)
    assert situation(node, closing(LOCAL_SEAT, 0), LOCAL_SEAT) is Situation.LOCAL
    assert situation(node, closing(REMOTE_SEAT, 1), LOCAL_SEAT) is Situation.REVOKED
    assert situation(node, closing(REMOTE_SEAT, 2), LOCAL_SEAT) is Situation.REMOTE


def test_secrets_are_known_up_to_the_last_revealed_one() -> None:
    assert knows_secret(revoked(2), 1)
    assert not knows_secret(revoked(2), 2)
    assert standing(revoked(2), closing(REMOTE_SEAT, 1), LOCAL_SEAT).knows_secret
    assert not standing(revoked(2), closing(REMOTE_SEAT, 2), LOCAL_SEAT).knows_secret


def test_nobody_needs_a_secret_for_its_own_commitment() -> None:
    assert not standing(revoked(2), closing(LOCAL_SEAT, 1), LOCAL_SEAT).knows_secret


@pytest.mark.parametrize("case", RESOLUTIONS)
def test_each_rule_of_the_table_is_what_takes_the_output(case: tuple[Situation, Kind]) -> None:
    """Each row acts while all of its rules are on, and hands over to the next when one is off."""
    off: set[str] = set()
    for rules, use in RESOLUTIONS[case]:
        with without(frozenset(off)):
            assert resolution(*case, anything) == condition(case[1], use)
        for rule in rules:
            with without(frozenset({*off, rule})):
                assert resolution(*case, anything) != condition(case[1], use), rule
        off.update(rules)
    with without(frozenset(off)):
        assert resolution(*case, anything) is None


def test_nobody_acts_who_does_not_resolve_outputs() -> None:
    """B05-general-n-02"""
    with without(frozenset({RESOLVE})):
        assert all(resolution(*case, anything) is None for case in RESOLUTIONS)


@pytest.mark.parametrize("kind", [Kind.TO_REMOTE, Kind.TO_LOCAL])
def test_the_peers_lawful_commitment_leaves_nothing_to_do_with_balances(kind: Kind) -> None:
    """B05-remote-commit-l-02"""
    assert resolution(Situation.REMOTE, kind, anything) is None


def test_a_revoked_htlc_is_taken_by_revocation_first() -> None:
    """B05-revoked-commit-l-04, B05-revoked-commit-l-05"""
    case = Situation.REVOKED, Kind.OFFERED_HTLC
    taken = [resolution(*case, anything), resolution(*case, lambda way: way.use is not Use.REVOCATION)]
    assert [way and way.use for way in taken] == [Use.REVOCATION, Use.CLAIM_WITH_PREIMAGE]


@pytest.mark.parametrize(
    ("number", "broken"), [(1, "B02-revoke-and-ack-n-01"), (2, "B05-failing-channel-n-06"), (3, None)]
)
def test_only_the_newest_commitment_is_published(number: int, broken: str | None) -> None:
    """B02-revoke-and-ack-n-01, B05-revoked-commit-l-01, B05-failing-channel-n-06"""
    node = replace(NODE, local_commitment_number=3, local_revocations=2)
    assert publish_commitment(node, number) == (Accepted(node) if broken is None else Refused(broken))


def test_the_newest_has_to_be_published_only_among_those_that_are_not_revoked() -> None:
    """So each rule is needed: without the one on revoked commitments nothing else stops them."""
    node = replace(NODE, local_commitment_number=3, local_revocations=2)
    with without(frozenset({"B02-revoke-and-ack-n-01"})):
        assert publish_commitment(node, 1) == Accepted(node)
    with without(frozenset({PUBLISH})):
        assert publish_commitment(node, 2) == Accepted(node)


def test_who_is_behind_publishes_nothing() -> None:
    """B02-retransmission-r-03"""
    assert publish_commitment(replace(NODE, behind=True), 0) == Refused("B02-retransmission-r-03")
