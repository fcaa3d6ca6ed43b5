"""A channel in the running node: its machine, and how far its record is on its way to the disk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from boltchain.wallet.keys import KeyKind
from boltnode.channels.machine import ChannelMachine
from boltnode.engine import ClosedChannel, FundChannel, FundedChannel
from boltspec.commitment import Commitment
from boltspec.establishment.resume import is_remembered
from boltspec.lifetime.state import End

if TYPE_CHECKING:
    from boltnode.channels.patience import Wait

NO_ROW: Final = 0
"""Revision of a channel that is not stored."""


@dataclass(slots=True, eq=False)
class Slot:
    """A channel in memory."""

    machine: ChannelMachine
    temporary_id: bytes
    revision: int = NO_ROW
    """Of the newest row that was handed to the storage."""
    online: bool = False
    """The peer is connected."""
    epoch: int = 0
    """Counts connections: what was made for an earlier one does not leave on a later one."""
    storing: int = 0
    """Units of work that are on their way to the disk."""
    dirty: bool = False
    """There was news while the storage was busy."""
    scheduled: bool = False
    request: FundChannel | None = None
    """What we were asked to open, until it is open."""
    feerate_per_kw: int = 0
    """Of the funding transaction."""
    funding_transaction: bytes | None = None
    """Id in hash order, while the transaction is prepared and not sent."""
    opening: asyncio.Future[FundedChannel] | None = None
    closing: list[asyncio.Future[ClosedChannel]] = field(default_factory=list)
    """Who waits for the channel to be closed."""
    has_quota: bool = False
    """It takes one of the places for channels that are not confirmed."""
    signed: list[Commitment] = field(default_factory=list)
    """The peer's commitments that we have signed and that are not stored: the first one, as long as the channel is not
    kept. It may be published like any other."""
    spare_script: tuple[KeyKind, bytes] | None = None
    """The script that the channel would be paid to; another one gets it if nothing comes of the channel."""
    wait: Wait | None = None
    """What the peer owes us since :attr:`wait_timer` was set."""
    wait_timer: asyncio.TimerHandle | None = None
    ended: bool = False
    """Nothing more is to be done for it."""

    @property
    def peer(self) -> bytes:
        """Node id."""
        return self.machine.record.peer

    @property
    def is_kept(self) -> bool:
        """Whether the channel outlives a crash: our signature, or our funding transaction, may be with others."""
        life = self.machine.life
        return self.revision != NO_ROW or (is_remembered(life.establishment) and life.end is not End.FORGOTTEN)
