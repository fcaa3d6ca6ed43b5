"""Scenarios of whole lives: small worlds that begin before ``open_channel`` and are searched to the end."""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.closing.state import ClosingFeatures, ClosingPolicy
from boltspec.establishment.scenario import Scenario as OpenScenario
from boltspec.units import Msat


@dataclass(frozen=True, slots=True)
class LifeScenario:
    """A world to search."""

    name: str
    title: str
    opening: OpenScenario
    """The terms. A opens the channel."""
    policies: tuple[ClosingPolicy, ClosingPolicy]
    features: ClosingFeatures = ClosingFeatures()  # noqa: RUF009  # frozen
    offers_msat: tuple[Msat, ...] = ()
    """HTLCs that A offers, one after another."""
    starts: tuple[bool, bool] = (True, True)
    """Who wants to close without being asked."""
    disconnections: int = 0
    """How often the connection may be lost."""
    crashes: int = 0
    """How often a party may crash, and start again from what it had made durable."""
    failures: int = 0
    """How often a party may fail the channel of its own accord."""
    careless: bool = False
    """Parties are tempted to say again what they have said."""
    corrupt: tuple[bool, bool] = (False, False)
    """A corrupt party is honest until its first abuse; then it takes everything that it is sent."""
    abuses: int = 0
    """How many messages a corrupt party may send that it does not owe, whatever its rules are."""
