"""All commands by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from boltnode.rpc import channel_commands, invoice_commands, node_commands, payment_commands, peer_commands
from boltnode.rpc.command import Command

WITHOUT_ENGINE: Final[Mapping[str, Command]] = MappingProxyType(
    {
        command.name: command
        for module in (node_commands, invoice_commands, peer_commands)
        for command in module.COMMANDS
    }
)
"""For a node that keeps its books and connections."""

WITH_ENGINE: Final[Mapping[str, Command]] = MappingProxyType(
    {
        **WITHOUT_ENGINE,
        **{command.name: command for module in (channel_commands, payment_commands) for command in module.COMMANDS},
    }
)
"""For a node that has channels as well."""
