"""Model and embedded chain driven together by random moves, honest and corrupt; everything is checked after each.

Checked are the properties of channel, step and world, the UTXO set against the ledger, and for every path of every
unspent output that consensus takes it exactly when the model says so.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from functools import partial

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from boltproofs.replay import KernelPool, Lockstep
from boltspec.htlc import LOCAL, REMOTE
from boltspec.messages import Message
from boltspec.move import Move
from boltspec.outputs import Use
from boltspec.properties.catalogue import CHANNEL_PROPERTIES, STEP_PROPERTIES, WORLD_PROPERTIES
from boltspec.properties.property import Step
from boltspec.scenario import Scenario, Wish, small_limits, small_params
from boltspec.units import Height, Msat
from boltspec.world import World, successors

SETTINGS = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
"""About half a minute; the same examples each time on a CI machine."""

AMOUNTS = (50_000_999, 300_000, 353_999, 354_000, 1_016_999, 1_017_000, 1_056_999, 1_057_000, 120_000_000)
"""In millisatoshis. With the scenarios' dust limit of 354 sat and feerate of 1000: trimmed everywhere, on both sides of
the boundaries with anchors and without (663 and 703 sat of fee), and large ones."""

wishes = st.builds(
    Wish,
    party=st.integers(0, 1),
    amount_msat=st.sampled_from(AMOUNTS).map(Msat),
    payment_hash=st.integers(1, 3),
    cltv_expiry=st.integers(3, 8).map(Height),
)

scenarios = st.builds(
    Scenario,
    name=st.just("random"),
    title=st.just("a random small world"),
    params=st.builds(
        replace,
        st.builds(small_params, st.just(small_limits(max_accepted_htlcs=3)), st.booleans()),
        opener=st.sampled_from([LOCAL, REMOTE]),
    ),
    push_msat=st.sampled_from([0, 9_999_000, 400_000_000]).map(Msat),
    wishes=st.lists(wishes, min_size=1, max_size=5).map(tuple),
    corrupt=st.sampled_from([(False, False), (True, False), (False, True)]),
    abuses=st.integers(0, 2),
    onchain=st.just(True),
)


class WorldAndChain(RuleBasedStateMachine):
    """Random moves, made in the model and for real."""

    def __init__(self, pool: KernelPool, reached: Counter[str]) -> None:
        super().__init__()
        self._pool = pool
        self._reached = reached
        self._moves: list[tuple[Move, World]] = []

    @initialize(scenario=scenarios)
    def open_channel(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.twin = Lockstep(scenario, self._pool.chain(), probing=True)
        self._look()

    @precondition(lambda self: not self._moves)
    @rule(scenario=scenarios)
    def open_another_channel(self, scenario: Scenario) -> None:
        """Nothing can happen any more: go on with a new channel on the same chain."""
        self.twin.finish()
        self.open_channel(scenario)

    def _look(self) -> None:
        world = self.twin.world
        self._moves = list(successors(world, self.scenario))

    def _can(self, *actions: str) -> list[tuple[Move, World]]:
        return [entry for entry in self._moves if entry[0].action in actions]

    def _make(self, move: Move, after: World) -> None:
        before = self.twin.world
        self.twin.step(move, after)
        self._check_nodes(before, move, after)
        for prop in WORLD_PROPERTIES:
            assert prop.holds(after, self.scenario), prop.sentence
        self._reached[move.detail.split()[-1] if move.action == "spend" else move.action] += 1
        self._look()

    def _check_nodes(self, before: World, move: Move, after: World) -> None:
        for party in (0, 1):
            if self.scenario.corrupt[party]:
                continue
            channel = after.nodes[party]
            for prop in CHANNEL_PROPERTIES:
                assert prop.holds(channel), prop.sentence
            if channel != before.nodes[party]:
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

    def _lawful_answers(self) -> list[tuple[Move, World]]:
        return [
            (move, after)
            for move, after in self._can("send")
            if move.detail in {"revoke_and_ack", "commitment_signed"} and after.abuses == self.twin.world.abuses
        ]

    @precondition(lambda self: self._can("publish") and self._is_time_to_publish())
    @rule(data=st.data())
    def publish(self, data: st.DataObject) -> None:
        self._make(*data.draw(st.sampled_from(self._can("publish"))))

    def _is_time_to_publish(self) -> bool:
        """Say whether there is an old commitment by now, or nothing left to talk about."""
        return any(len(held) > 1 for held in self.twin.world.history) or not self._can("deliver", "send")

    @precondition(lambda self: self._can("spend", "mine"))
    @rule(data=st.data())
    def use_the_chain(self, data: st.DataObject) -> None:
        self._make(*data.draw(st.sampled_from(self._can("spend", "mine"))))

    def teardown(self) -> None:
        if hasattr(self, "twin"):
            self.twin.finish()


def _message(before: World, move: Move, after: World) -> Message:
    return after.wires[move.party][-1] if move.action == "send" else before.wires[1 - move.party][0]


def test_model_and_consensus_agree_after_every_random_move(kernel: KernelPool) -> None:
    reached: Counter[str] = Counter()
    machine = partial(WorldAndChain, kernel, reached)
    run_state_machine_as_test(machine, settings=SETTINGS)  # type: ignore[arg-type]  # any factory will do
    missing = {"publish", "mine", Use.DELAYED, Use.REVOCATION} - reached.keys()
    assert not missing, f"no random world came to {missing}, only to {reached}"
