"""What the specification demands of what nodes know and of what they have stored: for town.py and killed processes."""

from __future__ import annotations

from pathlib import Path

from boltnode.channels.record import ChannelRecord
from boltnode.options import DATABASE_NAME
from boltnode.state_codec import decode_state
from boltnode.storage import channel_rows
from boltnode.storage.database import Database
from boltspec.channel import Channel
from boltspec.properties.agreement import EVENTUAL_AGREEMENT, SAME_VIEW
from boltspec.properties.catalogue import CHANNEL_PROPERTIES
from boltspec.properties.exposure import DUST_CONSISTENCY, OPENER_CAN_PAY
from boltspec.scenario import Scenario
from boltspec.units import Msat
from boltspec.world import World

BOTH = (OPENER_CAN_PAY, DUST_CONSISTENCY, SAME_VIEW, EVENTUAL_AGREEMENT)


def records_in(folder: Path) -> list[ChannelRecord]:
    """The channels in a folder of which no process is left."""
    with Database(folder / "regtest" / DATABASE_NAME) as database:
        found: list[ChannelRecord] = [decode_state(row.state) for row in channel_rows.load(database.connection)]
    return found


def require_lawful(record: ChannelRecord) -> None:
    channel = record.life.channel
    if channel is not None:
        broken = [entry.name for entry in CHANNEL_PROPERTIES if not entry.holds(channel)]
        assert not broken, (broken, channel)


def require_remembered(node: Channel, peer: Channel) -> None:
    """A node knows of every signature and every secret that its peer has from it."""
    assert peer.local_commitment_number <= node.remote_commitment_number, "a signature was forgotten"
    assert peer.remote_revocations <= node.local_revocations, "a revocation was forgotten"


def require_agreed(first: Channel, second: Channel) -> None:
    """The two views of a quiet, connected channel are those of one channel (the specification's world properties)."""
    scenario = Scenario("town", "town", first.params, Msat(0), ())
    world = World((first, second), ((), ()), (0, 0), ((), ()))
    broken = [entry.name for entry in BOTH if not entry.holds(world, scenario)]
    assert not broken, (broken, first, second)
