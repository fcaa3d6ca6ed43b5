"""Overviews of the packages beside the specification, from the docstrings of their modules."""

from __future__ import annotations

from collections.abc import Iterator

from boltproofs.docs.markdown import code, from_docstring, heading, sentence, table
from boltproofs.docs.source import module_docstring, modules, public_names

INTRODUCTIONS = {
    "boltwire": "Bytes: the codecs, keys, transactions, onions and strings of the BOLTs. Imports `boltspec` only.",
    "boltchain": "Bitcoin: an embedded chain on Bitcoin Core's consensus library, and `bitcoind` over RPC, behind one"
    " interface. Knows nothing of Lightning.",
    "boltnode": "The shell of a node: storage, connections, JSON-RPC, command line. The specification decides, not it.",
    "boltproofs": "The prover, the explorer, ablation, replay, and the `boltspec` command.",
}
"""The packages that have a page, and what each is."""


def page(package: str) -> str:
    """Return the page of a package: a table of its modules, then each of them."""
    names = modules(package)
    rows = ((f"{{py:mod}}`{name}`", sentence(module_docstring(name))) for name in names if module_docstring(name))
    parts = [heading(1, package), INTRODUCTIONS[package] + "\n", table(("module", "what it is about"), rows)]
    return "\n".join([*parts, *(_section(name) for name in names if module_docstring(name))])


def _section(module: str) -> str:
    target = f"```{{py:module}} {module}\n```\n"
    parts = [heading(2, code(module)), target, from_docstring(module_docstring(module)) + "\n"]
    rows = list(_public(module))
    return "\n".join([*parts, table(("", "what it does"), rows)] if rows else parts)


def _public(module: str) -> Iterator[tuple[str, str]]:
    for name, docstring in public_names(module):
        yield code(name), sentence(docstring)
