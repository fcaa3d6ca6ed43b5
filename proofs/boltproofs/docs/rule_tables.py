"""The rule table: every requirement of the BOLTs and every definition of ours, with what is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby

from boltproofs.citations import cited, switchable_rules
from boltproofs.docs.known import caveat, statuses
from boltproofs.docs.markdown import code, heading, table
from boltproofs.docs.requirement_links import file_of, line_url, section_url
from boltproofs.docs.source import ROOT
from boltproofs.rule_status import RuleStatus
from boltspec.rules import Requirement, requirements

YES, NO = "✓", "·"
COLUMNS = (
    *("id", "level", "class", "requirement"),
    *("specified", "implemented", "proved", "searched", "tested", "without it"),
)


def bolts() -> tuple[int, ...]:
    """Return the numbers of the BOLTs that have requirements."""
    return tuple(sorted({requirement.bolt for requirement in requirements().values()}))


def overview() -> str:
    """Return how many requirements there are of each BOLT, and how many are specified, proved and so on."""
    rows = [_counts(f"[BOLT {bolt}](generated/rules/bolt{bolt:02}.md)", _of(bolt)) for bolt in bolts()]
    everything = _counts("all", statuses())
    headings = ("", "requirements", *COLUMNS[4:-1], "necessary", "redundant here")
    return caveat() + "\n" + table(headings, [*rows, everything])


@cache
def _cited_by_reference() -> frozenset[str]:
    return cited((ROOT / "reference").rglob("*.py"))


def _implemented(status: RuleStatus) -> bool:
    """Say whether the code that deals with bytes and transactions cites the requirement."""
    return status.requirement.id in _cited_by_reference()


def _of(bolt: int) -> Mapping[str, RuleStatus]:
    return {rule: status for rule, status in statuses().items() if status.requirement.bolt == bolt}


def _counts(name: str, found: Mapping[str, RuleStatus]) -> tuple[str, ...]:
    states = found.values()
    counts = (
        len(found),
        sum(state.specified for state in states),
        sum(_implemented(state) for state in states),
        sum(bool(state.proved) for state in states),
        sum(state.searched == "holds" for state in states),
        sum(state.tested for state in states),
        sum(state.ablation == "necessary" for state in states),
        sum(state.ablation == "redundant here" for state in states),
    )
    return (name, *(str(count) for count in counts))


def switchable() -> str:
    """Return the rules that the specification consults, and what is known of each."""
    return table(COLUMNS, ([*_row(statuses()[rule], linked=True)] for rule in switchable_rules()))


def bolt_page(bolt: int) -> str:
    """Return the page of one BOLT: its requirements, section by section."""
    found = _of(bolt)
    parts = [heading(1, f"BOLT {bolt}: {file_of(bolt)}"), caveat()]
    for _, group in groupby(found.values(), key=lambda status: status.requirement.section_anchor):
        section = list(group)
        requirement = section[0].requirement
        parts.append(heading(2, f"[{_title(requirement)}]({section_url(requirement)})"))
        parts.append(table(COLUMNS, ([*_row(status)] for status in section)))
    return "\n".join(part for part in parts if part)


def _title(requirement: Requirement) -> str:
    words = requirement.section_anchor.replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def _row(status: RuleStatus, linked: bool = False) -> Iterator[str]:
    requirement = status.requirement
    name, url = code(requirement.id), line_url(requirement.id)
    if linked:
        yield f"[{name}](#{requirement.id})"
    else:
        yield f"[{name}]{{#{requirement.id}}}" + (f" [BOLT]({url})" if url else " (ours)")
    yield requirement.level.replace("_", " ")
    yield requirement.klass
    yield requirement.summary.replace("<", "&lt;")
    yield YES if status.specified else NO
    yield YES if _implemented(status) else NO
    yield ", ".join(f"[{name}](#theorem-{name})" for name in status.proved) or NO
    yield status.searched or NO
    yield YES if status.tested else NO
    yield _without(status)


def _without(status: RuleStatus) -> str:
    if status.ablation is None:
        return NO
    return f"{status.ablation}: {status.reason}"
