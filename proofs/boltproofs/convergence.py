"""ReestablishConverges: what lost connections and crashes leave behind is a state that is reached without them.

A scenario with losses is searched, and the same one without any. Whenever the channel is resumed, both nodes and the
messages between them have to be as in some world of the second search. A node may know more for having seen a message
before the loss, and that is right: preimages are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from boltproofs.families import SCENARIOS, family_of
from boltspec.channel import Channel
from boltspec.htlc import NO_PREIMAGE
from boltspec.htlcs import Htlcs
from boltspec.messages import Message
from boltspec.properties.agreement import honest_and_talking
from boltspec.rules import without
from boltspec.scenario import Scenario
from boltspec.world import World

LOSSY = ("resume-a", "resume-a-twice", "resume-fees", "resume-gain", "resume-saving", "crash-a", "crash-fees")
"""Scenarios in which connections are lost or nodes crash."""

Resumed = tuple[tuple[Channel, ...], tuple[tuple[Message, ...], ...]]
"""Both nodes, and the messages between them."""


@dataclass(frozen=True, slots=True)
class Convergence:
    """What the two searches say."""

    scenario: str
    resumed: int
    """How many states a resumed channel is in."""
    strange: tuple[Resumed, ...]
    """Those of them that are not reached without a loss."""

    @property
    def holds(self) -> bool:
        """There are resumed channels, and all of them are as if nothing had been lost."""
        return self.resumed > 0 and not self.strange


def convergence(name: str, off: frozenset[str] = frozenset()) -> Convergence:
    """Compare a scenario of the dance with itself without losses."""
    scenario = SCENARIOS[name]
    undisturbed = replace(scenario, disconnections=0, crashes=0, restores=0)
    with without(off):
        after_losses, others = set(_resumed(scenario)), set(_resumed(undisturbed))
    return Convergence(name, len(after_losses), tuple(after_losses - others))


def _resumed(scenario: Scenario) -> Iterator[Resumed]:
    for world in _reachable(scenario):
        if honest_and_talking(world, scenario):
            yield tuple(map(_without_preimages, world.nodes)), world.wires


def _without_preimages(node: Channel) -> Channel:
    return replace(node, htlcs=Htlcs(tuple(replace(htlc, known_preimage=NO_PREIMAGE) for htlc in node.htlcs.items)))


def _reachable(scenario: Scenario) -> set[World]:
    family = family_of(scenario)
    newest = [family.initial(scenario)]
    seen = set(newest)
    while newest:
        found = {after for world in newest for _, after in family.successors(world, scenario, family.steps)}
        newest = list(found - seen)
        seen.update(newest)
    return seen
