"""The scenarios that are searched, family by family, with the results of the last run."""

from __future__ import annotations

from boltproofs.docs.known import ablated
from boltproofs.docs.markdown import code, heading, table
from boltproofs.explorer.family import Family
from boltproofs.families import FAMILIES
from boltspec.scenario import NAMES


def scenarios() -> str:
    """Return a table of scenarios for each family; worlds are those found with every rule on."""
    return "\n".join(heading(3, family.title) + "\n" + _of(family) for family in FAMILIES)


def _of(family: Family) -> str:
    data = ablated() or {"scenarios": []}
    worlds = {entry["scenario"]: f"{entry['states']:,}" for entry in data["scenarios"]}
    rows = ((code(name), one.title, _corrupt(one), worlds.get(name, "")) for name, one in family.scenarios.items())
    return table(("scenario", "what happens", "corrupt", "worlds"), rows)


def _corrupt(scenario: object) -> str:
    if getattr(scenario, "every_corrupt_set", False):
        return "every set"
    corrupt: tuple[bool, bool] = getattr(scenario, "corrupt")  # noqa: B009  # scenarios of all families have it
    names = " and ".join(name for name, one in zip(NAMES, corrupt, strict=True) if one)
    abuses = getattr(scenario, "abuses", 0)
    if names and abuses:
        return f"{names}, {abuses} forbidden message" + "s" * (abuses > 1)
    if getattr(scenario, "careless", False):
        return "nobody, all tempted"
    return names or "nobody"
