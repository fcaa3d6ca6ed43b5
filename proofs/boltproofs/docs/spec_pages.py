"""The specification as pages in reading order: what each module is about, its parts, and its source."""

from __future__ import annotations

from typing import NamedTuple

from boltproofs.docs.markdown import sentence, table
from boltproofs.docs.source import ROOT, in_dependency_order, module_docstring, path_of


class Chapter(NamedTuple):
    """Modules that belong together, named as in ``boltspec.NAME``."""

    title: str
    modules: tuple[str, ...]


def package(name: str) -> tuple[str, ...]:
    """Return a package and its modules, each after those that it imports."""
    return tuple(module.removeprefix("boltspec.") for module in in_dependency_order(f"boltspec.{name}"))


CHAPTERS = (
    Chapter("The words", ("units", "htlc", "messages", "params")),
    Chapter("Rules", ("rules", "verdict")),
    Chapter("The state", ("feerates", "htlcs", "channel", "fees", "commitment", "weights")),
    Chapter("The update dance", ("update", "fee_updates", "commit", "reestablish")),
    Chapter("Outputs and who can spend them", ("chain.conditions", "outputs")),
    Chapter("The world", ("scenario", "move", "proposals", "party", "world")),
    Chapter(
        "What must hold",
        (
            "properties.property",
            "properties.accounting",
            "properties.agreement",
            "properties.exposure",
            "properties.revocation",
            "properties.resumption",
            "properties.persistence",
            "properties.affordability",
            "properties.reconnection",
            "properties.catalogue",
        ),
    ),
    Chapter("Being paid", ("onion", "final_node")),
    Chapter("Connecting", package("connection")),
    Chapter("Opening a channel", package("establishment")),
    Chapter("Closing together", package("closing")),
    Chapter("The whole life of a channel", package("lifetime")),
    Chapter("The chain as arbiter", tuple(name for name in package("chain") if name != "chain.conditions")),
)
"""Every module of the specification, each after those that it builds on."""


def reading_order() -> str:
    """Return the chapters with a table of modules each."""
    parts = []
    for number, chapter in enumerate(CHAPTERS, start=1):
        rows = ((_page_link(module), sentence(module_docstring(f"boltspec.{module}"))) for module in chapter.modules)
        parts.append(f"## {number}. {chapter.title}\n\n" + table(("module", "what it is about"), rows))
    return "\n".join(parts)


def _page_link(module: str) -> str:
    return f"[`{module}`](generated/spec/{module}.rst)"


def contents() -> str:
    """Return the list of pages for the navigation, in reading order."""
    names = [module for chapter in CHAPTERS for module in chapter.modules]
    return "```{toctree}\n:hidden:\n:titlesonly:\n\n" + "".join(f"generated/spec/{name}\n" for name in names) + "```\n"


def page(module: str) -> str:
    """Return the page of a module, in reStructuredText: its parts as documented, then its source."""
    name = f"boltspec.{module}"
    source = path_of(name).relative_to(ROOT)
    return "\n".join(
        [
            module,
            "=" * len(module),
            "",
            f".. automodule:: {name}",
            "   :members:",
            "",
            "Source",
            "------",
            "",
            f"{source}",
            "",
            f".. literalinclude:: /../{source}",
            "   :language: python",
            "",
        ]
    )
