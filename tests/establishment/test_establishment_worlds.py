"""The worlds of establishment, searched; what anybody sends at any time; and what each rule is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boltproofs.ablation import Baseline, Outcome, baseline, finding
from boltproofs.citations import cited, rules_of_modules, spec_sources
from boltproofs.explorer.search import Verdict, search
from boltproofs.trace import breaks
from boltspec.establishment.funding import Outpoint, Transaction
from boltspec.establishment.messages import ChannelReady, FundingCreated, FundingSigned, Message
from boltspec.establishment.ready import established
from boltspec.establishment.scenario import ACCEPT_CHANNEL, OPEN_CHANNEL, SCENARIOS, Scenario
from boltspec.establishment.state import Establishment
from boltspec.establishment.steps import receive, send
from boltspec.establishment.temptations import NOTHING_SIGNED
from boltspec.establishment.world import World, initial, successors
from boltspec.rules import Reaction, requirements
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat
from boltspec.verdict import Accepted, Refused, Rejected

SECTIONS = ("open-channel-", "accept-channel-", "funding-created-", "funding-signed-", "channel-ready-")


def reachable(scenario: Scenario) -> Iterator[World]:
    """Yield every world that can be reached, nearest first."""
    known = level = {initial(scenario): None}
    while level:
        yield from level
        reached = dict.fromkeys(after for world in level for _, after in successors(world, scenario))
        level = {world: None for world in reached if world not in known}
        known = known | level


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_property_holds_in_every_scenario(name: str) -> None:
    result = search(SCENARIOS[name])
    assert result.verdict is Verdict.HOLDS, result


@pytest.mark.parametrize(
    "name", [f"open-{name}" for name in ("honest", "nameless", "private", "zeroconf", "static-remotekey")]
)
def test_a_channel_can_be_established(name: str) -> None:
    worlds = reachable(SCENARIOS[name])
    assert any(all(established(node) is not None for node in world.nodes) for world in worlds)


NECESSARY = [
    "B02-accept-channel-r-02", "B02-channel-ready-e-01", "B02-channel-ready-s-01", "B02-channel-ready-s-11",
    "B02-funding-created-e-01", "B02-funding-signed-b-01", "B02-funding-signed-f-01", "B02-funding-signed-f-02",
    "B02-funding-signed-f-03", "B02-open-channel-r-03", "B02-open-channel-r-16", "B02-open-channel-r-21",
    "B02-open-channel-r-22", "B02-open-channel-r-25", "B02-open-channel-r-26", "D02-channel-ready-b-01",
    "D02-channel-ready-s-01",
]  # fmt: skip


@pytest.fixture(scope="module")
def small_baselines() -> list[Baseline]:
    names = "static-remotekey,honest,private,nameless,untrusted-zeroconf,corrupt-accepter,public-only"
    return [baseline(f"open-{name}") for name in names.split(",")]


@pytest.mark.parametrize("rule", NECESSARY)
def test_without_a_necessary_rule_its_attack_breaks_a_property(rule: str, small_baselines: list[Baseline]) -> None:
    found = finding(small_baselines, rule)
    assert found.outcome is Outcome.NECESSARY, found
    assert found.trace is not None
    assert found.trace.without == {rule}
    assert found.trace.property in breaks(found.trace, found.trace.worlds(), len(found.trace.moves))


def test_a_push_over_the_funding_amount_cannot_pay_the_fee_either(small_baselines: list[Baseline]) -> None:
    found = finding(small_baselines, "B02-open-channel-r-14")
    assert (found.outcome, found.subsumed_by) == (Outcome.REDUNDANT, ("B02-open-channel-r-21",))


def test_every_requirement_of_these_sections_is_specified_or_exempt() -> None:
    rows = [row for row in requirements() if row.startswith(tuple(f"B02-{section}" for section in SECTIONS))]
    folder = next(path for path in spec_sources() if path.name == "rules.py").parent
    table = (folder / "requirements" / "exemptions.tsv").read_text("utf-8").splitlines()[1:]
    exempt = Counter(line.split("\t")[0] for line in table)
    specified = cited(path for path in spec_sources() if path.parent.name in ("establishment", "lifetime"))
    assert len(rows) == 89
    assert [row for row in rows if (row in specified) == (row in exempt)] == []
    assert rules_of_modules("establishment") <= requirements().keys()


# --- anything at any time ---


def _pool(name: str) -> list[Establishment]:
    return list(dict.fromkeys(node for world in reachable(SCENARIOS[name]) for node in world.nodes))


STATES = _pool("open-static-remotekey") + _pool("open-nameless")
OUTPOINTS = sorted({state.funding for state in STATES if state.funding is not None}, key=repr)
SIGNATURES = sorted({state.signature for state in STATES if state.signature is not None}, key=repr)

numbers = st.integers(0, 1 << 64)
outpoints = st.sampled_from([*OUTPOINTS, Outpoint(Transaction(()), 0)])
signatures = st.sampled_from([*SIGNATURES, NOTHING_SIGNED])
types = st.none() | st.frozensets(st.sampled_from([12, 22, 46, 50, 60]))
limits = st.builds(
    replace,
    st.just(OPEN_CHANNEL.limits),
    dust_limit_satoshis=st.sampled_from([353, 354, 10_000]) | numbers,
    channel_reserve_satoshis=st.sampled_from([353, 354, 10_000]) | numbers,
    to_self_delay=st.integers(0, 65_535),
    max_accepted_htlcs=st.integers(0, 65_535),
)
messages = st.one_of(
    st.builds(
        replace, st.just(OPEN_CHANNEL), limits=limits | st.just(OPEN_CHANNEL.limits), channel_type=types,
        funding_satoshis=numbers.map(Sat) | st.just(Sat(1_000_000)), push_msat=numbers.map(Msat) | st.just(Msat(0)),
        feerate_per_kw=st.integers(0, 1 << 32).map(FeeratePerKw), channel_flags=st.integers(0, 255),
    ),
    st.builds(
        replace, st.just(ACCEPT_CHANNEL), limits=limits | st.just(ACCEPT_CHANNEL.limits), channel_type=types,
        minimum_depth=st.integers(0, 200).map(Blocks), keys_valid=st.booleans(),
    ),
    st.builds(
        lambda channel_id, outpoint, signature: FundingCreated(
            channel_id, outpoint.funding_txid, outpoint.funding_output_index, signature
        ),
        st.integers(0, 2), outpoints, signatures,
    ),
    st.builds(FundingSigned, outpoints, signatures),
    st.builds(ChannelReady, outpoints, st.integers(0, 2), st.none() | numbers),
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(state=st.sampled_from(STATES), message=messages)
def test_anything_at_any_time_is_taken_or_rejected_as_prescribed(state: Establishment, message: Message) -> None:
    copy = replace(state)
    received, sent = receive(state, message), send(state, message)
    assert state == copy
    if isinstance(received, Rejected):
        signature = received.rule in ("B02-funding-created-e-01", "B02-funding-signed-f-01")
        assert received.reaction is (Reaction.WARN_OR_FAIL if signature else Reaction.FAIL_CHANNEL)
        assert received.rule in requirements()
    else:
        assert received.state.role is not None
    assert isinstance(sent, Accepted | Refused)


def test_a_message_that_is_not_awaited_is_rejected_in_every_phase() -> None:
    outpoint = Outpoint(Transaction(()), 0)
    every: tuple[Message, ...] = (
        OPEN_CHANNEL, ACCEPT_CHANNEL, FundingCreated(1, outpoint.funding_txid, 0, NOTHING_SIGNED),
        FundingSigned(outpoint, NOTHING_SIGNED), ChannelReady(outpoint),
    )  # fmt: skip
    names = ("open_channel", "accept_channel", "funding_created", "funding_signed", "channel_ready")
    for state in STATES:
        for name, message in zip(names, every, strict=True):
            if name != state.awaited:
                rejected = Rejected("D02-channel-establishment-r-01", Reaction.FAIL_CHANNEL)
                assert receive(state, message) == rejected
                assert send(state, message) == Refused("D02-channel-establishment-s-01")
