"""Which property a move or a world breaks.

Properties of nodes and steps are asked of honest parties only: what a corrupt one believes is nobody's concern. Their
answers are remembered, since a search meets the same node in many worlds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boltproofs.explorer.digest import Digests
from boltproofs.explorer.family import Family, Form, Property, World
from boltspec.move import Move
from boltspec.properties.property import OfBoth

Names = tuple[str, ...]
"""Names of properties, in the order in which the family lists them."""
NONE: Names = ()


class Watch:
    """The properties that one search of a scenario asks for."""

    def __init__(self, family: Family, scenario: Any, asked: Sequence[Property], digests: Digests) -> None:
        self._family = family
        self._scenario = scenario
        self._digests = digests
        self._honest = tuple(party for party, corrupt in enumerate(scenario.corrupt) if not corrupt)
        self._of_node, self._of_step, self._of_move, self._of_world, self._of_end = (
            tuple(one for one in asked if one.form is form) for form in Form
        )
        self._compared: list[tuple[str, OfBoth[Any], dict[bytes, Any]]] = [
            (one.name, one.holds, {}) for one in self._of_world if isinstance(one.holds, OfBoth)
        ]
        self._of_world = tuple(one for one in self._of_world if not isinstance(one.holds, OfBoth))
        self._nodes: dict[bytes, Names] = {}
        self._steps: dict[tuple[object, ...], Names] = {}

    def trust(self, other: Watch) -> None:
        """Take over what another search knows of nodes and steps: it asked for these properties too, and all held."""
        self._nodes, self._steps = dict(other._nodes), dict(other._steps)
        beliefs = {name: known for name, _, known in other._compared}
        self._compared = [(name, both, dict(beliefs[name])) for name, both, _ in self._compared]

    @property
    def asks_for_ends(self) -> bool:
        """Whether it matters that no move is possible."""
        return bool(self._of_end)

    def of_move(self, before: World, move: Move, after: World) -> Names:
        """Return what a move breaks: in its step, in a node, or as a whole."""
        broken = self._broken_by_step(before, move, after) if self._of_step else NONE
        if self._of_node:
            for party in self._honest:
                if after.nodes[party] is not before.nodes[party]:
                    broken += self._broken_in_node(after.nodes[party])
        if self._of_move:
            broken += tuple([one.name for one in self._of_move if not one.holds(before, after, self._scenario)])
        return broken

    def of_world(self, world: World) -> Names:
        """Return what a world breaks."""
        broken = tuple([one.name for one in self._of_world if not one.holds(world, self._scenario)])
        for name, compared, beliefs in self._compared:
            first, second = world.nodes
            believed = self._belief(compared, first, beliefs), self._belief(compared, second, beliefs)
            if not compared.agree(world, self._scenario, believed):
                broken += (name,)
        return broken

    def _belief(self, compared: OfBoth[Any], node: Any, beliefs: dict[bytes, Any]) -> Any:
        key = self._digests.of(node)
        if key not in beliefs:
            beliefs[key] = compared.belief(node)
        return beliefs[key]

    def of_end(self, world: World) -> Names:
        """Return what a world breaks by being the last one."""
        return tuple([one.name for one in self._of_end if not one.holds(world, self._scenario)])

    def at_first(self, world: World) -> Names:
        """Return what the first world breaks; as a move it leads from itself to itself."""
        nodes = [self._broken_in_node(world.nodes[party]) for party in self._honest] if self._of_node else []
        moves = tuple([one.name for one in self._of_move if not one.holds(world, world, self._scenario)])
        return sum(nodes, NONE) + moves + self.of_world(world)

    def _broken_in_node(self, node: object) -> Names:
        key = self._digests.of(node)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = tuple([one.name for one in self._of_node if not one.holds(node)])
        return found

    def _broken_by_step(self, before: World, move: Move, after: World) -> Names:
        step = self._family.step_of(before, move, after, self._scenario)
        if step is None:
            return NONE
        key = tuple(map(self._digests.of, step))
        found = self._steps.get(key)
        if found is None:
            found = self._steps[key] = tuple([one.name for one in self._of_step if not one.holds(step)])
        return found
