"""One HTLC between two nodes, and traffic of all others: what holds for it holds for any number of HTLCs.

SameView needs both nodes and the wires between them, so no induction over the steps of one node gives it; and a search
with two or three HTLCs says nothing about four. The argument that closes the gap has three parts.

*One is enough.* Commitments are made of their HTLCs one by one: :mod:`boltspec.htlcs` moves each through its stages for
itself, and what a commitment pays is a sum over them. So both nodes compute the same commitment if they agree on each
HTLC: on whether it is in it, and on which side its value is if not.

*The others are traffic.* HTLCs reach each other in one way only: a ``commitment_signed`` needs something new to sign,
and another HTLC may be that. Here B02-commitment-signed-s-01 is off, so anything may be signed at any time, as if there
always were another update. Everything else that other HTLCs do (limits, balances, fees) only forbids updates, and a
world with fewer moves has no more states.

*Numbers do not matter.* With traffic the numbers of commitments grow without end. Steps compare them with each other
and with 0; so worlds that differ only by a shift of all numbers of one side's commitments behave alike, once all of
them are beyond the first, and one of them stands for all. :func:`moves_alike` checks this of a world, move by move; the
searches of the deep job ask it of every world.

Connections may be lost and nodes may crash any number of times. What remains is small, and the explorer searches it to
its end (:mod:`boltproofs.families.focus`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from boltproofs.scenario_parts import ANCHORS, FROM_A, FROM_B, PUSH
from boltspec.channel import Channel
from boltspec.commitment import Commitment
from boltspec.messages import ChannelReestablish, CommitmentSigned, Message, RevokeAndAck, Signature
from boltspec.move import Move
from boltspec.party import PLAIN, Steps
from boltspec.rules import without
from boltspec.scenario import Scenario
from boltspec.world import World, initial, successors

TRAFFIC = frozenset({"B02-commitment-signed-s-01"})
"""Off, since there may always be another update to sign."""
KEPT = 2
"""Numbers of commitments are shifted down to this: 0 and 1 are those of the first commitments, which differ."""


@dataclass(frozen=True, slots=True)
class FocusScenario(Scenario):
    """A scenario of the dance whose updates are some among any number of others."""

    first_number: int = 0
    """Number of the commitments that it begins with."""


_HTLC = FocusScenario(
    "focus-A", "one HTLC from A among any", ANCHORS, PUSH, (FROM_A,),
    malformed=True, disconnections=1, crashes=1, first_number=KEPT,
)  # fmt: skip
_FROM_B = replace(_HTLC, name="focus-B", title="one HTLC from B among any", wishes=(FROM_B,))
EARLY = frozenset({"focus-A-early", "focus-B-early"})
"""The same with the few commitments before, whose numbers are not shifted: many more worlds."""
FOCUS: MappingProxyType[str, FocusScenario] = MappingProxyType(
    {
        f"{one.name}{suffix}": replace(one, name=f"{one.name}{suffix}", title=one.title + since, first_number=number)
        for suffix, since, number in (("", "", KEPT), ("-early", ", from the first commitments on", 0))
        for one in (_HTLC, _FROM_B)
    }
)
"""All scenarios, by name."""


class _Change(Protocol):
    """Puts another number in place of one of a side's commitment; negative ones say that there is none."""

    def __call__(self, owner: int, number: int, /) -> int: ...


def begun(scenario: FocusScenario) -> World:
    """Return the first world."""
    return shifted(initial(scenario), scenario.first_number, scenario.first_number)


def moves(world: World, scenario: FocusScenario, steps: Steps = PLAIN) -> Iterator[tuple[Move, World]]:
    """Yield the moves from a world, with traffic."""
    with without(TRAFFIC):
        found = tuple(successors(world, scenario, steps))
    yield from found


def stands_for(scenario: FocusScenario) -> Callable[[World], World]:
    """Return the reduction: numbers are shifted down, and there is always another loss or crash."""

    def reduced(world: World) -> World:
        return normal(world._replace(disconnections=scenario.disconnections, crashes=scenario.crashes))

    return reduced


# --- numbers of commitments ---


def normal(world: World) -> World:
    """Return the world with the least numbers that behaves like this one."""
    by_a, by_b = (min(KEPT - least, 0) for least in least_numbers(world))
    return shifted(world, by_a, by_b) if by_a or by_b else world


def moves_alike(world: World, scenario: FocusScenario, by: int) -> bool:
    """Say whether a world has the same moves, to the same worlds, when all its numbers are greater by so much."""
    shifts = [by if least >= KEPT else 0 for least in least_numbers(world)]
    expected = {(move, shifted(after, *shifts)) for move, after in moves(world, scenario)}
    return set(moves(shifted(world, *shifts), scenario)) == expected


def least_numbers(world: World) -> tuple[int, int]:
    """Return the least number of a commitment of A that anything in the world names, and the same of B."""
    found: tuple[list[int], list[int]] = ([], [])

    def note(owner: int, number: int) -> int:
        if number >= 0:
            found[owner].append(number)
        return number

    _renumbered(world, note)
    return min(found[0]), min(found[1])


def shifted(world: World, by_a: int, by_b: int) -> World:
    """Return the world with all numbers of A's commitments greater by ``by_a``, of B's by ``by_b``."""
    return _renumbered(world, lambda owner, number: number + (by_a, by_b)[owner] if number >= 0 else number)


def _renumbered(world: World, change: _Change) -> World:
    nodes = [_of_channel(node, party, change) for party, node in enumerate(world.nodes)]
    durable = [node and _of_channel(node, party, change) for party, node in enumerate(world.durable)]
    wires = [tuple(_of_message(one, party, change) for one in wire) for party, wire in enumerate(world.wires)]
    return world._replace(nodes=(nodes[0], nodes[1]), durable=(durable[0], durable[1]), wires=(wires[0], wires[1]))


def _of_channel(node: Channel, party: int, change: _Change) -> Channel:
    return replace(
        node,
        local_commitment_number=change(party, node.local_commitment_number),
        local_revocations=change(party, node.local_revocations),
        remote_commitment_number=change(1 - party, node.remote_commitment_number),
        remote_revocations=change(1 - party, node.remote_revocations),
        remote_secrets=change(1 - party, node.remote_secrets),
    )


def _of_message(message: Message, sender: int, change: _Change) -> Message:
    match message:
        case CommitmentSigned():
            return replace(
                message,
                signature=_of_signature(message.signature, 1 - sender, change),
                htlc_signatures=_of_signature(message.htlc_signatures, 1 - sender, change),
            )
        case RevokeAndAck():
            return RevokeAndAck(change(sender, message.per_commitment_secret))
        case ChannelReestablish():
            return ChannelReestablish(
                change(sender, message.next_commitment_number),
                change(1 - sender, message.next_revocation_number),
                change(1 - sender, message.your_last_per_commitment_secret),
            )
        case _:
            return message


def _of_signature(signature: Signature, owner: int, change: _Change) -> Signature:
    signed: Commitment | None = signature.signed
    return signature if signed is None else Signature(replace(signed, number=change(owner, signed.number)))
