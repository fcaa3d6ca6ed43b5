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
    engine: Engine | None
    """None for a node that keeps its books and connections, without channels."""
    commands: Mapping[str, Command]
    """By name."""

    @property
    def channels_engine(self) -> Engine:
        """The engine, for commands that are in the table only if there is one."""
        assert self.engine is not None
        return self.engine
