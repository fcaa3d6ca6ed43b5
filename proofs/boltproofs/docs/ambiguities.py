"""The tags ``AMBIGUOUS`` and ``STRICTER`` in the sources: where a decision stands in the code.

A tag names its entry in ``docs/ambiguities``: the kind in capitals, a colon, the id, a colon, then the decision in a
sentence. The entries are written by people; that each tag has one and the other way round, a test checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from boltproofs.docs.markdown import code, table
from boltproofs.docs.source import ROOT

TAG = re.compile(r"\b(AMBIGUOUS|STRICTER):(?:\s+(?:#\s*)?([a-z0-9-]+):)?")
"""A tag; its second group is the id, missing if the tag is malformed."""
ENTRY = re.compile(r"^\(ambiguity-([a-z0-9-]+)\)=$", re.MULTILINE)
"""The name of an entry in a page of ``docs/ambiguities``."""


class Tag(NamedTuple):
    """A decision that is tagged in a source."""

    kind: str
    """``AMBIGUOUS``: the BOLT can be read in two ways. ``STRICTER``: we ask for more than it says."""
    id: str | None
    path: Path
    """The source, from the root of the tree."""


@cache
def tags() -> tuple[Tag, ...]:
    """Return the tags of all sources of the specification and of the reference, sorted by id."""
    sources = [path for folder in ("spec", "reference") for path in (ROOT / folder).rglob("*.py")]
    found = (tag for path in sources for tag in _in(path))
    return tuple(sorted(found, key=lambda tag: (tag.id or "", tag.path)))


def _in(path: Path) -> Iterator[Tag]:
    for match in TAG.finditer(path.read_text("utf-8")):
        yield Tag(match[1], match[2], path.relative_to(ROOT))


def entries() -> tuple[str, ...]:
    """Return the ids of all entries in ``docs/ambiguities``, in order."""
    pages = sorted((ROOT / "docs" / "ambiguities").glob("*.md"))
    return tuple(name for page in pages for name in ENTRY.findall(page.read_text("utf-8")))


def index() -> str:
    """Return the table of all decisions with the files that they are taken in."""
    rows = ((f"[{tag.id}](#ambiguity-{tag.id})", tag.kind.lower(), code(tag.path.as_posix())) for tag in tags())
    return table(("decision", "kind", "in"), rows)
