"""What the last runs of prover and ablation found, if they examined the sources as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from boltproofs.results import last_proofs, stored
from boltproofs.rule_status import RuleStatus, rule_statuses

NOTHING_VERIFIED: Mapping[str, Any] = {"theorems": []}
NOTHING_ABLATED: Mapping[str, Any] = {"rules": [], "scenarios": []}


@cache
def verified() -> Mapping[str, Any] | None:
    """Return the result of ``boltspec verify``; ``None`` if there is none for these sources."""
    return last_proofs()


@cache
def ablated() -> Mapping[str, Any] | None:
    """Return the result of ``boltspec ablate``; ``None`` if there is none for these sources."""
    return stored("ablate")


@cache
def statuses() -> Mapping[str, RuleStatus]:
    """Return what is known of every requirement, by id."""
    found = rule_statuses(verified() or NOTHING_VERIFIED, ablated() or NOTHING_ABLATED)
    return {status.requirement.id: status for status in found}


def caveat() -> str:
    """Return a note on what is missing, or nothing."""
    missing = [name for name, result in (("proofs", verified()), ("ablation", ablated())) if result is None]
    if not missing:
        return ""
    return (
        f":::{{note}}\nThese pages were built without results of {' and '.join(missing)} for the sources as they are:"
        " what only those can say is left out. `make verify` computes them, `make docs` then shows them.\n:::\n"
    )
