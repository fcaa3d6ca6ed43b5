"""What the generated pages show agrees with the tables that they are made from."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from boltproofs.docs import (
    attacks,
    dance,
    fees,
    life,
    lifetime,
    message_reference,
    onchain,
    payment,
    property_list,
    resuming,
    rule_tables,
    scenario_list,
    theorem_list,
)
from boltproofs.docs.machine import state_diagram
from boltproofs.docs.pages import pages
from boltproofs.families import FAMILIES, SCENARIOS
from boltproofs.families.focus import NUMBERS_DO_NOT_MATTER
from boltproofs.replay import replay
from boltproofs.stories import Story
from boltproofs.verify import THEOREMS
from boltspec.chain.conditions import CONDITIONS, Kind, Lock
from boltspec.chain.enforcement import RESOLUTIONS
from boltspec.chain.properties import catalogue as chain_properties
from boltspec.channel import Link
from boltspec.closing.properties import CLOSE_PROPERTIES
from boltspec.commitment import View
from boltspec.connection import properties as connection
from boltspec.connection.state import Phase
from boltspec.establishment.properties import FINAL_PROPERTIES, PROPERTIES
from boltspec.establishment.state import Awaited
from boltspec.htlc import ADVANCES, Stage
from boltspec.lifetime import properties as life_properties
from boltspec.properties import catalogue
from boltspec.rules import requirements
from boltspec.scenario import Wish
from boltwire.messages import MESSAGES


def cells(table: str) -> list[tuple[str, ...]]:
    """The rows of a Markdown table, without heading and without code marks."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    rows = [re.split(r"(?<!\\)\|", line.strip("| ")) for line in lines[2:]]
    return [tuple(cell.strip().strip("`") for cell in row) for row in rows]


def texts(figure: str) -> list[str]:
    svg = ElementTree.fromstring(figure[figure.index("<svg") : figure.index("</svg>") + 6])
    return [element.text or "" for element in svg.iter() if element.tag.endswith("text")]


def test_every_advance_is_a_row_of_the_dance() -> None:
    expected = [
        (dance.message_of(event), maker.name.lower(), before.name, after.name)
        for (event, maker), (before, after) in ADVANCES.items()
    ]
    assert cells(dance.advances()) == expected


def test_the_diagram_has_every_advance_as_an_arrow() -> None:
    figure = dance.diagram()
    assert figure.count("<polygon") == len(ADVANCES)
    shown = texts(figure)
    assert [shown.count(stage.name) for stage in Stage] == [0, 2, 2, 2, 2, 2]
    assert sum(shown.count(verb) for verb in ("send", "receive")) == len(ADVANCES)


def test_every_way_to_spend_an_output_is_a_row() -> None:
    shown = [(kind, use) for kind, use, *_ in cells(onchain.paths())]
    assert shown == [(kind.name.lower(), way.use.value) for kind in onchain.SHOWN for way in CONDITIONS[kind]]
    assert set(onchain.SHOWN) == set(Kind) - {Kind.FUNDING, Kind.WALLET}


def test_every_lock_and_secret_is_told() -> None:
    told = {(kind, use): needs for kind, use, _, needs, _ in cells(onchain.paths())}
    for kind in onchain.SHOWN:
        for way in CONDITIONS[kind]:
            needs = told[kind.name.lower(), way.use.value]
            assert [word in needs for word in ("secret", "preimage", "cltv_expiry", "waiting")] == [
                way.secret,
                way.preimage,
                way.expiry,
                way.lock is not Lock.NONE,
            ]


def test_the_drawing_of_outputs_has_every_way() -> None:
    figure = onchain.diagram()
    penalties = figure.count('class="penalty"')
    assert penalties == sum(way.secret for kind in onchain.SHOWN for way in CONDITIONS[kind])
    assert {kind.name.lower() for kind in onchain.SHOWN} <= set(texts(figure))


def test_every_resolution_is_a_row() -> None:
    table = onchain.enforcement()
    assert len(cells(table)) == sum(len(ways) for ways in RESOLUTIONS.values())
    for ways in RESOLUTIONS.values():
        for rules, use in ways:
            assert all(f"(#{rule})" in table for rule in rules)
            assert use.value in table


def test_the_payment_is_settled_at_the_end() -> None:
    world = payment.payment()[-1].world
    assert not any(world.wires)
    assert [node.htlcs.items for node in world.nodes] == [(), ()]
    (wish,) = payment.SCENARIO.wishes
    assert isinstance(wish, Wish)
    assert world.nodes[1].local_msat - payment.SCENARIO.push_msat == wish.amount_msat


def test_the_payment_shows_all_views_after_each_message() -> None:
    rows = [row for row in cells(payment.steps()) if row[0] in View.__members__]
    assert [row[0] for row in rows] == [view.name for view in View] * len(payment.MESSAGES)


def test_the_balances_of_every_view_add_up_to_the_capacity() -> None:
    capacity = int(payment.SCENARIO.params.funding_satoshis)
    for _, *views in (row for row in cells(payment.steps()) if row[0] in View.__members__):
        for view in views:
            amounts = re.findall(r"(?:A|B|HTLC) ([\d,]+)", view)
            assert sum(int(amount.replace(",", "")) for amount in amounts) == capacity, view


def test_the_ladder_has_a_line_per_message() -> None:
    shown = [text for text in texts(payment.ladder()) if re.match(r"\d+  ", text)]
    assert [text.split()[1] for text in shown] == [rung.name for rung in payment.payment()]


@pytest.mark.parametrize("bolt", rule_tables.bolts())
def test_every_requirement_has_one_row(bolt: int) -> None:
    anchors = re.findall(r"\{#([BD]\d\d-[^}]+)\}", rule_tables.bolt_page(bolt))
    assert sorted(anchors) == sorted(row.id for row in requirements().values() if row.bolt == bolt)


def test_opening_goes_through_all_phases_in_their_order() -> None:
    shown = " ".join(texts(life.opening()))
    places = [shown.index(f"awaits {phase}") for phase in Awaited]
    assert places == sorted(places)
    assert (shown.count("by the opener"), shown.count("by the accepter")) == (2, 2)


def test_both_nodes_reach_each_phase_of_connecting_and_closing() -> None:
    reached = {row[2] for row in cells(life.connecting())}
    assert reached >= {phase.value for phase in Phase} - {Phase.CONNECTED.value}
    for page, last in ((life.closing_legacy(), "closing_signed"), (life.closing_simple(), "closing_sig")):
        assert ("negotiation", f"receives {last}", "closing transaction published") in cells(page)
        assert not any(row[0] == "closing transaction published" for row in cells(page))


def test_the_link_goes_as_the_property_demands() -> None:
    expected = {
        (Link.DOWN.name, "send channel_reestablish", Link.SENT.name),
        (Link.RECEIVED.name, "send channel_reestablish", Link.UP.name),
        (Link.DOWN.name, "receive channel_reestablish", Link.RECEIVED.name),
        (Link.SENT.name, "receive channel_reestablish", Link.UP.name),
    }
    lost = {(link.name, resuming.LOST, Link.DOWN.name) for link in Link if link is not Link.DOWN}
    assert {*resuming.link_edges()} == expected | lost


def test_whatever_is_owed_is_sent_again_or_lost_again() -> None:
    edges = resuming.owed_edges()
    assert {after for _, _, after in edges} == {*resuming.OWED}
    for owed in {*resuming.OWED} - {resuming.NOTHING}:
        left = {(event, after) for before, event, after in edges if before == owed}
        assert left == {("sent again", resuming.NOTHING), (resuming.LOST, resuming.NOTHING)}


def test_a_feerate_goes_through_all_stages() -> None:
    order = [stage.name for stage in Stage if stage is not Stage.ABSENT]
    rows = cells(fees.steps())
    assert [row[1].strip("`") for row in rows] == ["IRREVOCABLE", *order]
    assert [{*row[3:]} for row in (rows[0], rows[-1])] == [{"1000"}, {"2000"}]


def test_a_life_reaches_every_phase_and_leaves_no_end_but_failure() -> None:
    phase = lifetime.Phase
    edges = lifetime.edges()
    assert {after for _, _, after in edges} == {*phase} - {phase.OPENING}
    assert {before for before, _, _ in edges} == {*phase} - {phase.FORGOTTEN, phase.CLOSED}
    assert {after for before, _, after in edges if before == phase.FAILED} == {phase.CLOSED}


def test_a_state_diagram_has_an_arrow_per_pair_and_every_event() -> None:
    edges = {("one", "go", "two"), ("one", "run", "two"), ("two", "back", "one")}
    figure = state_diagram("both ways", ["one", "two"], edges, "")
    assert figure.count("<polygon") == 2
    assert {"one", "two", "go", "run", "back"} <= {*texts(figure)}
    with pytest.raises(ValueError, match="not to be drawn"):
        state_diagram("a state is missing", ["one"], edges, "")


def test_every_property_is_listed_with_its_sentence() -> None:
    page = property_list.properties()
    listed = {one.name for family in FAMILIES for one in family.properties}
    of_dance = (
        catalogue.CHANNEL_PROPERTIES,
        catalogue.STEP_PROPERTIES,
        catalogue.WORLD_PROPERTIES,
        catalogue.FINAL_PROPERTIES,
    )
    of_life = (life_properties.WORLD_PROPERTIES, life_properties.MOVE_PROPERTIES, life_properties.FINAL_PROPERTIES)
    others = (connection.PROPERTIES, chain_properties.PROPERTIES, (NUMBERS_DO_NOT_MATTER,), *of_life)
    stated = (*of_dance, PROPERTIES, FINAL_PROPERTIES, CLOSE_PROPERTIES, *others)
    assert listed == {entry.name for entries in stated for entry in entries}
    assert all(f"| {one.name} | {one.sentence} |" in page for family in FAMILIES for one in family.properties)


def test_every_theorem_has_a_section_with_its_rules() -> None:
    sections = re.split(r"^\(theorem-(\w+)\)=$", theorem_list.theorems(), flags=re.MULTILINE)
    by_name = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert by_name.keys() == THEOREMS.keys()
    for name, section in by_name.items():
        assert all(f"(#{rule})" in section for rule in THEOREMS[name].fails_without)


def test_every_scenario_and_every_message_is_listed() -> None:
    page = scenario_list.scenarios()
    assert re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE) == list(SCENARIOS)
    assert [page.count(f"### {family.title}\n") for family in FAMILIES] == [1] * len(FAMILIES)
    page = message_reference.page()
    assert all(f"`{message.layout.name}` ({number})" in page for number, message in MESSAGES.items())


@pytest.mark.parametrize("story", [attacks.UNWATCHED, attacks.WRONG_SECRET], ids=lambda story: story.name)
def test_attacks_pay_the_thief_on_a_real_chain(story: Story) -> None:
    trace = attacks.run_of(story)
    assert trace.property == "PenaltySafety"
    thief = trace.scenario.corrupt.index(True)
    assert replay(trace, "kernel").wallets[thief] > 0


def test_the_punished_thief_has_nothing() -> None:
    trace = attacks.run_of(attacks.PUNISHED)
    thief = trace.scenario.corrupt.index(True)
    assert not trace.without
    assert replay(trace, "kernel").wallets[thief] == 0


def test_pages_are_the_same_each_time() -> None:
    first = {name: make() for name, make in pages()}
    assert {name: make() for name, make in pages()} == first
