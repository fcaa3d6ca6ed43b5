"""Channels and coins as users are told about them."""

from __future__ import annotations

from boltchain.addresses import address_of
from boltchain.wallet.coins import Coin
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.record import ChannelRecord, Closer
from boltnode.engine import ChannelFacts, CoinFacts, HtlcFacts
from boltnode.rpc.kinds import Outpoint
from boltspec.channel import Channel, Link
from boltspec.closing.state import negotiates
from boltspec.commitment import View, above_reserve, fee, feerate
from boltspec.establishment.messages import OpenChannel
from boltspec.establishment.state import agreed_channel_type
from boltspec.fees import anchors_cost, is_trimmed
from boltspec.htlc import LOCAL, REMOTE, Htlc, Removal
from boltspec.lifetime.state import End
from boltspec.messages import UpdateAddHtlc
from boltspec.params import Limits
from boltspec.units import Height, Msat, to_msat
from boltspec.update import send_update_add_htlc
from boltspec.verdict import Accepted
from boltwire.channel_terms import hash_named
from boltwire.features import FeatureBits
from boltwire.scid import ShortChannelId

DEEP = 100
"""Confirmations after which a spend of the funding output counts as final."""
ANY_EXPIRY = Height(1)


def channel_facts(machine: ChannelMachine, height: int) -> ChannelFacts | None:
    """What users are told about a channel; None while nothing is agreed on yet."""
    record, opening = machine.record, machine.life.establishment.open_channel
    if opening is None:
        return None
    state, channel = machine.life.establishment, machine.channel
    ours, theirs = _limits(machine, opening)
    funding, scid = record.funding, state.seen.short_channel_id
    aliases = (state.aliases_sent, state.aliases_received)
    return ChannelFacts(
        peer_id=record.peer,
        channel_id=record.channel_id,
        state=channel_state(record, height),
        reestablished=channel is not None and channel.link is Link.UP,
        short_channel_id=None if scid is None else str(ShortChannelId(scid)),
        local_alias=str(ShortChannelId(aliases[0][0])) if aliases[0] else None,
        remote_alias=str(ShortChannelId(aliases[1][0])) if aliases[1] else None,
        funding_txid=None if funding is None else funding.txid[::-1],
        funding_outnum=None if funding is None else funding.vout,
        channel_type=FeatureBits(agreed_channel_type(state)),
        opened_by_us=record.opened_by_us,
        closed_by_us=None if record.closer is None else record.closer is Closer.LOCAL,
        private=not opening.announce_channel,
        feerate_per_kw=int(opening.feerate_per_kw if channel is None else feerate(channel, View.LOCAL_LATEST)),  # type: ignore[call-overload]
        total_msat=int(opening.funding_satoshis) * 1000,
        to_us_msat=_settled(record, opening, channel),
        spendable_msat=spendable_msat(channel),
        receivable_msat=receivable_msat(channel),
        our_reserve_msat=int(theirs.channel_reserve_satoshis) * 1000,
        their_reserve_msat=int(ours.channel_reserve_satoshis) * 1000,
        dust_limit_msat=int(ours.dust_limit_satoshis) * 1000,
        our_max_htlc_value_in_flight_msat=int(theirs.max_htlc_value_in_flight_msat),
        their_max_htlc_value_in_flight_msat=int(ours.max_htlc_value_in_flight_msat),
        minimum_htlc_in_msat=int(ours.htlc_minimum_msat),
        our_to_self_delay=int(theirs.to_self_delay),
        their_to_self_delay=int(ours.to_self_delay),
        max_accepted_htlcs=ours.max_accepted_htlcs,
        htlcs=() if channel is None else tuple(_htlc(channel, htlc) for htlc in channel.htlcs.items),
        status=(f"{channel_state(record, height)}: {record.failure}",) if record.failure else (),
    )


def _limits(machine: ChannelMachine, opening: OpenChannel) -> tuple[Limits, Limits]:
    """Ours and the peer's; before there is an answer, the proposal's stand for both."""
    accepting = machine.life.establishment.accept_channel
    answer = opening.limits if accepting is None else accepting.limits
    return (opening.limits, answer) if machine.record.opened_by_us else (answer, opening.limits)


def _settled(record: ChannelRecord, opening: OpenChannel, channel: Channel | None) -> int:
    if channel is not None:
        return int(channel.local_msat)
    pushed = int(opening.push_msat)
    return int(opening.funding_satoshis) * 1000 - pushed if record.opened_by_us else pushed


def channel_state(record: ChannelRecord, height: int) -> str:
    """How far the channel is, in Core Lightning's words."""
    life = record.life
    if life.end is End.CLOSED:
        deep = record.spent_height is not None and height - record.spent_height + 1 >= DEEP
        return "ONCHAIN" if deep else "FUNDING_SPEND_SEEN"
    if life.end is End.FAILED:
        return "AWAITING_UNILATERAL"
    closing = life.closing
    if closing is None:
        return "OPENINGD"
    if closing.published:
        return "CLOSINGD_COMPLETE"
    if negotiates(closing):
        return "CLOSINGD_SIGEXCHANGE"
    if closing.sent_shutdown or closing.received_shutdown or life.shutdown_sent:
        return "CHANNELD_SHUTTING_DOWN"
    return "CHANNELD_NORMAL" if life.is_open else "CHANNELD_AWAITING_LOCKIN"


def spendable_msat(channel: Channel | None) -> int:
    """The most that one HTLC can offer now: what the specification's own step accepts."""
    if channel is None:
        return 0
    low, high = 0, int(channel.local_msat)
    if _may_offer(channel, high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _may_offer(channel, middle) else (low, middle)
    return low


def _may_offer(channel: Channel, amount_msat: int) -> bool:
    add = UpdateAddHtlc(channel.next_local_htlc_id, Msat(amount_msat), 0, ANY_EXPIRY)
    return amount_msat > 0 and isinstance(send_update_add_htlc(channel, add), Accepted)


def receivable_msat(channel: Channel | None) -> int:
    """What the peer has above its reserve and, if it is the opener, above the fee of a commitment."""
    if channel is None:
        return 0
    view = View.LOCAL_NEXT
    left = above_reserve(channel, REMOTE, view)
    if channel.params.opener is REMOTE:
        left = left - to_msat(fee(channel, view, LOCAL)) - to_msat(anchors_cost(channel.params))
    return max(0, min(int(left), int(channel.params.local.max_htlc_value_in_flight_msat)))


def _htlc(channel: Channel, htlc: Htlc) -> HtlcFacts:
    incoming = htlc.offerer is REMOTE
    stage = htlc.added if htlc.removal is Removal.NONE else htlc.removed
    what = "ADD" if htlc.removal is Removal.NONE else "REMOVE"
    return HtlcFacts(
        incoming=incoming,
        id=htlc.id,
        amount_msat=int(htlc.amount_msat),
        expiry=int(htlc.cltv_expiry),
        payment_hash=hash_named(htlc.payment_hash),
        trimmed=is_trimmed(channel.params, feerate(channel, View.LOCAL_LATEST), LOCAL, htlc),
        status=f"{'RCVD' if incoming else 'SENT'}_{what}_{stage.name}",
    )


def coin_facts(coin: Coin, script: bytes, height: int, network: str, *, kept: bool) -> CoinFacts:
    """A coin of the wallet; ``kept`` back to raise fees with, or free."""
    if coin.spent_by is not None:
        status = "spent"
    elif coin.height is None:
        status = "unconfirmed"
    else:
        status = "confirmed" if coin.mature(height) else "immature"
    return CoinFacts(
        outpoint=Outpoint(coin.outpoint.txid[::-1], coin.outpoint.vout),
        amount_sat=coin.amount_sat,
        script=script,
        address=address_of(script, network),
        status=status,
        blockheight=coin.height,
        reserved=kept,
    )
