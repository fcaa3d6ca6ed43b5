"""The node's commands, options and limits, from the very tables that the node works with.

This is the one place of this package that imports the node: pages show it, proofs know nothing of it.
"""

from __future__ import annotations

from dataclasses import fields

from boltnode.options import OPTIONS
from boltnode.peers import limits
from boltnode.rpc.command import Command
from boltnode.rpc.kinds import ABSENT
from boltnode.rpc.table import WITH_ENGINE, WITHOUT_ENGINE
from boltproofs.docs.markdown import code, from_docstring, heading, table
from boltproofs.docs.source import attribute_docstrings


def commands() -> str:
    """Return every command with its parameters."""
    return "\n".join(_command(entry) for entry in sorted(WITH_ENGINE.values(), key=lambda entry: entry.name))


def _command(command: Command) -> str:
    needs = "" if command.name in WITHOUT_ENGINE else " For a node with channels."
    parts = [heading(3, code(command.name)), f"{code(command.usage)}\n", f"{command.summary}{needs}\n"]
    rows = [
        (code(entry.name), "refused" if entry.kind is ABSENT else entry.kind.expected, entry.doc)
        for entry in command.parameters
    ]
    return "\n".join([*parts, table(("parameter", "should be", "means"), rows)] if rows else parts)


def options() -> str:
    """Return every option with its default."""
    rows = ((code(f"--{entry.name} {entry.value}"), code(entry.default), entry.doc) for entry in OPTIONS)
    return table(("option", "default", "means"), rows)


def peer_limits() -> str:
    """Return every bound on what peers can ask for."""
    meanings = attribute_docstrings(limits, "PeerLimits")
    rows = (
        (code(entry.name), f"{entry.default:,}", " ".join(from_docstring(meanings[entry.name]).split()))
        for entry in fields(limits.PeerLimits)
    )
    return table(("bound", "default", "means"), rows)
