"""The running parts of a node that its commands and its engine work with."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from boltnode.clock import Clock
from boltnode.invoices import InvoiceBook
from boltnode.keys import NodeKey
from boltnode.network import Network
from boltnode.options import Options
from boltnode.payments import PaymentBook
from boltnode.peers.limits import PeerLimits
from boltnode.peers.quota import Quota
from boltnode.peers.reconnector import Reconnector
from boltnode.peers.switchboard import Switchboard
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch


class Stopping(asyncio.Event):
    """Set by whoever wants the node to stop."""

    failure: str | None = None
    """Why the node cannot go on; None if somebody has asked it to stop."""

    def give_up(self, failure: str) -> None:
        """Stop the node because it cannot go on; only the first failure counts."""
        self.failure = self.failure or failure
        self.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Of one node."""

    options: Options
    network: Network
    clock: Clock
    latch: SigningLatch
    """To be asked before anything is signed."""
    commits: GroupCommit
    """The way to the storage."""
    seed: Callable[[], bytes]
    """Gives the seed, from which the engine derives its own keys (:func:`boltnode.keys.derive`)."""
    key: NodeKey
    invoices: InvoiceBook
    payments: PaymentBook
    switchboard: Switchboard
    reconnector: Reconnector
    limits: PeerLimits
    """On what peers may make the node do."""
    pending_channels: Quota
    """A place per channel whose funding is not confirmed, by the peer's node id."""
    stopping: Stopping
    """Set when the node is to stop, and why if it cannot go on."""
