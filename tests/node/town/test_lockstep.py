"""Two nodes and the specification's world do everything together, and after each step they are the same.

What is compared with what? A second run of the specification inside the node would prove nothing: the node calls the
same steps. So the world beside it is driven from outside, by those who only listen: bytes that went over the wire, read
without the node's code and keys; blocks; commands. It differs from the node wherever the node has taken bytes for
another fact, said something before it was durable or something else than what is durable, forgotten or repeated
something after a crash, sent again what is not due or in another order, confused the bytes of HTLCs, kept wrong keys,
points, secrets, signatures or commitments for a penalty, or missed what the chain shows. What it cannot find is a rule
that the specification itself has wrong: that is what proofs, searches and the replay on real consensus are for.

The faults below are planted in the node, and each is found by the rules of the machine.

``LOCKSTEP_EXAMPLES=200 LOCKSTEP_STEPS=80`` makes a long run, of other examples each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

SEATS = st.integers(0, 1)
CHOICES = st.integers(0, 4_095)
POINTS = st.integers(1, 24)
"""How many steps of storage, wire and chain a node takes until it is killed."""
EXAMPLES, STEPS = (int(os.environ.get(f"LOCKSTEP_{name}", "0")) for name in ("EXAMPLES", "STEPS"))
pytestmark = [pytest.mark.timeout(0)] if EXAMPLES else []
SETTINGS = settings(
    max_examples=EXAMPLES or 12,
    stateful_step_count=STEPS or 35,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink) if EXAMPLES else (Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def machine_on(stages: Callable[..., Any], moves: Any, done: dict[str, int]) -> type[RuleBasedStateMachine]:
    """The machine, whose towns stand on one chain; ``done`` counts what its runs have done."""

    class LockstepMachine(RuleBasedStateMachine):
        """Every rule is a move, and every move ends with the comparison."""

        @initialize(simple_close=st.booleans(), opener=SEATS, straight=st.sampled_from((True, True, True, False)))
        def begins(self, simple_close: bool, opener: int, straight: bool) -> None:
            self.stage = stages(simple_close=simple_close)
            self.moves = self.stage.moves
            self.stage.do(self.moves.begin())
            self.stage.do(self.moves.open(opener, straight=straight))

        def do(self, move: Any) -> None:
            self.stage.do(move)

        @rule(opener=SEATS, straight=st.booleans())
        def opens(self, opener: int, straight: bool) -> None:
            self.do(self.moves.open(opener, straight=straight))

        @rule(payer=SEATS, amount_msat=st.sampled_from(moves.AMOUNTS_MSAT))
        def pays(self, payer: int, amount_msat: int) -> None:
            self.do(self.moves.pay(payer, amount_msat))

        @rule(payer=SEATS, amount_msat=st.integers(1_000, 100_000_000))
        def pays_at_once(self, payer: int, amount_msat: int) -> None:
            self.do(self.moves.meet())
            self.do(self.moves.pay(payer, amount_msat))
            self.do(self.moves.settle())

        @rule(payer=SEATS, amount_msat=st.integers(1, 400_000_000))
        def pays_any_amount(self, payer: int, amount_msat: int) -> None:
            self.do(self.moves.pay(payer, amount_msat))

        @rule(payer=SEATS, amount_msat=st.sampled_from(moves.AMOUNTS_MSAT))
        def pays_what_nobody_knows(self, payer: int, amount_msat: int) -> None:
            self.do(self.moves.pay(payer, amount_msat, known=False))

        @rule(feerate_per_kw=st.sampled_from(moves.FEERATES_PER_KW))
        def changes_fee(self, feerate_per_kw: int) -> None:
            self.do(self.moves.change_fee(feerate_per_kw))

        @rule(senders=st.lists(SEATS, min_size=1, max_size=6))
        def delivers(self, senders: list[int]) -> None:
            for seat in senders:
                self.do(self.moves.deliver(seat))

        @rule()
        def settles(self) -> None:
            self.do(self.moves.settle())

        @rule(last=st.none() | SEATS)
        def parts(self, last: int | None) -> None:
            self.do(self.moves.cut(at_once_after=last))

        @rule(last=st.none() | SEATS, blocks=st.integers(4, 30), back=st.booleans())
        def stays_away(self, last: int | None, blocks: int, back: bool) -> None:
            self.do(self.moves.cut(at_once_after=last))
            self.do(self.moves.mine(blocks))
            if back:
                self.do(self.moves.meet())

        @precondition(lambda self: not self.moves.is_connected)
        @rule()
        def meets(self) -> None:
            self.do(self.moves.meet())

        @rule(seat=SEATS, blocks=st.integers(0, 2))
        def kills(self, seat: int, blocks: int) -> None:
            self.do(self.moves.kill(seat, blocks=blocks))

        @rule(points=POINTS, words=st.booleans(), seat=SEATS, amount_msat=st.sampled_from(moves.AMOUNTS_MSAT))
        def kills_while_paying(self, points: int, words: bool, seat: int, amount_msat: int) -> None:
            self.do(self.moves.kill_within(points, self.moves.pay(seat, amount_msat), words=words))

        @rule(points=POINTS, words=st.booleans(), seat=SEATS)
        def kills_while_delivering(self, points: int, words: bool, seat: int) -> None:
            self.do(self.moves.kill_within(points, self.moves.deliver(seat), words=words))

        @rule(points=POINTS, words=st.booleans())
        def kills_while_mining(self, points: int, words: bool) -> None:
            self.do(self.moves.kill_within(points, self.moves.mine(1), words=words))

        @rule(blocks=st.integers(1, 3))
        def mines(self, blocks: int) -> None:
            self.do(self.moves.mine(blocks))

        @rule(depth=st.integers(1, moves.DEEPEST))
        def reorganises(self, depth: int) -> None:
            self.do(self.moves.reorganise(depth))

        @rule(seat=SEATS)
        def closes(self, seat: int) -> None:
            self.do(self.moves.close(seat))

        @rule(seat=SEATS, alone=st.sampled_from((False, False, True)))
        def closes_alone(self, seat: int, alone: bool) -> None:
            if alone:
                self.do(self.moves.close_alone(seat))

        @rule(seat=SEATS, choice=CHOICES, really=st.sampled_from((False, True)))
        def forges(self, seat: int, choice: int, really: bool) -> None:
            if really:
                self.do(self.moves.forge(seat, choice))

        @rule(seat=SEATS, choice=CHOICES, really=st.sampled_from((False, False, True)))
        def cheats(self, seat: int, choice: int, really: bool) -> None:
            if really:
                self.do(self.moves.cheat(seat, choice))

        def teardown(self) -> None:
            stage = getattr(self, "stage", None)
            if stage is None:
                return
            try:
                self.do(self.moves.finish())
            finally:
                for what, count in self.moves.counts.items():
                    done[what] = done.get(what, 0) + count
                stage.close()

    return LockstepMachine


def test_nodes_keep_step_with_the_specification(stages: Callable[..., Any], moves: Any) -> None:
    done: dict[str, int] = {}
    run_state_machine_as_test(machine_on(stages, moves, done), settings=SETTINGS)
    assert sum(done.values()) > 300
    wanted = ("made", "not made", "kill", "kill within", "cut", "reorganise", "ended together", "ended alone")
    assert all(done.get(what) for what in wanted), done


# --- what it has found in the node ---


def happen(stages: Callable[..., Any], *given: Callable[[Any], Any]) -> Any:
    """Let moves happen on a new stage, on which a channel of Alice's is open, and let all settle; the moves."""
    stage = stages()
    try:
        stage.do(stage.moves.begin())
        stage.do(stage.moves.open(0, straight=True))
        for move in given:
            stage.do(move(stage.moves))
        stage.do(stage.moves.finish())
    finally:
        stage.close()
    return stage.moves


def test_fundee_that_publishes_its_first_commitment_is_punished(stages: Callable[..., Any]) -> None:
    """What the funder signs before it has a record of the channel is stored with the record."""
    moves = happen(
        stages,
        lambda moves: moves.pay(1, 250_000_000),
        lambda moves: moves.settle(),
        lambda moves: moves.cheat(1, 0),
    )
    (money,) = moves.money.values()
    assert moves.counts["cheat"] == 1
    assert money.closing[1].number == 0
    assert money.ledger.punished == (False, True)
    assert money.received_sat()[1] == 0


def test_payment_that_is_reported_as_failed_is_not_offered_again(stages: Callable[..., Any]) -> None:
    """Alice dies with an offer that no signature covers, and a block comes before she lives again."""

    async def has_failed(moves: Any) -> None:
        (payment,) = (await moves.town.alice.ask("listpays", bolt11=moves.payments[1].bolt11))["pays"]
        assert payment["status"] == "failed"

    happen(
        stages,
        lambda moves: moves.pay(0, 60_000_000),
        lambda moves: moves.pay(0, 5_000_000),
        lambda moves: moves.kill(0, blocks=1),
        has_failed,
        lambda moves: moves.meet(),
        lambda moves: moves.settle(),
        has_failed,
    )  # the payee's invoice is unpaid, or the end would tell


def test_second_proposal_of_an_id_fails_the_channel_that_has_it(stages: Callable[..., Any], moves: Any) -> None:
    """An error that names a channel fails it, with the sender as well (B01-error-warning-s-03)."""
    stage = stages()
    try:
        stage.do(stage.moves.begin())
        stage.do(stage.moves.open(0, straight=False))
        stage.do(stage.moves.deliver(0))
        assert len(stage.moves.mirrors[1]) == 1
        stage.moves.town.wire.queues[0].append(stage.moves.eye.said_bytes[0][0])
        stage.do(stage.moves.deliver(0))
        assert stage.moves.town.bob.machines == []
    finally:
        stage.close()
