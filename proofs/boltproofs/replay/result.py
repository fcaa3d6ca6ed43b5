"""What came of a replay: for people and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version

from boltproofs.replay.disagreement import Disagreement
from boltspec.move import Move
from boltspec.scenario import NAMES


@dataclass(frozen=True, slots=True)
class ReplayStep:
    """A move that was made in both worlds."""

    move: Move
    note: str
    """Block and transaction of the real one, where the move touched the chain."""

    def __str__(self) -> str:
        return f"{self.move}  [{self.note}]" if self.note else str(self.move)


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The outcome of a replay."""

    scenario: str
    without: frozenset[str]
    """Rules that were switched off."""
    chain: str
    """Which chain: ``kernel``, ``bitcoind`` or the name of a class."""
    steps: tuple[ReplayStep, ...]
    """The moves on whose outcome model and chain agreed."""
    wallets: tuple[int, int]
    """What each party's wallet has on the chain in the end, in satoshis: swept outputs and ``to_remote``."""
    probes: int
    """How many attempts to spend were made besides the trace's own."""
    disagreement: Disagreement | None = None
    """Why the replay ended early; ``None`` if it did not."""
    failed: Move | None = None
    """The move on which they disagreed; ``None`` if there is none or if it was at the start or the end."""

    covered: Counter[str] = field(default_factory=Counter)
    """How often each kind of transaction was confirmed, and each kind of spend tried."""

    @property
    def agreed(self) -> bool:
        """Whether ledger and UTXO set were the same after every step."""
        return self.disagreement is None

    @property
    def report(self) -> str:
        """The replay as text, a line for each step and one for the outcome."""
        off = f" without {', '.join(sorted(self.without))}" if self.without else ""
        lines = [f"replay of {self.scenario}{off} on {self.chain}"]
        lines += [f"{number:4} {step}" for number, step in enumerate(self.steps, start=1)]
        if self.disagreement is None:
            money = ", ".join(f"{NAMES[party]} {self.wallets[party]} sat" for party in (0, 1))
            lines.append(f"agreed after each of {len(self.steps)} steps; in the wallets: {money}")
        else:
            lines.append(f"DISAGREEMENT at step {len(self.steps) + 1}: {self.failed or 'no move'}")
            lines.append(f"     about:   {self.disagreement.what}")
            lines.append(f"     model:   {self.disagreement.model}")
            lines.append(f"     reality: {self.disagreement.reality}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """The result as a JSON object."""
        found = self.disagreement
        return {
            "version": version("boltspec"),
            "scenario": self.scenario,
            "without": sorted(self.without),
            "chain": self.chain,
            "agreed": self.agreed,
            "steps": [{**step.move._asdict(), "note": step.note} for step in self.steps],
            "wallets_sat": dict(zip(NAMES, self.wallets, strict=True)),
            "probes": self.probes,
            "disagreement": None
            if found is None
            else {
                "step": len(self.steps) + 1,
                "move": None if self.failed is None else self.failed._asdict(),
                "about": found.what,
                "model": found.model,
                "reality": found.reality,
            },
        }
