"""Two honest nodes that go to the limit of what they may, over a connection that is lost: neither rejects the other.

The searches have few wishes with fixed amounts. Here amounts and feerates are chosen so that they are just allowed, in
walks that are the same in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from random import Random

import pytest

from boltspec import fee_updates, update
from boltspec.channel import Channel, Link, opened
from boltspec.commit import next_commitment_signed, next_revoke_and_ack
from boltspec.htlc import LOCAL, REMOTE, Stage
from boltspec.messages import Message, UpdateAddHtlc, UpdateFailHtlc, UpdateFee, UpdateFulfillHtlc
from boltspec.params import Limits, Params, UpdatePolicy
from boltspec.party import is_durable_before, receive, send
from boltspec.reestablish import (
    disconnected,
    next_channel_reestablish,
    owes_reestablish,
    retransmission,
    retransmitted,
)
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat
from boltspec.verdict import Accepted

WALKS = 250
MOVES = 120
FUNDING = Sat(200_000)
MOST = 200_000_000


def limits(random: Random) -> Limits:
    return Limits(
        dust_limit_satoshis=Sat(random.choice((354, 1_000, 5_000))),
        max_htlc_value_in_flight_msat=Msat(random.choice((60_000_000, 500_000_000))),
        channel_reserve_satoshis=Sat(random.choice((5_000, 10_000))),
        htlc_minimum_msat=Msat(1),
        to_self_delay=Blocks(4),
        max_accepted_htlcs=random.choice((1, 2, 3, 5)),
    )


def params(random: Random) -> Params:
    policy = UpdatePolicy(
        max_dust_htlc_exposure_msat=Msat(random.choice((5_000_000, 50_000_000))),
        fee_spike_multiple=random.choice((0, 0, 1, 2)),
    )
    return Params(
        FUNDING,
        random.choice((LOCAL, REMOTE)),
        FeeratePerKw(random.choice((253, 1_000, 5_000))),
        random.choice((True, False)),
        limits(random),
        limits(random),
        policy,
    )


class Pair:
    """Two nodes, what is under way between them, and what each would start from after a crash."""

    def __init__(self, random: Random) -> None:
        terms, push = params(random), Msat(random.randrange(0, 190_000_000))
        self.random = random
        self.nodes = [opened(terms, push), opened(terms.mirrored(), push)]
        self.durable = list(self.nodes)
        self.wires: tuple[list[Message], list[Message]] = ([], [])
        self.losses = 3
        self.hashes = count(1)

    def moves(self, party: int) -> Iterator[Callable[[int], str | None]]:
        """Yield what a party can do; often what brings the two on."""
        node = self.nodes[party]
        if self.wires[1 - party]:
            yield from (self.deliver,) * 3
        if retransmission(node) or owes_reestablish(node):
            yield from (self.resume,) * 3
        elif node.link is Link.UP:
            yield from (self.offer, self.remove, self.change_fee, self.sign, self.sign, self.revoke, self.revoke)

    def move(self) -> str | None:
        """Make one move; return which rule a node found broken, if one did."""
        if self.losses and self.random.random() < 0.05:
            self.lose(self.random.choice((None, 0, 1)))
        found = [(move, party) for party in (0, 1) for move in self.moves(party)]
        move, party = self.random.choice(found)
        return move(party)

    def lose(self, crashed: int | None) -> None:
        self.losses -= 1
        if crashed is not None:
            self.nodes[crashed] = self.durable[crashed]
        self.nodes = [disconnected(node) for node in self.nodes]
        self.wires = ([], [])

    def deliver(self, party: int) -> str | None:
        verdict = receive(self.nodes[party], self.wires[1 - party].pop(0))
        if not isinstance(verdict, Accepted):
            return verdict.rule
        self.nodes[party] = verdict.state
        return None

    def resume(self, party: int) -> None:
        node = self.nodes[party]
        again = retransmission(node)
        if again:
            self.wires[party].extend(again)
            self.nodes[party] = self.durable[party] = retransmitted(node)
        else:
            self.say(party, next_channel_reestablish(node))

    def offer(self, party: int) -> None:
        node, payment_hash = self.nodes[party], next(self.hashes)
        self.say_up_to(
            party, 1, MOST, lambda most: UpdateAddHtlc(node.next_local_htlc_id, Msat(most), payment_hash, Height(500))
        )

    def change_fee(self, party: int) -> None:
        self.say_up_to(party, 253, 50_000, lambda most: UpdateFee(FeeratePerKw(most)))

    def remove(self, party: int) -> None:
        for htlc in self.nodes[party].htlcs.items:
            if htlc.offerer is REMOTE and htlc.added is Stage.IRREVOCABLE and not htlc.removed:
                ends = (UpdateFulfillHtlc(htlc.id, htlc.payment_hash), UpdateFailHtlc(htlc.id))
                self.say(party, self.random.choice(ends))
                return

    def sign(self, party: int) -> None:
        self.say(party, next_commitment_signed(self.nodes[party]))

    def revoke(self, party: int) -> None:
        self.say(party, next_revoke_and_ack(self.nodes[party]))

    def say_up_to(self, party: int, least: int, most: int, message: Callable[[int], Message]) -> None:
        """Send a message with the greatest amount that the rules allow, or with a lesser one."""
        greatest = greatest_allowed(self.nodes[party], least, most, message)
        if greatest is not None:
            amount = greatest if self.random.random() < 0.5 else self.random.randrange(least, greatest + 1)
            self.say(party, message(amount))

    def say(self, party: int, message: Message) -> None:
        """Send a message if the rules allow it."""
        verdict = send(self.nodes[party], message)
        if isinstance(verdict, Accepted):
            self.nodes[party] = verdict.state
            self.wires[party].append(message)
            if is_durable_before(message):
                self.durable[party] = verdict.state


def greatest_allowed(node: Channel, least: int, most: int, message: Callable[[int], Message]) -> int | None:
    """Return the greatest amount with which a message may be sent, by bisection; None if the least may not."""
    if not isinstance(send(node, message(least)), Accepted):
        return None
    while least < most:
        middle = (least + most + 1) // 2
        if isinstance(send(node, message(middle)), Accepted):
            least = middle
        else:
            most = middle - 1
    return least


def rules_found_broken() -> set[str]:
    """Return which rules honest nodes found each other to break."""
    found = set()
    for seed in range(WALKS):
        pair = Pair(Random(seed))
        for _ in range(MOVES):
            rule = pair.move()
            if rule is not None:
                found.add(rule)
                break
    return found


def test_honest_nodes_at_their_limits_never_reject_each_other() -> None:
    assert rules_found_broken() == set()


def test_such_walks_find_a_receiver_that_counts_what_the_sender_could_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (update, fee_updates):
        monkeypatch.setattr(module, "without_unsigned_offers", lambda channel: channel)
    assert rules_found_broken() & {"B02-adding-htlc-r-02", "B02-update-fee-r-03"}
