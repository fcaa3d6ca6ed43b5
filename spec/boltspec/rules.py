"""Rules: guards and duties that cite a BOLT requirement and can be switched off by its id.

A *guard* is one line, ``require(condition, rule, ...)``; a step whose guard fails leaves the state as it was and
yields a verdict (see :mod:`boltspec.verdict`). A *duty* is something that an honest node must do; the code that does
it asks ``duty(rule)`` first. Switching a rule off (:func:`without`) is how ablation and the attack catalogue ask what
the rule is for. It is the only state outside the arguments of a step, it is the same for a whole run, and it costs
nothing while no rule is off.

The ids are those of the requirement table in ``requirements/`` (``B..``, one for each normative keyword of the BOLTs)
and of ``definitions.tsv`` (``D..``), which names what the BOLTs state without a keyword.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files

BOLT_COMMIT = "a3772650d8ebc06acf457fcadf97968ebfc4dfff"
"""Commit of the ``lightning/bolts`` repository that the ids and summaries were taken from."""


class Reaction(StrEnum):
    """What the BOLT prescribes when the peer breaks a rule."""

    WARN_OR_FAIL = "send a warning and close the connection, or send an error and fail the channel"
    FAIL_CHANNEL = "send an error and fail the channel"
    WARN_AND_CLOSE = "ignore the message, send a warning and close the connection"
    WARN = "ignore the message and send a warning"
    CLOSE = "close the connection"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row of the requirement table."""

    id: str
    section_anchor: str
    """GitHub anchor of the heading in the BOLT."""
    role: str
    level: str
    """``MUST``, ``MUST_NOT``, ``SHOULD``, ``SHOULD_NOT`` or ``MAY``."""
    topic: str
    feature: str
    klass: str
    """``state``, ``wire``, ``crypto``, ``onchain``, ``gossip``, ``policy`` or ``ux``."""
    summary: str

    @property
    def bolt(self) -> int:
        """Number of the BOLT."""
        return int(self.id[1:3])


@cache
def requirements() -> dict[str, Requirement]:
    """Return every requirement of the BOLTs and every definition of ours, by id."""
    rows: dict[str, Requirement] = {}
    for file in sorted(files("boltspec").joinpath("requirements").iterdir(), key=lambda entry: entry.name):
        if file.name.startswith(("bolt", "definitions")):
            for row in csv.reader(file.read_text("utf-8").splitlines()[1:], delimiter="\t", quoting=csv.QUOTE_NONE):
                rows[row[0]] = Requirement(*row)
    return rows


@cache
def exemptions() -> dict[str, str]:
    """Return the requirements that are not specified for a reason that holds, by id, with the reason."""
    found: dict[str, str] = {}
    for file in sorted(files("boltspec").joinpath("requirements").iterdir(), key=lambda entry: entry.name):
        if file.name.startswith("exemptions"):
            rows = (line.split("\t") for line in file.read_text("utf-8").splitlines()[1:])
            found |= {row[0]: row[1] for row in rows}
    return found


@dataclass(frozen=True, slots=True)
class Construction:
    """How a requirement is met that is no line which could be switched off: by the way in which something is built."""

    breaks: str
    """Name of a property that breaks where it is built otherwise."""
    reason: str


@cache
def constructions() -> dict[str, Construction]:
    """Return the requirements that are met by construction, by id."""
    file = files("boltspec").joinpath("requirements", "constructed.tsv")
    rows = (line.split("\t") for line in file.read_text("utf-8").splitlines()[1:])
    return {row[0]: Construction(row[1], row[2]) for row in rows}


class RuleBroken(Exception):  # it is no error: it becomes a verdict
    """Raised by :func:`require`, caught by the step decorators: never leaves a step."""

    def __init__(self, rule: str, reaction: Reaction | None, numbers: dict[str, object]) -> None:
        super().__init__(rule)
        self.rule = rule
        self.reaction = reaction
        self.numbers = numbers


class _Everything(frozenset[str]):
    """The set of all rules."""

    def __contains__(self, rule: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


EVERY_RULE: frozenset[str] = _Everything()
"""Switches every rule off: how a corrupt party runs the protocol."""

_off: frozenset[str] = frozenset()


@contextmanager
def without(rules: frozenset[str]) -> Iterator[None]:
    """Switch rules off within a ``with`` block, in addition to those that are off already."""
    with _switched(EVERY_RULE if EVERY_RULE is _off or EVERY_RULE is rules else _off | rules):
        yield


@contextmanager
def with_every_rule() -> Iterator[None]:
    """Switch every rule on within a ``with`` block, whatever is off around it."""
    with _switched(frozenset()):
        yield


@contextmanager
def _switched(off: frozenset[str]) -> Iterator[None]:
    global _off  # noqa: PLW0603  # the one switchboard of the specification
    before, _off = _off, off
    try:
        yield
    finally:
        _off = before


def switched_off() -> frozenset[str]:
    """Return the rules that are off."""
    return _off


@dataclass(slots=True)
class Notes:
    """What is noticed of the rules while steps are taken."""

    deciding: set[str] = field(default_factory=set)
    """Rules that decide something: guards that fail and duties that are done."""
    instead: set[str] = field(default_factory=set)
    """Guards that fail in a step in which one that is off would have failed before them."""
    let_through: bool = False
    """A step was taken although a guard that is off would have failed."""
    _missed: bool = False
    """In the step that is being taken a guard that is off would have failed."""

    def missed(self) -> None:
        """Note that a guard which is off would have failed."""
        self._missed = True

    def step_ended(self, broken: str | None) -> None:
        """Note how a step ended: by which guard, if it was not taken."""
        if self._missed and broken is None:
            self.let_through = True
        elif self._missed and broken is not None:
            self.instead.add(broken)
        self._missed = False


_notes: Notes | None = None


@contextmanager
def noticing() -> Iterator[Notes]:
    """Notice which rules decide something within a ``with`` block.

    Switching any other rule off would have changed nothing there.
    """
    global _notes  # noqa: PLW0603  # beside the switchboard, the one observer
    before, _notes = _notes, Notes()
    try:
        yield _notes
    finally:
        _notes = before


def note(rules: Iterable[str]) -> None:
    """Tell whoever takes notes of rules that are known to decide something in a step that is not taken again."""
    if _notes is not None:
        _notes.deciding.update(rules)


def step_ended(broken: str | None) -> None:
    """Tell whoever takes notes that a step has ended, and which guard it broke off at."""
    if _notes is not None:
        _notes.step_ended(broken)


def require(condition: bool, rule: str, reaction: Reaction | None = None, **numbers: object) -> None:
    """Break off the step unless the condition holds or the rule is off.

    ``reaction`` is what the BOLT prescribes to a receiver; a sender's rule has none, it just must not send.
    ``numbers`` are the compared values, for the verdict.
    """
    if _off and rule in _off:
        # A corrupt party, for whom all rules are off, breaks them knowingly: nobody takes notes of it.
        if _notes is not None and _off is not EVERY_RULE and not condition:
            _notes.missed()
        return
    if not condition:
        if _notes is not None:
            _notes.deciding.add(rule)
        raise RuleBroken(rule, reaction, numbers)


def duty(rule: str) -> bool:
    """Say whether a duty is to be done: true unless the rule is off."""
    if _off and rule in _off:
        return False
    if _notes is not None:
        _notes.deciding.add(rule)
    return True
