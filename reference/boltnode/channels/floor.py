"""What the parts of the engine share: the node's services, its chain, its channels, and a way to give one its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from boltnode.channels.chain_watch import ChainWatch
from boltnode.channels.fee_reserve import FeeReserve
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.on_chain import OnChain
from boltnode.channels.opening_facts import name_of
from boltnode.channels.record import ChannelRecord
from boltnode.channels.slot import Slot
from boltnode.services import Services
from boltwire.features import FeatureBits
from boltwire.onion.keys import NodeKey


class Roster:
    """All channels of the node that are not forgotten."""

    def __init__(self, seed: bytes, node_key: NodeKey) -> None:
        """None; ``seed`` is the node's."""
        self._seed, self._node_key = seed, node_key
        self._slots: dict[tuple[bytes, bytes], Slot] = {}

    def enter(self, record: ChannelRecord, temporary_id: bytes) -> Slot:
        """Take a channel in."""
        keys = ChannelKeys.of(self._seed, record.key_id)
        slot = Slot(ChannelMachine(record, keys, self._node_key), temporary_id)
        self._slots[record.peer, record.channel_id] = slot
        return slot

    def link(self, slot: Slot) -> None:
        """Let the channel be found by the id that it has now, too."""
        self._slots.setdefault((slot.peer, slot.machine.record.channel_id), slot)

    def drop(self, slot: Slot) -> None:
        """Forget the channel."""
        for channel_id in {slot.machine.record.channel_id, slot.temporary_id}:
            self._slots.pop((slot.peer, channel_id), None)

    def all(self) -> Iterator[Slot]:
        """All channels, each once."""
        return iter(tuple(dict.fromkeys(self._slots.values())))

    def of(self, peer: bytes) -> Iterator[Slot]:
        """The channels with a peer."""
        return (slot for slot in self.all() if slot.peer == peer)

    def find(self, peer: bytes, channel_id: bytes) -> Slot | None:
        """A channel with a peer by one of its ids."""
        return self._slots.get((peer, channel_id))

    def named(self, channel_id: bytes) -> Slot | None:
        """A channel by its id."""
        return next((slot for slot in self.all() if slot.machine.record.channel_id == channel_id), None)

    def names_with(self, peer: bytes) -> frozenset[int]:
        """The ids of all channels with a peer, as the specification names them."""
        return frozenset(name_of(channel_id) for node_id, channel_id in self._slots if node_id == peer)

    @property
    def ids(self) -> frozenset[bytes]:
        """All ids."""
        return frozenset(channel_id for _, channel_id in self._slots)


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """Of one engine."""

    services: Services
    chain: ChainWatch
    on_chain: OnChain
    roster: Roster
    features: FeatureBits
    """What the node offers."""
    schedule: Callable[[Slot], None]
    """Lets a channel have its turn."""
    fee_reserve: FeeReserve

    def give_back_quota(self, slot: Slot) -> None:
        """Free the place that the channel took while it was not confirmed."""
        if slot.has_quota:
            slot.has_quota = False
            self.services.pending_channels.give_back(slot.peer)
