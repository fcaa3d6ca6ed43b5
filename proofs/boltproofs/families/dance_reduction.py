"""What a search may forget.

**After a commitment is confirmed** nobody sends or receives any more. From then on the transition relation asks a node
only three things: its constants, whether the confirmed commitment is below its ``local_revocations`` (the owner) or
``remote_revocations`` (the other), and whether it is below its ``remote_secrets``. The world properties ask no more,
and channel and step properties were asked when the node changed last. So all worlds that agree on the ledger and on
these answers behave alike, move by move and label by label, and one of them stands for all: wires, wishes and signed
commitments are dropped, and each node is replaced by a fresh one with the same answers. The tests compare the worlds
that a search visits with the images of those that an unreduced search visits.
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.channel import Channel, opened
from boltspec.scenario import Scenario
from boltspec.world import World


class Reduction:
    """The reduction for one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self._untouched = (opened(scenario.params), opened(scenario.params.mirrored()))
        self._nodes: dict[tuple[int, int, int, int], Channel] = {}

    def of(self, world: World) -> World:
        """Return the world that stands for this one in a search."""
        closing = world.ledger.closing
        if closing is None:
            return world
        number, owner, other = closing.number, world.nodes[closing.owner], world.nodes[1 - closing.owner]
        owner = self._node(closing.owner, number + (number < owner.local_revocations), 0, 0)
        punishable = number + (number < other.remote_revocations)
        other = self._node(1 - closing.owner, 0, punishable, number + (number < other.remote_secrets))
        return world._replace(
            nodes=(owner, other) if closing.owner == 0 else (other, owner),
            wires=((), ()),
            offered=(0, 0),
            history=((), ()),
            abuses=0,
            connected=False,
        )

    def _node(self, party: int, local_revocations: int, remote_revocations: int, remote_secrets: int) -> Channel:
        key = (party, local_revocations, remote_revocations, remote_secrets)
        if key not in self._nodes:
            self._nodes[key] = replace(
                self._untouched[party],
                local_revocations=local_revocations,
                remote_revocations=remote_revocations,
                remote_secrets=remote_secrets,
            )
        return self._nodes[key]
