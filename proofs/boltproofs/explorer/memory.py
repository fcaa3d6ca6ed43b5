"""Steps that remember their results.

A transition relation is made of functions of single components, handed to it as a record of functions (``Steps``). They
are pure, so a result depends only on the arguments. A world is made of few different nodes and messages; nearly all of
a search's transitions combine results that are known already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from boltproofs.explorer.digest import Digests
from boltspec.verdict import Accepted

Steps = TypeVar("Steps")

BY_VALUE = (int, str, bool, type(None))
"""Types of arguments that are taken as they are."""
NOTHING = object()
"""In place of a result that is not known."""


def remembering(steps: Steps, digests: Digests, scenario: object) -> Steps:
    """Return steps that compute each result once, for a search of one scenario with one set of rules off."""
    digests.keep(scenario)
    kind: Any = type(steps)
    remembered: Steps = kind(
        **{field.name: _remembering(getattr(steps, field.name), digests) for field in fields(kind)}
    )
    return remembered


def _remembering(step: Callable[..., Any], digests: Digests) -> Callable[..., Any]:
    known: dict[tuple[object, ...], Any] = {}
    of = digests.of

    def remembered(*arguments: object) -> Any:
        key = tuple([one if type(one) in BY_VALUE else of(one) for one in arguments])
        found = known.get(key, NOTHING)
        if found is NOTHING:
            found = known[key] = step(*arguments)
            _expect(found, digests)
        return found

    return remembered


def _expect(result: object, digests: Digests) -> None:
    """Announce that the very objects a result is made of will be met again."""
    digests.expect(result)
    if isinstance(result, tuple):
        for entry in result:
            _expect(entry, digests)
    elif isinstance(result, Accepted):
        digests.expect(result.state)
