"""What the parts of the engine share: the node's services, its chain, its channels, and a way to give one its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from boltnode.channels.chain_watch import ChainWatch
from boltnode.channels.fee_reserve import FeeReserve
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.on_chain import OnChain
from boltnode.channels.opening_facts import bytes_named, name_of
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
        self._slots: dict[bytes, dict[int, Slot]] = {}

    def enter(self, record: ChannelRecord, temporary_id: bytes) -> Slot:
        """Take a channel in."""
        keys = ChannelKeys.of(self._seed, record.key_id)
        slot = Slot(ChannelMachine(record, keys, self._node_key), temporary_id)
        self._slots.setdefault(record.peer, {})[name_of(record.channel_id)] = slot
        return slot

    def link(self, slot: Slot) -> None:
        """Let the channel be found by the id that it has now, too."""
        self._slots.setdefault(slot.peer, {}).setdefault(name_of(slot.machine.record.channel_id), slot)

    def drop(self, slot: Slot) -> None:
        """Forget the channel."""
        slots = self._slots.get(slot.peer, {})
        for channel_id in (slot.machine.record.channel_id, slot.temporary_id):
            slots.pop(name_of(channel_id), None)
        if not slots:
            self._slots.pop(slot.peer, None)  # ids come from peers: none is remembered for ever

    def all(self) -> Iterator[Slot]:
        """All channels, each once."""
        return iter([slot for peer in tuple(self._slots) for slot in self.of(peer)])

    def of(self, peer: bytes) -> Iterator[Slot]:
        """The channels with a peer, each once."""
        return iter(tuple(dict.fromkeys(self._slots.get(peer, {}).values())))

    def find(self, peer: bytes, channel_id: bytes) -> Slot | None:
        """A channel with a peer by one of its ids."""
        return self.with_peer(peer).get(name_of(channel_id))

    def with_peer(self, peer: bytes) -> Mapping[int, Slot]:
        """The channels with a peer by all their ids, as the specification names them."""
        return MappingProxyType(self._slots.get(peer, {}))

    def named(self, channel_id: bytes) -> Slot | None:
        """A channel by its id."""
        return next((slot for slot in self.all() if slot.machine.record.channel_id == channel_id), None)

    @property
    def ids(self) -> frozenset[bytes]:
        """All ids."""
        return frozenset(bytes_named(name) for slots in self._slots.values() for name in slots)


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
