"""All generated pages: where each is written, and what makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from boltproofs.docs import (
    ambiguities,
    api_pages,
    attacks,
    close_drawing,
    close_runs,
    closes,
    dance,
    fees,
    life,
    lifetime,
    message_reference,
    node_manual,
    onchain,
    payment,
    property_list,
    resuming,
    rule_tables,
    scenario_list,
    spec_pages,
    theorem_list,
)
from boltspec.chain.enforcement import Situation

FRAGMENTS: dict[str, Callable[[], str]] = {
    "ambiguities.inc": ambiguities.index,
    "attack-punished.inc": partial(attacks.shown, attacks.PUNISHED),
    "attack-unwatched.inc": partial(attacks.shown, attacks.UNWATCHED),
    "attack-wrong-secret.inc": partial(attacks.shown, attacks.WRONG_SECRET),
    **{f"close-{case.name.lower()}.inc": partial(close_drawing.drawing, case) for case in Situation},
    **{f"close-{case.name.lower()}-spends.inc": partial(closes.spends, case) for case in Situation},
    **{name: partial(close_runs.shown, name) for name in close_runs.RUNS},
    "close-deadlines.inc": closes.deadlines,
    "dance-advances.inc": dance.advances,
    "dance-diagram.inc": dance.diagram,
    "dance-stages.inc": dance.stages,
    "node-commands.inc": node_manual.commands,
    "node-limits.inc": node_manual.peer_limits,
    "node-options.inc": node_manual.options,
    **fees.FRAGMENTS,
    **life.FRAGMENTS,
    **lifetime.FRAGMENTS,
    **resuming.FRAGMENTS,
    "onchain-diagram.inc": onchain.diagram,
    "onchain-enforcement.inc": onchain.enforcement,
    "onchain-kinds.inc": onchain.kinds,
    "onchain-paths.inc": onchain.paths,
    "payment-ladder.inc": payment.ladder,
    "payment-steps.inc": payment.steps,
    "properties.inc": property_list.properties,
    "reading-order.inc": spec_pages.reading_order,
    "reading-order-contents.inc": spec_pages.contents,
    "replay-punished.inc": partial(attacks.replayed, attacks.PUNISHED),
    "replay-unwatched.inc": partial(attacks.replayed, attacks.UNWATCHED),
    "rules-overview.inc": rule_tables.overview,
    "rules-switchable.inc": rule_tables.switchable,
    "scenarios.inc": scenario_list.scenarios,
    "balance-security-claims.inc": theorem_list.claims,
    "balance-security-conditions.inc": theorem_list.conditions,
    "balance-security-musts.inc": theorem_list.musts,
    "theorems.inc": theorem_list.theorems,
    "theorems-status.inc": theorem_list.status,
}
"""What pages written by people include: file in ``docs/generated`` -> its maker."""


def pages() -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield every file of ``docs/generated`` and what makes its text."""
    yield from FRAGMENTS.items()
    for bolt in rule_tables.bolts():
        yield f"rules/bolt{bolt:02}.md", partial(rule_tables.bolt_page, bolt)
    for chapter in spec_pages.CHAPTERS:
        for module in chapter.modules:
            yield f"spec/{module}.rst", partial(spec_pages.page, module)
    for package in api_pages.INTRODUCTIONS:
        yield f"api/{package}.md", partial(api_pages.page, package)
    yield "messages.md", message_reference.page
