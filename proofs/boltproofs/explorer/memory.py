"""Steps that remember their results.

A transition relation is made of functions of single components, handed to it as a record of functions (``Steps``). They
are pure, so a result depends only on the arguments. A world is made of few different nodes and messages; nearly all of
a search's transitions combine results that are known already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple, TypeAlias, TypeVar

from boltproofs.explorer.digest import Digests
from boltspec.rules import note, noticing, switched_off
from boltspec.verdict import Accepted

Steps = TypeVar("Steps")
Key: TypeAlias = tuple[object, ...]
"""Arguments of a step: plain values as they are, digests of others."""


class Noted(NamedTuple):
    """A result, and the rules that decide something on the way to it: without any other it is the same."""

    value: Any
    rules: frozenset[str]


Memory: TypeAlias = dict[Key, Noted]
"""What is known of one step, with every rule on."""

BY_VALUE = (int, str, bool, type(None))
"""Types of arguments that are taken as they are."""
NOTHING = object()
"""In place of a result that is not known."""


def remembering(steps: Steps, digests: Digests, scenario: object, before: Mapping[str, Memory] | None = None) -> Steps:
    """Return steps that compute each result once, for a search of one scenario with one set of rules off.

    ``before`` holds by name of the step what is known from a search with every rule on.
    """
    return _each(steps, digests, scenario, lambda name, step: _remembering(step, digests, (before or {}).get(name, {})))


def noting(steps: Steps, digests: Digests, scenario: object, memories: dict[str, Memory]) -> Steps:
    """Return steps that do the same with every rule on, and note in ``memories`` which of them decide something."""
    return _each(
        steps, digests, scenario, lambda name, step: _noting(step, digests, memories.setdefault(name, {}))
    )


def _each(
    steps: Steps, digests: Digests, scenario: object, make: Callable[[str, Callable[..., Any]], Callable[..., Any]]
) -> Steps:
    digests.keep(scenario)
    kind: Any = type(steps)
    made: Steps = kind(**{field.name: make(field.name, getattr(steps, field.name)) for field in fields(kind)})
    return made


def _key(arguments: tuple[object, ...], of: Callable[[object], bytes]) -> Key:
    return tuple([one if type(one) in BY_VALUE else of(one) for one in arguments])


def _remembering(step: Callable[..., Any], digests: Digests, before: Memory) -> Callable[..., Any]:
    known: dict[Key, Any] = {}
    of = digests.of

    def remembered(*arguments: object) -> Any:
        key = _key(arguments, of)
        found = known.get(key, NOTHING)
        if found is NOTHING:
            noted = before.get(key)
            if noted is not None and noted.rules.isdisjoint(switched_off()):
                note(noted.rules)
                found = known[key] = noted.value
            else:
                found = known[key] = step(*arguments)
                _expect(found, digests)
        return found

    return remembered


def _noting(step: Callable[..., Any], digests: Digests, memory: Memory) -> Callable[..., Any]:
    of = digests.of

    def remembered(*arguments: object) -> Any:
        key = _key(arguments, of)
        found = memory.get(key)
        if found is None:
            with noticing() as notes:
                value = step(*arguments)
            found = memory[key] = Noted(value, frozenset(notes.deciding))
            _expect(value, digests)
        note(found.rules)
        return found.value

    return remembered


def _expect(result: object, digests: Digests) -> None:
    """Announce that the very objects a result is made of will be met again."""
    digests.expect(result)
    if isinstance(result, tuple):
        for entry in result:
            _expect(entry, digests)
    elif isinstance(result, Accepted):
        digests.expect(result.state)
