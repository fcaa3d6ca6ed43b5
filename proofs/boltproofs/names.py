"""Names given by people: looked up, or refused with the nearest ones that exist."""

from __future__ import annotations

from collections.abc import Callable, Collection
from difflib import get_close_matches

import click

MOST_LISTED = 60
"""So many names are listed at most where none is near."""


def hint(name: str, known: Collection[str]) -> str:
    """Return a phrase with the names that are nearest to an unknown one."""
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    if near:
        return f"; near: {', '.join(near)}"
    return f"; known: {', '.join(sorted(known))}" if len(known) <= MOST_LISTED else ""


class Named(click.ParamType[str]):
    """A command line parameter that is one of many names, which are looked up when it is used."""

    def __init__(self, kind: str, known: Callable[[], Collection[str]]) -> None:
        self.name = kind
        self._known = known

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, or fail with the nearest ones."""
        name, known = str(value), self._known()
        if name not in known:
            self.fail(f"unknown {self.name} {name!r}{hint(name, known)}", param, ctx)
        return name
