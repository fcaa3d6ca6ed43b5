"""The rule table: every requirement of the BOLTs and every definition of ours, with what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby

from boltproofs.citations import cited, switchable_rules
from boltproofs.docs.known import ablated, caveat, statuses, verified
from boltproofs.docs.markdown import code, heading, table
from boltproofs.docs.requirement_links import file_of, line_url, section_url
from boltproofs.docs.source import ROOT
from boltproofs.rule_status import RuleStatus
from boltspec.rules import requirements

COLUMNS = ("id", "level, class", "requirement", "known", "without it")
KINDS = ("all", "specified", "implemented", "tested", "proved", "searched", "necessary", "redundant")
"""What is counted."""
UNKNOWN = "?"
"""In place of a number that only a missing result can tell."""
ACRONYMS = {"htlc": "HTLC", "htlcs": "HTLCs", "tlv": "TLV", "hmac": "HMAC", "rbf": "RBF", "ecdh": "ECDH"}
"""Words of anchors, which have lost their capitals."""


def bolts() -> tuple[int, ...]:
    """Return the numbers of the BOLTs that have requirements."""
    return tuple(sorted({requirement.bolt for requirement in requirements().values()}))


def overview() -> str:
    """Return how many requirements there are of each BOLT, and how many are specified, proved and so on."""
    rows = [_counts(f"[BOLT {bolt}](generated/rules/bolt{bolt:02}.md)", _of(bolt)) for bolt in bolts()]
    everything = _counts("all", statuses())
    headings = ("", *KINDS)
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
    cited = (
        len(found),
        sum(state.specified for state in states),
        sum(_implemented(state) for state in states),
        sum(state.tested for state in states),
    )
    proved = sum(bool(state.proved) for state in states) if verified() else UNKNOWN
    searched = (
        (
            sum(state.searched == "holds" for state in states),
            sum(state.ablation == "necessary" for state in states),
            sum(state.ablation == "redundant here" for state in states),
        )
        if ablated()
        else [UNKNOWN] * 3
    )
    return (name, *(str(count) for count in (*cited, proved, *searched)))


def switchable() -> str:
    """Return the rules that the specification consults, and what is known of each."""
    return rules_table(switchable_rules())


def rules_table(rules: Iterable[str]) -> str:
    """Return some rules with what is known of each."""
    return table(COLUMNS, ([*_row(statuses()[rule], linked=True)] for rule in rules))


def bolt_page(bolt: int) -> str:
    """Return the page of one BOLT: its requirements, section by section."""
    found = _of(bolt)
    parts = [heading(1, f"BOLT {bolt}: {_title(file_of(bolt)[3:-3]).lower()}"), caveat()]
    for _, group in groupby(found.values(), key=lambda status: status.requirement.section_anchor):
        section = list(group)
        requirement = section[0].requirement
        parts.append(heading(2, f"[{_title(requirement.section_anchor)}]({section_url(requirement)})"))
        parts.append(table(COLUMNS, ([*_row(status)] for status in section)))
    return "\n".join(part for part in parts if part)


def _title(anchor: str) -> str:
    """Return a heading from its anchor."""
    words = " ".join(ACRONYMS.get(word, word) for word in anchor.split("-") if word)
    return words[:1].upper() + words[1:]


def _row(status: RuleStatus, linked: bool = False) -> Iterator[str]:
    requirement = status.requirement
    name, url = code(requirement.id), line_url(requirement.id)
    if linked:
        yield f"[{name}](#{requirement.id})"
    else:
        yield f"[{name}]{{#{requirement.id}}} " + (f"[BOLT]({url})" if url else "(ours)")
    yield f"{requirement.level.replace('_', ' ')}, {requirement.klass}"
    yield requirement.summary.replace("<", "&lt;")
    yield ", ".join(_known(status))
    yield f"{status.ablation}: {status.reason}" if status.ablation else ""


def _known(status: RuleStatus) -> Iterator[str]:
    if status.specified:
        yield "specified"
    if status.exempt:
        yield f"exempt: {status.exempt}"
    if _implemented(status):
        yield "implemented"
    if status.tested:
        yield "tested"
    if status.searched:
        yield f"searched: {status.searched}"
    if status.proved:
        yield "proved: " + ", ".join(f"[{name}](#theorem-{name})" for name in status.proved)
