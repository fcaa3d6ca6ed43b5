"""Results as tables for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from boltproofs.rule_status import RuleStatus

MARKS = {"proved": "green", "holds": "green", "necessary": "green", "refuted": "red", "violated": "red"}
"""Colours; everything else is yellow. Rich leaves them out where output is no terminal or NO_COLOR is set."""


def console(width: int | None = None) -> Console:
    """Return the console on standard output; not narrower than a table needs where there is no terminal."""
    plain = Console()
    return plain if plain.is_terminal and width is None else Console(width=width or 140, soft_wrap=False)


def marked(word: str) -> str:
    """Return a verdict in its colour."""
    colour = MARKS.get(word, "yellow")
    return f"[{colour}]{word}[/{colour}]"


def theorems_table(verified: Mapping[str, Any]) -> Table:
    """Return the table of proofs."""
    table = Table(title=f"Theorems ({verified['solver']})", title_justify="left")
    for heading in ("theorem", "kind", "unbounded in", "refuted without"):
        table.add_column(heading)
    for heading in ("obligations", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("status")
    for entry in verified["theorems"]:
        table.add_row(
            entry["name"],
            entry["kind"],
            ", ".join(entry["unbounded"]),
            ", ".join(entry["refuted_without"]),
            str(entry["obligations"]),
            f"{entry['seconds']:.2f}",
            marked(entry["status"]),
        )
    return table


def searches_table(results: Iterable[Mapping[str, Any]]) -> Table:
    """Return the table of searches."""
    table = Table(title="Searches", title_justify="left")
    table.add_column("scenario")
    for heading in ("states", "transitions", "depth", "seconds", "collision <"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for entry in results:
        name = " without ".join((entry["scenario"], *entry["without"]))
        table.add_row(
            name,
            f"{entry['states']:,}",
            f"{entry['transitions']:,}",
            str(entry["depth"]),
            f"{entry['seconds']:.2f}",
            f"{entry['collision_probability']:.0e}",
            marked(entry["verdict"]) + (f" ({entry['stopped']})" if entry["stopped"] else ""),
        )
    return table


def ablation_table(ablated: Mapping[str, Any]) -> Table:
    """Return the table of what each rule is for."""
    table = Table(title="Ablation", title_justify="left")
    for heading in ("rule", "outcome", "why"):
        table.add_column(heading)
    for entry in ablated["rules"]:
        table.add_row(entry["rule"], marked(entry["outcome"]), entry["reason"])
    return table


def attacks_table(found: Mapping[str, Any]) -> Table:
    """Return the table of known attacks."""
    table = Table(title="Attacks", title_justify="left")
    for heading in ("attack", "missing", "in", "breaks", "moves", "with the rule"):
        table.add_column(heading)
    for entry in found["attacks"]:
        missing = "\n".join(entry["without"]) or entry["title"]
        moves = "not found" if entry["moves"] is None else str(len(entry["moves"]))
        prevented = "prevented" if entry["prevented"] else "not prevented"
        table.add_row(entry["name"], missing, entry["scenario"], entry["property"], moves, prevented)
    return table


def ablation_summary(ablated: Mapping[str, Any]) -> str:
    """Return how many rules have which outcome."""
    counts = Counter(entry["outcome"] for entry in ablated["rules"])
    return f"{len(ablated['rules'])} rules: " + ", ".join(f"{number} {outcome}" for outcome, number in counts.items())


def rules_table(statuses: Iterable[RuleStatus]) -> Table:
    """Return the table of requirements that the specification states."""
    table = Table(title="Requirements that the specification states", title_justify="left")
    for heading in ("id", "level", "summary", "proved", "searched", "tested", "ablation"):
        table.add_column(heading, no_wrap=heading == "id", overflow="fold")
    for status in statuses:
        if status.specified:
            row = status.requirement
            tested = "yes" if status.tested else ""
            proofs, searched, ablation = ", ".join(status.proved), status.searched or "", status.ablation or ""
            table.add_row(row.id, row.level, row.summary, proofs, searched, tested, ablation)
    return table
