"""The theorems of all kinds, with what came of the last run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from boltproofs.docs.known import caveat, verified
from boltproofs.docs.markdown import heading, table
from boltproofs.docs.requirement_links import rule_links
from boltproofs.run_proof import RUN_THEOREMS
from boltproofs.runs import RunTheorem
from boltproofs.security.theorem import SecurityTheorem
from boltproofs.security.theorems import SECURITY_THEOREMS
from boltproofs.theorems import INDUCTIVE, STRUCTURE, InductiveTheorem
from boltproofs.verify import ALL, UNBOUNDED
from boltspec.rules import requirements

MUSTS = ("MUST", "MUST_NOT")
"""Levels of requirements that a node has no choice about."""


def status() -> str:
    """Return the table of the last run: what was proved, of how much, and in what time."""
    data = verified()
    if data is None:
        return caveat()
    proved = sum(entry["status"] == "proved" for entry in data["theorems"])
    line = f"{proved} of {len(ALL)} theorems proved by {data['solver']}."
    headings = ("theorem", "status", "obligations", "witness", "refuted without")
    return line + "\n\n" + table(headings, (_result(entry) for entry in data["theorems"]))


def _result(entry: Mapping[str, Any]) -> tuple[str, ...]:
    name = entry["name"]
    witness = "yes" if entry["witness"] else "no"
    rules = len(entry["refuted_without"])
    refuted = "1 rule" if rules == 1 else f"{rules} rules, one at a time"
    return f"[{name}](#theorem-{name})", entry["status"], str(entry["obligations"]), witness, refuted


def theorems() -> str:
    """Return a section per theorem."""
    inductive = [_inductive(theorem) for theorem in INDUCTIVE]
    of_runs = [_of_runs(theorem) for theorem in RUN_THEOREMS]
    security = [_security(theorem) for theorem in SECURITY_THEOREMS]
    parts = (
        ("Inductive theorems", inductive),
        ("Balance security", security),
        ("Theorems about runs", of_runs),
    )
    return "\n".join(text for title, sections in parts for text in (heading(2, title), *sections))


def _inductive(theorem: InductiveTheorem) -> str:
    lemmas = [lemma.name for lemma in (*STRUCTURE, *theorem.lemmas) if lemma.name != theorem.name]
    return _section(theorem.name, theorem.goal.sentence, lemmas, UNBOUNDED, theorem.fails_without)


def _of_runs(theorem: RunTheorem) -> str:
    section = _section(theorem.name, theorem.sentence, list(theorem.lemmas), theorem.unbounded, theorem.fails_without)
    claims = "".join(f"  - {claim.label}\n" for claim in theorem.claims)
    return f"{section.rstrip()}\n- bounded: {theorem.bounded}\n- claims:\n{claims}"


def _security(theorem: SecurityTheorem) -> str:
    section = _section(theorem.name, theorem.sentence, list(theorem.lemmas), theorem.unbounded, theorem.fails_without)
    conditions = "".join(f"- holds where {entry.text}, exactly\n" for entry in theorem.conditions)
    subsumed = "".join(
        f"- holds without {rule_links((entry.rule,))} as well, thanks to {rule_links(entry.by)}: {entry.why}\n"
        for entry in theorem.subsumed
    )
    outside = "".join(f"- {rule_links((entry.rule,))} plays no part: {entry.why}\n" for entry in theorem.outside)
    return f"{section.rstrip()}\n{conditions}{subsumed}{outside}- claims: {len(list(theorem.claims()))}\n"


def claims() -> str:
    """Return the claims that balance security consists of."""
    theorem = next(theorem for theorem in SECURITY_THEOREMS if theorem.name == "BalanceSecurity")
    parts = []
    for group in theorem.groups:
        parts.append(f"**{(group.__doc__ or '').splitlines()[0]}**\n")
        parts.append("".join(f"- {claim.label}\n" for claim in group()))
    return "\n".join(parts)


def conditions() -> str:
    """Return the exact conditions, with what the last run found just below them."""
    theorem = next(theorem for theorem in SECURITY_THEOREMS if theorem.name == "BalanceSecurity")
    rows = ((entry.name, f"`{entry.text}`", entry.enough) for entry in theorem.conditions)
    listed = table(("bound", "holds exactly where", "what BOLT 2 recommends"), rows)
    data = verified()
    found = [entry for entry in data["theorems"] if entry["name"] == theorem.name] if data is not None else []
    notes = "\n".join(found[0]["notes"]) if found else ""
    return f"{listed}\n```text\n{notes}\n```\n" if notes else listed


def musts() -> str:
    """Return what becomes of balance security without each MUST of BOLT 5."""
    theorem = next(theorem for theorem in SECURITY_THEOREMS if theorem.name == "BalanceSecurity")
    rules = [row.id for row in requirements().values() if row.id.startswith("B05") and row.level in MUSTS]
    return table(("without", "balance security"), ((rule_links((rule,)), _without(theorem, rule)) for rule in rules))


def _without(theorem: SecurityTheorem, rule: str) -> str:
    if rule in theorem.fails_without:
        return "is refuted"
    for subsumed in theorem.subsumed:
        if subsumed.rule == rule:
            return f"holds, thanks to {rule_links(subsumed.by)}: {subsumed.why}"
    return "holds: " + next(outside.why for outside in theorem.outside if outside.rule == rule)


def _section(name: str, sentence: str, lemmas: list[str], unbounded: tuple[str, ...], rules: tuple[str, ...]) -> str:
    lines = list(_facts(lemmas, unbounded, rules))
    return "\n".join([heading(3, name, f"theorem-{name}"), f"*{sentence}*\n", *lines, ""])


def _facts(lemmas: list[str], unbounded: tuple[str, ...], rules: tuple[str, ...]) -> Iterator[str]:
    if lemmas:
        yield "- rests on " + ", ".join(f"[{lemma}](#theorem-{lemma})" for lemma in lemmas)
    yield "- unbounded: " + ", ".join(unbounded)
    yield "- fails without any one of " + rule_links(rules)
