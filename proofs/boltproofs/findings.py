"""What units of work found out about theorems, and how the findings of several units are put together."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Finding:
    """What is known about one theorem."""

    obligations: int = 0
    seconds: float = 0.0
    counterexample: str | None = None
    """The first one, in words."""
    unknown: str | None = None
    """Why an obligation is neither met nor refuted."""
    witness: bool = True
    refutations: list[tuple[str, bool]] = field(default_factory=list)
    """Rules that were switched off, and whether that refuted it."""
    notes: list[str] = field(default_factory=list)
    """What else there is to say of a proof: exact conditions with their witnesses, rules that others subsume."""

    def add(self, other: Finding) -> None:
        """Put together what two units found."""
        self.obligations += other.obligations
        self.seconds += other.seconds
        self.counterexample = self.counterexample or other.counterexample
        self.unknown = self.unknown or other.unknown
        self.witness = self.witness and other.witness
        self.refutations += other.refutations
        self.notes += other.notes


@dataclass
class Findings:
    """What is known about several theorems."""

    by_name: dict[str, Finding] = field(default_factory=dict)
    paths: int = 0
    """How many paths through steps were examined."""
    cross_checked: int = 0

    def of(self, name: str) -> Finding:
        """Return what is known about a theorem; it is put on record if nothing is."""
        return self.by_name.setdefault(name, Finding())

    def add(self, other: Findings) -> None:
        """Put together what two units found."""
        for name, finding in other.by_name.items():
            self.of(name).add(finding)
        self.paths += other.paths
        self.cross_checked += other.cross_checked
