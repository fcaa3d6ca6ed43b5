"""Any message in any state of a life: taken by right, or rejected as the rule prescribes, and then nothing has changed.

Two lives, their wires and the chain. Honest moves are those of the world of whole lives, and every message that the
sender's rules allow. In between, anything else reaches either node: well-formed, with a wrong number, out of turn, of
another phase, or heard before. Honest moves must stay faultless as long as nobody has taken what its peer never sent.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from boltproofs.life_scenarios import BASE
from boltspec.channel import Link
from boltspec.closing.messages import ClosingComplete, ClosingSig, ClosingSigned, Shutdown
from boltspec.closing.state import ClosingFeatures
from boltspec.establishment.messages import AcceptChannel, ChannelReady, FundingCreated, FundingSigned, OpenChannel
from boltspec.establishment.state import OPENER, Awaited
from boltspec.lifetime.messages import Error, Message, Warning  # noqa: A004  # the BOLT's name
from boltspec.lifetime.owed import owed
from boltspec.lifetime.scenario import LifeScenario
from boltspec.lifetime.state import End, Life
from boltspec.lifetime.steps import react, receive, send
from boltspec.lifetime.temptations import temptations
from boltspec.lifetime.world import World, initial, successors
from boltspec.messages import ChannelReestablish, RevokeAndAck, Update, UpdateAddHtlc
from boltspec.messages import Message as DanceMessage
from boltspec.properties.catalogue import CHANNEL_PROPERTIES, STEP_PROPERTIES
from boltspec.properties.property import Step
from boltspec.rules import Reaction, requirements, without
from boltspec.units import Msat
from boltspec.verdict import Accepted, Rejected

T = TypeVar("T")
PRESCRIBED: dict[str, Reaction] = {
    **dict.fromkeys((f"B02-adding-htlc-r-0{number}" for number in (1, 2, 3, 4, 7)), Reaction.WARN_OR_FAIL),
    **dict.fromkeys((f"B02-removing-htlc-r-0{number}" for number in (1, 2, 3)), Reaction.WARN_OR_FAIL),
    **dict.fromkeys((f"B02-commitment-signed-r-0{number}" for number in (1, 2, 3)), Reaction.WARN_OR_FAIL),
    **dict.fromkeys((f"B02-update-fee-r-0{number}" for number in (1, 2, 3)), Reaction.WARN_OR_FAIL),
    "B02-revoke-and-ack-r-01": Reaction.FAIL_CHANNEL,
    **dict.fromkeys((f"B02-retransmission-n-{number}" for number in ("07", "13", "16", "17")), Reaction.FAIL_CHANNEL),
    "B02-retransmission-r-05": Reaction.FAIL_CHANNEL,
    "B02-shutdown-r-01": Reaction.FAIL_CHANNEL,
    "B02-shutdown-r-02": Reaction.WARN,
    "B02-shutdown-r-06": Reaction.WARN_AND_CLOSE,
    "B02-closing-signed-r-01": Reaction.WARN_OR_FAIL,
}
"""What BOLT 2 prescribes, read off its text and not off the rules."""
MANY = 1_000
AWAITED = {
    OpenChannel: Awaited.OPEN_CHANNEL,
    AcceptChannel: Awaited.ACCEPT_CHANNEL,
    FundingCreated: Awaited.FUNDING_CREATED,
    FundingSigned: Awaited.FUNDING_SIGNED,
}
CLOSES = (Shutdown, ClosingSigned, ClosingComplete, ClosingSig)


def is_out_of_turn(life: Life, message: Message) -> bool:
    """Say whether a message of the peer can only be wrong now, whatever is in it: told from the BOLT, not the rules."""
    if isinstance(message, Error | Warning):
        return False
    if isinstance(message, OpenChannel):
        # Until the funding output is on chain, a new proposal takes the place of what was lost with a connection.
        state = life.establishment
        signed = state.funding is not None and (life.channel is None or life.channel.link is Link.UP)
        return state.role is OPENER or signed or (life.channel is not None and state.seen.output is not None)
    if type(message) in AWAITED:
        return life.establishment.awaited is not AWAITED[type(message)]
    channel = life.channel
    if channel is None:
        # A channel_reestablish for an unknown channel is answered with an error, not rejected.
        return not isinstance(message, ChannelReestablish)
    if isinstance(message, ChannelReestablish):
        return channel.link not in (Link.DOWN, Link.SENT)
    if channel.link is not Link.UP:
        return True
    if isinstance(message, DanceMessage) and not life.is_open:
        return True
    match message:
        case RevokeAndAck():
            return channel.remote_commitment_number == channel.remote_revocations
        case UpdateAddHtlc() if life.closing is not None:
            return life.closing.received_shutdown
        case ClosingSigned() if life.closing is not None:
            return not (life.closing.sent_shutdown and life.closing.received_shutdown)
    return False


class Lives:
    """Two lives to which anything happens; each choice is a number."""

    def __init__(self, scenario: LifeScenario) -> None:
        self.scenario = scenario
        self.world: World = initial(scenario)
        self.heard: list[Message] = []
        self.honest = True
        """Nobody has taken what its peer never sent, or reacted to it."""
        self.rejections: dict[str, set[Reaction]] = {}
        self.taken: set[type] = set()

    def moves_on(self, choice: int) -> None:
        """One of the moves of honest parties, of the connection or of miners."""
        moves = list(successors(self.world, self.scenario))
        if not moves:
            return
        before = self.world
        # Losses are always possible: they would take half of all moves.
        quiet = [entry for entry in moves if entry[0].action not in ("disconnect", "crash")]
        of = moves if choice % 8 == 0 or not quiet else quiet
        move, after = of[choice // 8 % len(of)]
        if move.action == "deliver":
            message = before.wires[1 - move.party][0]
            self.heard.append(message)
            self.check_step(before.nodes[move.party], message, after.nodes[move.party], sending=False)
        elif move.action == "send":
            sent = after.wires[move.party][len(before.wires[move.party]) :]
            if len(sent) == 1 and not move.detail.startswith("again"):
                self.check_step(before.nodes[move.party], sent[0], after.nodes[move.party], sending=True)
        assert after.blame is None or not self.honest, f"{move}: {after.blame}"
        self.goes_on(after._replace(blame=None))

    def says(self, seat: int, choice: int) -> None:
        """Say anything that the sender's rules allow."""
        life = self.world.nodes[seat]
        first = owed(life)
        if life.end is not End.NONE or (first and isinstance(first[0], Error | ChannelReestablish | ChannelReady)):
            return
        options = [message for _, message in temptations(life, self.scenario, seat)]
        message = options[choice % len(options)]
        before = repr(life)
        verdict = send(life, message)
        assert repr(life) == before
        if not isinstance(verdict, Accepted):
            assert verdict.rule in requirements()
            return
        self.check_step(life, message, verdict.state, sending=True)
        wire = (*self.world.wires[seat], message)
        after = self.world._replace(
            nodes=_with(self.world.nodes, seat, verdict.state), wires=_with(self.world.wires, seat, wire)
        )
        # Terms of a channel may be lawful and yet not to the peer's taste.
        self.honest &= isinstance(message, DanceMessage)
        if not isinstance(message, Update):
            after = after._replace(durable=_with(after.durable, seat, verdict.state))
        self.goes_on(after)

    def gets(self, seat: int, choice: int, *, adopted: bool) -> None:
        """Let a node get what its peer has not sent."""
        life, peer = self.world.nodes[seat], self.world.nodes[1 - seat]
        options = [message for _, message in temptations(peer, self.scenario, 1 - seat)]
        options += [message for _, message in temptations(life, self.scenario, seat)]
        options += [*self.heard, Error(), Warning()]
        message = options[choice % len(options)]
        before = repr(life)
        verdict = receive(life, message)
        assert repr(life) == before
        if isinstance(verdict, Rejected):
            self.is_rejected(life, verdict)
            after = react(life, verdict)
        else:
            after = verdict.state
            self.is_taken(life, message, after)
        if adopted:
            self.honest = False
            self.goes_on(self.world._replace(nodes=_with(self.world.nodes, seat, after)))

    def is_rejected(self, life: Life, verdict: Rejected) -> None:
        assert verdict.rule in requirements()
        assert verdict.reaction is PRESCRIBED.get(verdict.rule, verdict.reaction), verdict
        self.rejections.setdefault(verdict.rule, set()).add(verdict.reaction)
        after = react(life, verdict)
        match verdict.reaction:
            case Reaction.WARN:
                assert after == replace(life, owes_warning=True)
            case Reaction.WARN_AND_CLOSE | Reaction.CLOSE:
                assert after.channel is None or after.channel.link is not Link.UP
            case Reaction.FAIL_CHANNEL | Reaction.WARN_OR_FAIL:
                assert after == replace(
                    life, end=End.FORGOTTEN if life.closing is None else End.FAILED, owes_error=True, owes_warning=False
                )

    def is_taken(self, life: Life, message: Message, after: Life) -> None:
        if life.end is not End.NONE:
            assert replace(after, owes_error=life.owes_error) == life, "an ended life changes no more"
            return
        assert not is_out_of_turn(life, message), f"{message} was taken by {life}"
        self.taken.add(type(message))
        self.check_step(life, message, after, sending=False)

    def check_step(self, before: Life, message: Message, after: Life, *, sending: bool) -> None:
        """Check what must hold of a step of the inner channel, and of the channel after it."""
        old, new = before.channel, after.channel
        if new is None:
            return
        broken = [one.name for one in CHANNEL_PROPERTIES if not one.holds(new)]
        if old is not None and isinstance(message, DanceMessage) and before.end is after.end is End.NONE:
            step = Step(old, sending, message, new)
            broken += [one.name for one in STEP_PROPERTIES if not one.holds(step)]
        assert broken == [], f"{message} breaks {broken}"

    def goes_on(self, after: World) -> None:
        for life in after.nodes:
            if life.channel is not None:
                assert [one.name for one in CHANNEL_PROPERTIES if not one.holds(life.channel)] == []
        self.world = after


def _with(pair: tuple[T, T], seat: int, value: T) -> tuple[T, T]:
    return (value, pair[1]) if seat == 0 else (pair[0], value)


def anything(simple: bool, closes: bool) -> LifeScenario:
    return replace(
        BASE,
        features=ClosingFeatures(option_simple_close=simple),
        starts=(closes, closes),
        offers_msat=(Msat(50_000_000), Msat(60_000_000)),
        disconnections=MANY,
        crashes=MANY,
        failures=0,
    )


@settings(max_examples=15, stateful_step_count=50, deadline=None)
class AnythingAtAnyTime(RuleBasedStateMachine):
    """The lives, moved and disturbed as Hypothesis likes."""

    @initialize(simple=st.booleans(), closes=st.booleans())
    def begins(self, simple: bool, closes: bool) -> None:
        self.lives = Lives(anything(simple, closes))

    @rule(choices=st.lists(st.integers(0, 4_095), min_size=1, max_size=5))
    def moves_on(self, choices: list[int]) -> None:
        for choice in choices:
            self.lives.moves_on(choice)

    @rule(seat=st.integers(0, 1), choice=st.integers(0, 4_095))
    def says(self, seat: int, choice: int) -> None:
        self.lives.says(seat, choice)

    @rule(seat=st.integers(0, 1), choice=st.integers(0, 4_095), adopted=st.sampled_from((False, False, False, True)))
    def gets(self, seat: int, choice: int, adopted: bool) -> None:
        self.lives.gets(seat, choice, adopted=adopted)


TestAnythingAtAnyTime = AnythingAtAnyTime.TestCase


def walked(seed: int, steps: int) -> Lives:
    """Return lives after a walk that the seed decides."""
    random = Random(seed)
    lives = Lives(anything(simple=bool(seed % 2), closes=bool(seed % 3)))
    for _ in range(steps):
        choice, seat, kind = random.randrange(4_096), random.randrange(2), random.random()
        if kind < 0.7:
            lives.moves_on(choice)
        elif kind < 0.8:
            lives.says(seat, choice)
        else:
            lives.gets(seat, choice, adopted=random.random() < 0.02)
    return lives


SEEDS, STEPS = range(40), 150
REACHED = (
    "B02-adding-htlc-r-02",
    "B02-adding-htlc-r-04",
    "B02-adding-htlc-r-07",
    "B02-commitment-signed-r-01",
    "B02-removing-htlc-r-01",
    "B02-retransmission-n-13",
    "B02-retransmission-r-05",
    "B02-revoke-and-ack-r-01",
    "B02-shutdown-r-02",
    "B02-update-fee-r-01",
    "B02-update-fee-r-02",
    "D02-channel-establishment-r-01",
    "D02-channel-ready-b-01",
    "D02-closing-complete-c-03",
    "D02-closing-complete-k-01",
    "D02-closing-signed-r-01",
    "D02-retransmission-r-01",
    "D02-retransmission-r-02",
    "D02-revoke-and-ack-r-01",
    "D02-shutdown-r-01",
    "D02-shutdown-r-02",
    "D02-shutdown-r-03",
)
"""Rules of receivers that the walks are certain to break."""


def test_walks_break_every_kind_of_rule_and_each_has_one_reaction() -> None:
    """What the machine above does, done by numbers: so that it is known not to be empty."""
    reactions: dict[str, set[Reaction]] = {}
    for seed in SEEDS:
        for broken, found in walked(seed, STEPS).rejections.items():
            reactions.setdefault(broken, set()).update(found)
    assert set(REACHED) <= set(reactions)
    assert all(len(found) == 1 for found in reactions.values())


@pytest.mark.parametrize(
    "missing", ["D02-retransmission-r-01", "D02-retransmission-r-02", "D02-revoke-and-ack-r-01", "D02-shutdown-r-02"]
)
def test_a_guard_that_is_missing_is_noticed(missing: str) -> None:
    def walk_all() -> None:
        for seed in SEEDS:
            walked(seed, STEPS)

    with without(frozenset({missing})), pytest.raises(AssertionError):
        walk_all()
