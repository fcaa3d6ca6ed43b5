"""The scenarios that are searched, from :mod:`boltproofs.scenarios`, with the results of the last run."""

from __future__ import annotations

from boltproofs.docs.known import ablated
from boltproofs.docs.markdown import code, table
from boltproofs.scenarios import SCENARIOS
from boltspec.scenario import NAMES, Scenario


def scenarios() -> str:
    """Return the table of scenarios; worlds are those found with every rule on."""
    data = ablated() or {"scenarios": []}
    worlds = {entry["scenario"]: f"{entry['states']:,}" for entry in data["scenarios"]}
    rows = (
        (code(name), one.title, str(len(one.wishes)), _corrupt(one), _chain(one), worlds.get(name, ""))
        for name, one in SCENARIOS.items()
    )
    return table(("scenario", "what happens", "offers", "corrupt", "chain", "worlds"), rows)


def _corrupt(scenario: Scenario) -> str:
    names = " and ".join(name for name, corrupt in zip(NAMES, scenario.corrupt, strict=True) if corrupt)
    if names and scenario.abuses:
        return f"{names}, {scenario.abuses} forbidden message"
    if scenario.careless:
        return "nobody, all tempted"
    return names or "nobody"


def _chain(scenario: Scenario) -> str:
    return "yes" if scenario.onchain else ""
