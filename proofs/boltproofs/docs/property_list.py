"""The properties, from :mod:`boltspec.properties.catalogue`: names, sentences, and who checks them."""

from __future__ import annotations

from collections.abc import Iterator

from boltproofs.docs.markdown import heading, table
from boltproofs.verify import THEOREMS
from boltspec.properties.catalogue import CHANNEL_PROPERTIES, STEP_PROPERTIES, WORLD_PROPERTIES
from boltspec.properties.property import ChannelProperty, StepProperty, WorldProperty

FORMS: tuple[tuple[str, str, tuple[ChannelProperty | StepProperty | WorldProperty, ...]], ...] = (
    ("Of a channel", "Hold in every reachable state of an honest node.", CHANNEL_PROPERTIES),
    ("Of a step", "Hold for every step that an honest node takes.", STEP_PROPERTIES),
    ("Of the world", "Speak about both nodes, what is between them, and the chain.", WORLD_PROPERTIES),
)


def properties() -> str:
    """Return all properties, form by form."""
    parts = []
    for title, meaning, entries in FORMS:
        parts += [heading(2, title), f"{meaning}\n", table(("property", "says", "checked by"), _rows(entries))]
    return "\n".join(parts)


def _rows(entries: tuple[ChannelProperty | StepProperty | WorldProperty, ...]) -> Iterator[tuple[str, str, str]]:
    for entry in entries:
        proof = f"[proof](#theorem-{entry.name}), " if entry.name in THEOREMS else ""
        yield f"[{entry.name}]{{#property-{entry.name}}}", entry.sentence, f"{proof}search"
