"""A change of the feerate, message by message: what comes of running the specification on one ``update_fee``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

from boltproofs.citations import rules_of_modules, switchable_rules
from boltproofs.docs.markdown import code, table
from boltproofs.docs.rule_tables import rules_table
from boltproofs.scenario_parts import HIGHER_FEERATE
from boltproofs.scenarios import SCENARIOS
from boltspec.channel import Channel
from boltspec.commitment import View, feerate
from boltspec.htlc import Stage
from boltspec.move import Move
from boltspec.scenario import NAMES
from boltspec.world import World, initial, take

SCENARIO = replace(SCENARIOS["dance-a"], name="dance-fee", wishes=(HIGHER_FEERATE,))
"""A, who opened the channel, raises the feerate."""
MESSAGES = (
    (0, "update_fee 0"),
    (0, "commitment_signed"),
    (1, "revoke_and_ack"),
    (1, "commitment_signed"),
    (0, "revoke_and_ack"),
)
"""Who sends what, in order."""


@cache
def worlds() -> tuple[World, ...]:
    """Run the change; return the world before it and after each message has arrived."""
    world = initial(SCENARIO)
    passed = [world]
    for sender, detail in MESSAGES:
        world = take(world, SCENARIO, Move(sender, "send", detail))
        world = take(world, SCENARIO, Move(1 - sender, "deliver", type(world.wires[sender][0]).__name__))
        passed.append(world)
    return tuple(passed)


def stage_of_newest(channel: Channel) -> Stage:
    """Return how far the newest feerate has come."""
    number = channel.feerates.at(Stage.PENDING).number
    return max(stage for stage in Stage if stage is not Stage.ABSENT and channel.feerates.at(stage).number == number)


def steps() -> str:
    """Return a row per message: how far the feerate is, and what each commitment pays."""
    return table(("after", "stage at A", "stage at B", *(f"A: {code(view.name)}" for view in View)), _rows())


def _rows() -> Iterator[tuple[str, ...]]:
    names = ("the opening", *(f"{NAMES[sender]}: {code(detail.split()[0])}" for sender, detail in MESSAGES))
    for name, world in zip(names, worlds(), strict=True):
        stages = (code(stage_of_newest(node).name) for node in world.nodes)
        yield name, *stages, *(str(feerate(world.nodes[0], view)) for view in View)


def rules() -> str:
    """Return the rules of changing the feerate."""
    return rules_table(sorted(rules_of_modules("fee_updates")))


def dust_rules() -> str:
    """Return the rules that bound the exposure to trimmed HTLCs."""
    return rules_table(rule for rule in switchable_rules() if rule.startswith("B02-dust-exposure-"))


FRAGMENTS: dict[str, Callable[[], str]] = {
    "fees-steps.inc": steps,
    "fees-rules.inc": rules,
    "dust-rules.inc": dust_rules,
}
"""What the page about it includes."""
