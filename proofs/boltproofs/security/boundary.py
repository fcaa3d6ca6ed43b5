"""Just below a condition: runs of the chain world itself, found by search and made of its own moves.

The theorems speak of all numbers; their assumptions about time (:mod:`boltproofs.security.numbers`) stand for what the
transition relation :func:`boltspec.chain.moves.successors` does. Here the two are held against each other where it
matters: for small numbers every run of the world is examined. Where a condition just holds no run breaks the property;
where it is missed by one block, the shortest run that breaks it is the witness.

The channel is played by its own moves to where one HTLC is irrevocably committed (and perhaps shown to be fulfilled);
then the corrupt peer falls silent. From there on everything is searched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from boltproofs.security.numbers import lost_to
from boltspec.chain.deadlines import Timing
from boltspec.chain.moves import successors, take
from boltspec.chain.properties.catalogue import PROPERTIES
from boltspec.chain.scenario import ChainScenario, Payment
from boltspec.chain.world import ChainWorld, initial
from boltspec.move import Move
from boltspec.scenario import small_limits, small_params
from boltspec.units import Blocks, Height, Msat

MOST_WORLDS = 100_000
"""More are not looked at."""
BY_NAME = {entry.name: entry for entry in PROPERTIES}
AMOUNT = Msat(100_000_000)
PUSHED = Msat(200_000_000)
"""What the recipient of the HTLC has at first."""
REVOKED = "A deliver RevokeAndAck"
"""B has revoked its first commitment, and A has the secret."""
COMMITTED = "B deliver RevokeAndAck"
"""Both are irrevocably committed to the HTLC."""
FORWARDED = "B forward 0"
"""B has offered the outgoing HTLC."""
FULFILLED = "B send update_fulfill_htlc 0"
"""B has shown the preimage."""


@dataclass(frozen=True)
class Corner:
    """Numbers for one search."""

    prelude: str
    """The last move before the peer falls silent."""
    reorganisations: int
    reorg_depth: int = 1
    grace: int = 0
    confirmation: int = 2
    inclusion: int = 1
    to_self_delay: int = 4
    cltv_expiry: int = 12
    honest: int = 0
    """Seat of the honest party; seat 0 offers the HTLC."""
    incoming_expiry: int | None = None
    outgoing_expiry: int | None = None

    @property
    def lost(self) -> int:
        """What the reorganisations cost."""
        return lost_to(self.reorganisations, self.reorg_depth)

    def brief(self) -> str:
        """Return the numbers that matter, in a few words."""
        numbers = f"R={self.reorg_depth}, G={self.grace}, S={self.confirmation}, inclusion={self.inclusion}"
        expiries = "" if self.incoming_expiry is None else f", delta={self.incoming_expiry - self.cltv_expiry}"
        return f"n={self.reorganisations}, {numbers}, to_self_delay={self.to_self_delay}{expiries}"

    def scenario(self) -> ChainScenario:
        """Return the scenario of the chain world with these numbers."""
        limits = replace(small_limits(), to_self_delay=Blocks(self.to_self_delay))
        incoming = None if self.incoming_expiry is None else Height(self.incoming_expiry)
        outgoing = None if self.outgoing_expiry is None else Height(self.outgoing_expiry)
        return ChainScenario(
            name="corner",
            title="one HTLC, a silent peer",
            params=small_params(limits),
            payments=(Payment(0, AMOUNT, Height(self.cltv_expiry), incoming, outgoing),),
            timing=Timing(Blocks(self.reorg_depth), Blocks(self.grace), Blocks(self.confirmation)),
            inclusion=Blocks(self.inclusion),
            horizon=Height(self.cltv_expiry),
            corrupt=(self.honest != 0, self.honest != 1),
            push_msat=PUSHED,
            reorganisations=self.reorganisations,
        )


def start(corner: Corner) -> tuple[ChainWorld, ChainScenario]:
    """Return the world in which the peer has just fallen silent. ValueError if the prelude cannot be played."""
    scenario = corner.scenario()
    world = initial(scenario)
    while True:
        move, world = _next(world, scenario)
        if str(move) == corner.prelude:
            break
    assert world.talk is not None
    silent = world.talk._replace(connected=False, wires=((), ()))
    return replace(world, talk=silent), scenario


def _next(world: ChainWorld, scenario: ChainScenario) -> tuple[Move, ChainWorld]:
    """Take the next step of the dance: what is on the wire is delivered, else something is forwarded, or sent."""
    order = ("deliver", "forward", "send")
    moves = [(move, after) for move, after in successors(world, scenario) if move.action in order]
    if not moves:
        raise ValueError("the prelude comes to an end before its last message")
    return min(moves, key=lambda entry: order.index(entry[0].action))


def shortest_run(
    world: ChainWorld, scenario: ChainScenario, is_broken: Callable[[ChainWorld, ChainScenario], bool], most: int
) -> tuple[list[Move] | None, int]:
    """Return the shortest run to a world that is broken, if any, and how many worlds were seen.

    ValueError if more than ``most`` worlds would have to be looked at.
    """
    came_from: dict[ChainWorld, tuple[ChainWorld, Move] | None] = {world: None}
    level = [world]
    while level:
        following: list[ChainWorld] = []
        for here in level:
            if is_broken(here, scenario):
                return _path(came_from, here), len(came_from)
            for move, after in successors(here, scenario):
                if after not in came_from:
                    came_from[after] = (here, move)
                    following.append(after)
        if len(came_from) > most:
            raise ValueError(f"more than {most} worlds")
        level = following
    return None, len(came_from)


def _path(came_from: dict[ChainWorld, tuple[ChainWorld, Move] | None], world: ChainWorld) -> list[Move]:
    moves = []
    step = came_from[world]
    while step is not None:
        moves.append(step[1])
        step = came_from[step[0]]
    return moves[::-1]


def breaks(name: str) -> Callable[[ChainWorld, ChainScenario], bool]:
    """Return the predicate that a property of the chain world is broken."""
    return lambda world, scenario: not BY_NAME[name].holds(world, scenario)


@dataclass(frozen=True)
class Boundary:
    """Two corners, one on either side of a condition, and the property that is at stake."""

    property: str
    holds: Corner
    fails: Corner


@dataclass(frozen=True)
class Searched:
    """What the two searches found."""

    worlds: int
    """How many worlds there are where the condition holds: none of them breaks the property."""
    run: tuple[Move, ...]
    """The shortest run that breaks it where the condition is just missed."""
    problem: str | None = None
    """What contradicts the theorem, if anything does."""


def examine(boundary: Boundary) -> Searched:
    """Search both corners; the run that is found is taken again, move by move, before it is believed."""
    is_broken = breaks(boundary.property)
    found, worlds = shortest_run(*start(boundary.holds), is_broken, MOST_WORLDS)
    if found is not None:
        return Searched(worlds, tuple(found), f"{boundary.property} breaks although the condition holds")
    world, scenario = start(boundary.fails)
    run, _ = shortest_run(world, scenario, is_broken, MOST_WORLDS)
    if run is None:
        return Searched(worlds, (), f"{boundary.property} holds although the condition is missed")
    for move in run:
        world = take(world, scenario, move)
    problem = None if is_broken(world, scenario) else "the run breaks nothing when it is taken again"
    return Searched(worlds, tuple(run), problem)
