"""Names given by people: looked up, or refused with the nearest ones that exist."""

from __future__ import annotations

from collections.abc import Callable, Collection
from difflib import get_close_matches

import click

MOST_LISTED = 60
"""So many names are listed at most where none is near."""
MOST_NEAR = 3
"""So many are called near at most."""


def nearest(name: str, known: Collection[str]) -> list[str]:
    """Return the names that an unknown one is the beginning of, then those that are spelled most like it."""
    begun = sorted(one for one in known if name and one.startswith(name))
    close = get_close_matches(name, known, n=MOST_NEAR, cutoff=0.4)
    return list(dict.fromkeys([*begun, *close]))[:MOST_NEAR]


def hint(name: str, known: Collection[str]) -> str:
    """Return a phrase with the names that are nearest to an unknown one."""
    near = nearest(name, known)
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
