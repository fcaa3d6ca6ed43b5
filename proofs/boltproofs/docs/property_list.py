"""The properties of the specification: names, sentences, and who checks them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from boltproofs.docs.markdown import heading, table
from boltproofs.verify import THEOREMS
from boltspec.closing.properties import CLOSE_PROPERTIES
from boltspec.establishment.properties import FINAL_PROPERTIES, PROPERTIES
from boltspec.properties.catalogue import CHANNEL_PROPERTIES, STEP_PROPERTIES, WORLD_PROPERTIES


class Stated(Protocol):
    """What every form of property has."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def sentence(self) -> str:
        """What it says."""


class Group(NamedTuple):
    """Properties of one form."""

    title: str
    meaning: str
    entries: Sequence[Stated]
    has_theorems: bool
    """Theorems are named after the properties of this group."""


GROUPS = (
    Group("Of a channel", "Hold in every reachable state of an honest node.", CHANNEL_PROPERTIES, True),
    Group("Of a step", "Hold for every step that an honest node takes.", STEP_PROPERTIES, True),
    Group(
        "Of the world",
        "Speak about both nodes, what is between them, and the chain.",
        WORLD_PROPERTIES,
        True,
    ),
    Group(
        "Of opening a channel",
        "Hold in every reachable world of two nodes that open a channel, some of them in its final ones only.",
        (*PROPERTIES, *FINAL_PROPERTIES),
        False,
    ),
    Group(
        "Of closing together",
        "Hold in every reachable world of two nodes that close a channel, some of them in its final ones only.",
        CLOSE_PROPERTIES,
        False,
    ),
)
"""All properties."""


def properties() -> str:
    """Return all properties, group by group."""
    parts = []
    for group in GROUPS:
        parts += [
            heading(2, group.title),
            f"{group.meaning}\n",
            table(("property", "says", "checked by"), _rows(group)),
        ]
    return "\n".join(parts)


def _rows(group: Group) -> Iterator[tuple[str, str, str]]:
    for entry in group.entries:
        proof = f"[proof](#theorem-{entry.name}), " if group.has_theorems and entry.name in THEOREMS else ""
        yield entry.name, entry.sentence, f"{proof}search"
