"""What every command gets: the node's services, its engine, and the table that the command is part of."""

from collections.abc import Mapping
from dataclasses import dataclass

from boltnode.engine import Engine
from boltnode.rpc.command import Command
from boltnode.services import Services


@dataclass(frozen=True, slots=True)
class RpcContext:
    """Of one node."""

    services: Services
    engine: Engine
    commands: Mapping[str, Command]
    """By name."""
