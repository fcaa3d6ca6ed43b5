"""What is known of each requirement: whether the specification states it, what proves it, what breaks without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from boltproofs.citations import cited, spec_sources, tree
from boltspec.rules import Requirement, constructions, exemptions, requirements

BY_CONSTRUCTION = "by construction"
"""The verdict on a requirement that no line states which could be switched off."""


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """The state of one requirement."""

    requirement: Requirement
    specified: bool
    """The specification cites it."""
    exempt: str | None
    """Why it is not specified, if there is a reason."""
    proved: tuple[str, ...]
    """Theorems that are refuted without it."""
    searched: str | None
    """Verdict over all scenarios in which it decides something; ``None`` if there is none."""
    tested: bool
    """A test cites it."""
    ablation: str | None
    """What ablation says of it; ``by construction`` if it cannot be switched off and is met by how things are built."""
    reason: str | None
    """Why."""

    def to_json(self) -> dict[str, object]:
        """Return the state as a JSON object."""
        row = self.requirement
        return {
            "id": row.id,
            "bolt": row.bolt,
            "section": row.section_anchor,
            "level": row.level,
            "class": row.klass,
            "feature": row.feature,
            "summary": row.summary,
            "specified": self.specified,
            "exempt": self.exempt,
            "proved": list(self.proved),
            "searched": self.searched,
            "tested": self.tested,
            "ablation": self.ablation,
            "reason": self.reason,
        }


def rule_statuses(verified: Mapping[str, Any], ablated: Mapping[str, Any], bolt: int | None = None) -> list[RuleStatus]:
    """Return the state of every requirement (of one BOLT), from the JSON results of ``verify`` and ``ablate``."""
    in_spec, in_tests = cited(spec_sources()), _cited_in_tests()
    proofs = _proofs(verified["theorems"])
    findings: dict[str, Mapping[str, Any]] = {entry["rule"]: entry for entry in ablated["rules"]}
    verdicts = {entry["scenario"]: entry["verdict"] for entry in ablated["scenarios"]}
    return [
        RuleStatus(
            requirement=row,
            specified=row.id in in_spec,
            exempt=exemptions().get(row.id),
            proved=tuple(proofs.get(row.id, ())),
            searched=_worst(verdicts[name] for name in findings.get(row.id, {"scenarios": ()})["scenarios"]),
            tested=row.id in in_tests,
            ablation=verdict,
            reason=reason,
        )
        for row in requirements().values()
        if bolt is None or row.bolt == bolt
        for verdict, reason in (_verdict(row.id, findings),)
    ]


def _verdict(rule: str, findings: Mapping[str, Mapping[str, Any]]) -> tuple[str | None, str | None]:
    """Return what ablation says of a rule, and why; of one that cannot be switched off how it is met."""
    if rule in findings:
        return findings[rule]["outcome"], findings[rule]["reason"]
    built = constructions().get(rule)
    if built is None:
        return None, None
    return BY_CONSTRUCTION, f"{built.reason} Built otherwise, {built.breaks} breaks."


def _cited_in_tests() -> frozenset[str]:
    root = tree()
    return frozenset() if root is None else cited((root / "tests").rglob("*.py"))


def _proofs(theorems: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for theorem in theorems:
        # A proof with a reason lacks its witness or one of its refutations: it does not count.
        sound = theorem["status"] == "proved" and not theorem.get("reason")
        for rule in theorem["refuted_without"] if sound else ():
            found.setdefault(rule, []).append(theorem["name"])
    return found


def _worst(verdicts: Iterable[str]) -> str | None:
    found = set(verdicts)
    return next((verdict for verdict in ("violated", "unknown", "holds") if verdict in found), None)
