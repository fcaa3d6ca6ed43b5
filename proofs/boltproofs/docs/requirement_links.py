"""Where a requirement is found: its row in the rule table of this site, and its line in the BOLT."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from boltspec.rules import BOLT_COMMIT, Requirement

BOLTS = f"https://github.com/lightning/bolts/blob/{BOLT_COMMIT}"
"""The texts at the commit that the ids refer to."""


class Place(NamedTuple):
    """Where a requirement stands in the BOLTs."""

    file: str
    line: int
    """Line of the list item or sentence."""


@cache
def places() -> dict[str, Place]:
    """Return the place of every requirement of the BOLTs, by id; definitions of ours have none."""
    text = files("boltspec").joinpath("requirements", "sources.tsv").read_text("utf-8")
    rows = csv.reader(text.splitlines()[1:], delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row[0]: Place(row[1], int(row[2])) for row in rows}


@cache
def file_of(bolt: int) -> str:
    """Return the file name of a BOLT."""
    return next(place.file for place in places().values() if place.file.startswith(f"{bolt:02}-"))


def section_url(requirement: Requirement) -> str:
    """Return the address of the section that a requirement stands in."""
    return f"{BOLTS}/{file_of(requirement.bolt)}#{requirement.section_anchor}"


def line_url(rule: str) -> str | None:
    """Return the address of the very line; ``None`` for definitions of ours."""
    place = places().get(rule)
    return f"{BOLTS}/{place.file}?plain=1#L{place.line}" if place else None


def rule_link(rule: str) -> str:
    """Return a link to the row of a rule in the rule table of this site."""
    return f"[`{rule}`](#{rule})"


def rule_links(rules: Iterable[str]) -> str:
    """Return links to several rows."""
    return ", ".join(rule_link(rule) for rule in rules)
