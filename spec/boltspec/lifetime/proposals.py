"""What a party wants to say in the life of a channel, besides what it owes."""

from __future__ import annotations

from collections.abc import Iterator

from boltspec.closing.messages import Shutdown
from boltspec.establishment.messages import ChannelReady, ChannelReestablish
from boltspec.establishment.proposals import proposals as opening_proposals
from boltspec.establishment.state import Role
from boltspec.htlc import REMOTE, Stage
from boltspec.lifetime.messages import Message
from boltspec.lifetime.scenario import LifeScenario
from boltspec.lifetime.state import Life
from boltspec.messages import UpdateAddHtlc, UpdateFulfillHtlc
from boltspec.units import Height

EXPIRY = Height(500)


def wishes(life: Life, scenario: LifeScenario, party: int, offered: int) -> Iterator[tuple[str, Message, int]]:
    """Yield label, message, and how many HTLCs the party has offered once it is sent."""
    for label, opening in opening_proposals(life.establishment, scenario.opening, Role(party), tempted=False):
        if not isinstance(opening, ChannelReestablish):
            yield label, opening, offered
    if life.closing is None:
        return
    channel = life.closing.channel
    if party == 0 and offered < len(scenario.offers_msat):
        amount = scenario.offers_msat[offered]
        yield "update_add_htlc", UpdateAddHtlc(channel.next_local_htlc_id, amount, 1, EXPIRY), offered + 1
    for htlc in channel.htlcs.items:
        if htlc.offerer is REMOTE and htlc.added is Stage.IRREVOCABLE and not htlc.removed:
            yield f"update_fulfill_htlc {htlc.id}", UpdateFulfillHtlc(htlc.id, htlc.payment_hash), offered
    if scenario.starts[party] and life.is_open and not life.shutdown_sent:
        closing = life.closing
        yield "shutdown", Shutdown(closing.local_upfront or closing.local_script or closing.policy.script), offered
    funding = life.establishment.funding
    if scenario.careless and life.establishment.ready_sent and funding is not None:
        yield "channel_ready once more", ChannelReady(funding), offered
