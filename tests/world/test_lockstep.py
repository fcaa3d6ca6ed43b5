"""Model and embedded chain driven together by random moves, honest and corrupt; everything is checked after each.

Checked are the properties of channel, step and chain world, signatures and secrets against the model's facts, the UTXO
set against the ledger, and for every way to spend every output that consensus takes it exactly when the model says so.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from functools import partial

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from boltproofs.replay import KernelPool
from boltproofs.replay.arbiter.twin import ChainTwin
from boltspec.chain.conditions import Use
from boltspec.chain.moves import successors
from boltspec.chain.presets import TIMING
from boltspec.chain.properties.catalogue import PROPERTIES
from boltspec.chain.properties.payout import EXACT_PAYOUT
from boltspec.chain.scenario import ChainScenario, Payment
from boltspec.chain.world import ChainWorld
from boltspec.htlc import LOCAL, REMOTE
from boltspec.messages import Message
from boltspec.move import Move
from boltspec.properties.catalogue import CHANNEL_PROPERTIES, STEP_PROPERTIES
from boltspec.properties.property import Step
from boltspec.scenario import small_limits, small_params
from boltspec.units import Blocks, Height, Msat
from boltspec.world import World

BLOCKS = ("spend", "include", "mine")
"""Moves on the chain, once somebody has left."""
SETTINGS = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
"""About half a minute; the same examples each time on a CI machine."""

AMOUNTS = (50_000_999, 300_000, 353_999, 354_000, 1_016_999, 1_017_000, 1_056_999, 1_057_000, 120_000_000)
"""In millisatoshis. With the scenarios' dust limit of 354 sat and feerate of 1000: trimmed everywhere, on both sides of
the boundaries with anchors and without (663 and 703 sat of fee), and large ones."""

payments = st.builds(
    Payment,
    offerer=st.integers(0, 1),
    amount_msat=st.sampled_from(AMOUNTS).map(Msat),
    cltv_expiry=st.integers(6, 12).map(Height),
)

scenarios = st.builds(
    ChainScenario,
    name=st.just("random"),
    title=st.just("a random small world"),
    params=st.builds(
        replace,
        st.builds(small_params, st.just(small_limits(max_accepted_htlcs=3)), st.booleans()),
        opener=st.sampled_from([LOCAL, REMOTE]),
    ),
    payments=st.lists(payments, min_size=1, max_size=4).map(tuple),
    timing=st.just(TIMING),
    inclusion=st.just(Blocks(1)),
    horizon=st.just(Height(14)),
    push_msat=st.sampled_from([0, 9_999_000, 400_000_000]).map(Msat),
    corrupt=st.sampled_from([(False, False), (True, False), (False, True)]),
    abuses=st.integers(0, 2),
    disconnections=st.integers(0, 1),
    crashes=st.integers(0, 1),
)


class WorldAndChain(RuleBasedStateMachine):
    """Random moves, made in the model and for real."""

    def __init__(self, pool: KernelPool, reached: Counter[str]) -> None:
        super().__init__()
        self._pool = pool
        self._reached = reached
        self._moves: list[tuple[Move, ChainWorld]] = []

    @initialize(scenario=scenarios)
    def open_channel(self, scenario: ChainScenario) -> None:
        self.scenario = scenario
        # What is rounded down of amounts that are no whole satoshis, ExactPayout does not count.
        whole = all(int(payment.amount_msat) % 1000 == 0 for payment in scenario.payments)
        self._properties = [prop for prop in PROPERTIES if whole or prop is not EXACT_PAYOUT]
        self.twin = ChainTwin(scenario, self._pool.chain(), probing=True)
        self._look()

    @precondition(lambda self: not self._moves)
    @rule(scenario=scenarios)
    def open_another_channel(self, scenario: ChainScenario) -> None:
        """Nothing can happen any more: go on with a new channel on the same chain."""
        self.teardown()
        self.open_channel(scenario)

    def _look(self) -> None:
        world = self.twin.world
        self._moves = list(successors(world, self.scenario))

    def _can(self, *actions: str) -> list[tuple[Move, ChainWorld]]:
        return [entry for entry in self._moves if entry[0].action in actions]

    def _make(self, move: Move, after: ChainWorld) -> None:
        before = self.twin.world
        self.twin.step(move, after)
        assert before.talk is not None
        assert after.talk is not None
        self._check_nodes(before.talk, move, after.talk)
        for prop in self._properties:
            assert prop.holds(after, self.scenario), prop.sentence
        self._reached[move.action] += 1
        self._look()

    def _check_nodes(self, before: World, move: Move, after: World) -> None:
        for party in (0, 1):
            if self.scenario.corrupt[party]:
                continue
            channel = after.nodes[party]
            for prop in CHANNEL_PROPERTIES:
                assert prop.holds(channel), prop.sentence
            if channel != before.nodes[party] and move.action in ("send", "deliver") and _is_one(move):
                step = Step(before.nodes[party], move.action == "send", _message(before, move, after), channel)
                for law in STEP_PROPERTIES:
                    assert law.holds(step), law.sentence

    @precondition(lambda self: self._can("send"))
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        self._make(*data.draw(st.sampled_from(self._can("send"))))

    @precondition(lambda self: self._can("deliver"))
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        self._make(*data.draw(st.sampled_from(self._can("deliver"))))

    @precondition(lambda self: self._can("deliver"))
    @rule()
    def commit_everything(self) -> None:
        """Let both sides sign and revoke in turn until there is nothing left to commit to."""
        while choice := self._can("deliver") or self._lawful_answers():
            self._make(*choice[0])

    def _lawful_answers(self) -> list[tuple[Move, ChainWorld]]:
        return [
            (move, after)
            for move, after in self._can("send")
            if move.detail in {"revoke_and_ack", "commitment_signed"} and not _abuses(self.twin.world, after)
        ]

    @precondition(lambda self: self._can("disconnect", "crash"))
    @rule(data=st.data())
    def lose_the_connection(self, data: st.DataObject) -> None:
        self._make(*data.draw(st.sampled_from(self._can("disconnect", "crash"))))

    @precondition(lambda self: self._can("publish", "fail") and self._is_time_to_leave())
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self._make(*data.draw(st.sampled_from(self._can("publish", "fail"))))

    def _is_time_to_leave(self) -> bool:
        """Say whether there is an old commitment by now, or nothing left to talk about."""
        talk = self.twin.world.talk
        assert talk is not None
        return any(len(held) > 1 for held in talk.history) or not self._can("deliver", "send")

    @precondition(lambda self: self._can(*BLOCKS) and (self._is_time_to_leave() or not self._can("send", "deliver")))
    @rule(data=st.data())
    def use_the_chain(self, data: st.DataObject) -> None:
        self._make(*data.draw(st.sampled_from(self._can(*BLOCKS))))

    def teardown(self) -> None:
        if hasattr(self, "twin"):
            self.twin.finish()
            self._reached.update(self.twin.covered)


def _abuses(before: ChainWorld, after: ChainWorld) -> int:
    assert before.talk is not None
    assert after.talk is not None
    return before.talk.abuses - after.talk.abuses


def _is_one(move: Move) -> bool:
    """Say whether a move is a single message, not several that are sent again."""
    return not move.detail.startswith("again")


def _message(before: World, move: Move, after: World) -> Message:
    return after.wires[move.party][-1] if move.action == "send" else before.wires[1 - move.party][0]


def test_model_and_consensus_agree_after_every_random_move(kernel: KernelPool) -> None:
    reached: Counter[str] = Counter()
    machine = partial(WorldAndChain, kernel, reached)
    run_state_machine_as_test(machine, settings=SETTINGS)  # type: ignore[arg-type]  # any factory will do
    moves = {"publish", "fail", "mine", "disconnect", "crash"}
    missing = {*moves, f"confirmed {Use.DELAYED}", f"tried guessed {Use.REVOCATION}"} - reached.keys()
    assert not missing, f"no random world came to {missing}, only to {reached}"
