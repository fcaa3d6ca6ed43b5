"""BOLT 5: which output an honest node takes, when the chain lets it, and which commitment it publishes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltspec.channel import Channel, opened
from boltspec.commitment import CommittedHtlc
from boltspec.enforcement import (
    RESOLUTIONS,
    WATCH,
    Situation,
    knows_secret,
    path_of,
    publish_commitment,
    resolution,
    situation,
)
from boltspec.htlc import LOCAL, REMOTE
from boltspec.ledger import Confirmed, is_open
from boltspec.outputs import Kind, Output, Path, Use
from boltspec.rules import without
from boltspec.scenario import small_limits, small_params
from boltspec.units import Blocks, Height, Msat, Sat
from boltspec.verdict import Accepted, Refused

NODE = opened(small_params(small_limits()))
DELAY = Blocks(4)


def anything(_: Path) -> bool:
    return True


def revoked(times: int) -> Channel:
    """A node whose peer has revoked so many commitments."""
    return replace(NODE, remote_commitment_number=times, remote_revocations=times, remote_secrets=times)


def test_situation_depends_on_owner_and_revocation() -> None:
    node = revoked(2)
    assert situation(node, LOCAL, 0) is Situation.LOCAL
    assert situation(node, REMOTE, 1) is Situation.REVOKED
    assert situation(node, REMOTE, 2) is Situation.REMOTE


def test_secrets_are_known_up_to_the_last_revealed_one() -> None:
    assert knows_secret(revoked(2), 1)
    assert not knows_secret(revoked(2), 2)


@pytest.mark.parametrize("case", RESOLUTIONS)
def test_each_rule_of_the_table_is_what_takes_the_output(case: tuple[Situation, Kind]) -> None:
    """Each row acts while its rule is on, and hands over to the next when it is off."""
    off: set[str] = set()
    for rule, use in RESOLUTIONS[case]:
        with without(frozenset(off)):
            assert resolution(*case, anything) == path_of(case[1], use)
        off.add(rule)
    with without(frozenset(off)):
        assert resolution(*case, anything) is None


def test_nobody_acts_who_does_not_watch() -> None:
    """B05-general-n-01"""
    with without(frozenset({WATCH})):
        assert all(resolution(*case, anything) is None for case in RESOLUTIONS)


@pytest.mark.parametrize("kind", [Kind.TO_REMOTE, Kind.TO_LOCAL])
def test_the_peers_lawful_commitment_leaves_nothing_to_do_with_balances(kind: Kind) -> None:
    """B05-remote-commit-l-02"""
    assert resolution(Situation.REMOTE, kind, anything) is None


def test_a_revoked_htlc_is_taken_by_revocation_first() -> None:
    """B05-revoked-commit-l-04, B05-revoked-commit-l-05"""
    case = Situation.REVOKED, Kind.OFFERED_HTLC
    taken = [resolution(*case, anything), resolution(*case, lambda path: path.use is not Use.REVOCATION)]
    assert [path and path.use for path in taken] == [Use.REVOCATION, Use.CLAIM_WITH_PREIMAGE]


@pytest.mark.parametrize(("number", "lawful"), [(1, False), (2, True), (3, True)])
def test_only_unrevoked_commitments_are_published(number: int, lawful: bool) -> None:
    """B02-revoke-and-ack-n-01, B05-revoked-commit-l-01"""
    node = replace(NODE, local_commitment_number=3, local_revocations=2)
    verdict = publish_commitment(node, number)
    assert verdict == (Accepted(node) if lawful else Refused("B02-revoke-and-ack-n-01"))


@pytest.mark.parametrize(("height", "opened_up"), [(12, False), (13, True)])
def test_a_delay_counts_from_the_confirmation(height: int, opened_up: bool) -> None:
    """Confirmed in block 10 with a delay of 4: the first block that may hold the spend is 14."""
    confirmed = Confirmed(Output(Kind.TO_LOCAL, Sat(1_000)), Height(10))
    assert is_open(path_of(Kind.TO_LOCAL, Use.DELAYED), confirmed, Height(height), DELAY) is opened_up


@pytest.mark.parametrize(("height", "opened_up"), [(19, False), (20, True)])
def test_an_expiry_opens_the_block_above_it(height: int, opened_up: bool) -> None:
    """With ``cltv_expiry`` 20 the first block that may hold the spend is 21."""
    htlc = CommittedHtlc(True, 0, Msat(50_000_000), 1, Height(20))
    confirmed = Confirmed(Output(Kind.OFFERED_HTLC, Sat(50_000), htlc), Height(10))
    path = path_of(Kind.OFFERED_HTLC, Use.HTLC_TIMEOUT)
    assert is_open(path, confirmed, Height(height), DELAY) is opened_up


@pytest.mark.parametrize("use", [Use.REVOCATION, Use.CLAIM_WITH_PREIMAGE])
def test_secrets_and_preimages_need_no_waiting(use: Use) -> None:
    htlc = CommittedHtlc(True, 0, Msat(50_000_000), 1, Height(20))
    confirmed = Confirmed(Output(Kind.OFFERED_HTLC, Sat(50_000), htlc), Height(10))
    assert is_open(path_of(Kind.OFFERED_HTLC, use), confirmed, Height(9), DELAY)
