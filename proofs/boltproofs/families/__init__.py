"""All families of worlds, and their scenarios by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from boltproofs.explorer.family import Family, Property, Scenario
from boltproofs.families.closing import CLOSING
from boltproofs.families.connection import CONNECTION
from boltproofs.families.dance import DANCE
from boltproofs.families.establishment import ESTABLISHMENT
from boltproofs.families.focus import FOCUS_FAMILY
from boltproofs.families.lifetime import LIFETIME
from boltproofs.families.onchain import ONCHAIN

FAMILIES: tuple[Family, ...] = (DANCE, FOCUS_FAMILY, CONNECTION, ESTABLISHMENT, CLOSING, LIFETIME, ONCHAIN)
"""A new family is listed here, and nowhere else."""
SCENARIOS: Mapping[str, Any] = MappingProxyType(
    {name: scenario for family in FAMILIES for name, scenario in family.scenarios.items()}
)
"""The scenarios of all families; no two have the same name."""
PROPERTIES = frozenset(one.name for family in FAMILIES for one in family.properties)
"""Names of all properties; different families may have properties of the same name."""


def family_of(scenario: Scenario) -> Family:
    """Return the family that a scenario belongs to; ``ValueError`` if there is none."""
    for family in FAMILIES:
        if type(scenario) is family.kind:
            return family
    raise ValueError(f"no family has scenarios of type {type(scenario).__name__}")


def large() -> tuple[str, ...]:
    """Return the names of the scenarios that are searched once, not again for every rule."""
    return tuple(name for family in FAMILIES for name in family.scenarios if name in family.large)


def small() -> tuple[str, ...]:
    """Return the names of those that are searched again for every rule."""
    return tuple(
        name for family in FAMILIES for name in family.scenarios if name not in family.large | family.deep
    )


__all__ = ["FAMILIES", "PROPERTIES", "SCENARIOS", "Family", "Property", "family_of", "large", "small"]
