"""Commands about channels and the wallet: ``fundchannel``, ``listpeerchannels``, ``close``, ``newaddr`` and others.

They check and translate; what is done is the engine's. A node without an engine does not have them.
"""

from collections.abc import Awaitable
from typing import TypeVar

from boltchain.addresses import script_of
from boltnode.engine import ChannelFacts, CloseChannel, EngineError, FundChannel, Withdraw
from boltnode.rpc.command import Command, Parameter, Result, refused, required
from boltnode.rpc.context import RpcContext
from boltnode.rpc.errors import Code, RpcError, bad_parameter
from boltnode.rpc.kinds import (
    BOOLEAN,
    FEERATE,
    HASH,
    MSAT,
    NODE_ID,
    SAT_OR_ALL,
    SHORT_CHANNEL_ID,
    TEXT,
    U16,
    U32,
    UTXOS,
    Outpoint,
    one_of,
)
from boltnode.rpc.shapes import channel_funds_shape, channel_shape, coin_shape, features_shape, hexed, present

T = TypeVar("T")


async def by_engine(action: Awaitable[T]) -> T:
    """What the engine does, or its refusal as the command's error."""
    try:
        return await action
    except EngineError as error:
        raise RpcError(error.code, error.message) from error


def script_for(context: RpcContext, name: str, address: str) -> bytes:
    """The output script of an address on our network; the error names the parameter."""
    network = context.services.network.name
    try:
        return script_of(address, network)
    except ValueError as error:
        raise bad_parameter(name, f"an address on {network}", address) from error


# --- channels ---


async def fundchannel(
    context: RpcContext,
    *,
    id: bytes,  # noqa: A002
    amount: int | None,
    feerate: str | int | None,
    announce: bool,
    minconf: int,
    push_msat: int,
    close_to: str | None,
    utxos: tuple[Outpoint, ...],
    mindepth: int | None,
) -> Result:
    """Open a channel."""
    if context.services.switchboard.peer(id) is None:
        raise RpcError(Code.FUNDING_UNKNOWN_PEER, "Unknown peer: connect to it first")
    if amount is not None and push_msat > amount * 1000:
        raise bad_parameter("push_msat", "at most the amount of the channel", push_msat)
    request = FundChannel(
        node_id=id,
        amount_sat=amount,
        push_msat=push_msat,
        announce=announce,
        feerate=feerate,
        minconf=minconf,
        utxos=utxos,
        close_to=None if close_to is None else script_for(context, "close_to", close_to),
        mindepth=mindepth,
    )
    opened = await by_engine(context.engine.fund_channel(request))
    return present(
        {
            "tx": opened.tx.hex(),
            "txid": opened.txid.hex(),
            "outnum": opened.outnum,
            "channel_id": opened.channel_id.hex(),
            "channel_type": features_shape(opened.channel_type),
            "close_to": hexed(opened.close_to),
            "mindepth": opened.mindepth,
        }
    )


def _is_connected(context: RpcContext, channel: ChannelFacts) -> bool:
    return context.services.switchboard.peer(channel.peer_id) is not None


async def listpeerchannels(
    context: RpcContext,
    *,
    id: bytes | None,  # noqa: A002
    short_channel_id: int | None,
    channel_id: bytes | None,
) -> Result:
    """Channels, of all peers or of one."""
    if sum(value is not None for value in (id, short_channel_id, channel_id)) > 1:
        raise RpcError(Code.INVALID_PARAMS, "Can only specify one of {id}, {short_channel_id} or {channel_id}")
    found = [
        channel
        for channel in context.engine.channels()
        if (id is None or channel.peer_id == id)
        and (short_channel_id is None or str(short_channel_id) in (channel.short_channel_id, channel.local_alias))
        and (channel_id is None or channel.channel_id == channel_id)
    ]
    return {"channels": [channel_shape(entry, connected=_is_connected(context, entry)) for entry in found]}


async def close(
    context: RpcContext,
    *,
    id: str,  # noqa: A002
    unilateraltimeout: int,
    destination: str | None,
) -> Result:
    """Close a channel."""
    script = None if destination is None else script_for(context, "destination", destination)
    request = CloseChannel(
        channel_id=_channel_named(context, id).channel_id,
        unilateral_timeout_seconds=unilateraltimeout,
        destination=script,
    )
    closed = await by_engine(context.engine.close_channel(request))
    found: dict[str, object] = {"type": "mutual" if closed.mutual else "unilateral"}
    if len(closed.txs) == 1:
        found |= {"tx": closed.txs[0].hex(), "txid": closed.txids[0].hex()}
    return found | {"txs": [tx.hex() for tx in closed.txs], "txids": [txid.hex() for txid in closed.txids]}


def _channel_named(context: RpcContext, name: str) -> ChannelFacts:
    """The channel of that channel id, short channel id or node id; the error says whether there is none or several."""
    names = [
        (channel, (channel.channel_id.hex(), channel.peer_id.hex(), channel.short_channel_id, channel.local_alias))
        for channel in context.engine.channels()
    ]
    found = [channel for channel, known in names if name.lower() in known]
    if not found:
        raise RpcError(Code.UNSPECIFIED, f"id: no channel or peer is named {name[:100]}")
    if len(found) > 1:
        raise RpcError(Code.UNSPECIFIED, "Peer has multiple channels: use channel_id or short_channel_id")
    return found[0]


# --- the wallet ---


async def newaddr(context: RpcContext, *, addresstype: str) -> Result:
    """A fresh address."""
    kinds = ("bech32", "p2tr") if addresstype == "all" else (addresstype,)
    return {kind: await by_engine(context.engine.new_address(kind)) for kind in kinds}


async def listfunds(context: RpcContext, *, spent: bool) -> Result:
    """All money: on chain and in channels."""
    coins = await by_engine(context.engine.coins(spent=spent))
    channels = [
        channel_funds_shape(entry, connected=_is_connected(context, entry)) for entry in context.engine.channels()
    ]
    return {"outputs": [coin_shape(coin) for coin in coins], "channels": [entry for entry in channels if entry]}


async def withdraw(
    context: RpcContext,
    *,
    destination: str,
    satoshi: int | None,
    feerate: str | int | None,
    minconf: int,
    utxos: tuple[Outpoint, ...],
) -> Result:
    """Pay on the chain."""
    request = Withdraw(
        script=script_for(context, "destination", destination),
        amount_sat=satoshi,
        feerate=feerate,
        minconf=minconf,
        utxos=utxos,
    )
    done = await by_engine(context.engine.withdraw(request))
    return {"tx": done.tx.hex(), "txid": done.txid.hex(), "psbt": done.psbt}


_NEGOTIATION = "What fees are agreed to is the specification's business."
COMMANDS = (
    Command(
        "fundchannel",
        "channels",
        "Open a channel with a connected peer and broadcast its funding transaction.",
        fundchannel,
        (
            required("id", NODE_ID, "The peer's node id."),
            required("amount", SAT_OR_ALL, "Capacity of the channel; all takes everything that the wallet has."),
            Parameter("feerate", FEERATE, "For the funding transaction; normal by default."),
            Parameter("announce", BOOLEAN, "Ask for a public channel; this node announces none.", default=True),
            Parameter("minconf", U16, "Confirmations that the coins must have.", default=1),
            Parameter("push_msat", MSAT, "What the peer gets from the start, as a gift.", default=0),
            Parameter("close_to", TEXT, "Address for a cooperative close, which the peer then insists on."),
            refused("request_amt", "The node leases nothing."),
            refused("compact_lease", "The node leases nothing."),
            Parameter("utxos", UTXOS, "Coins to spend, all of them and no others, TXID:OUTNUM each.", default=()),
            Parameter("mindepth", U16, "Confirmations before the channel is used; what the peer asks for by default."),
            refused("reserve", "It follows from the capacity."),
            refused("channel_type", "It follows from the features of both nodes."),
        ),
    ),
    Command(
        "listpeerchannels",
        "channels",
        "List channels with balances, limits and HTLCs.",
        listpeerchannels,
        (
            Parameter("id", NODE_ID, "Only those with this peer."),
            Parameter("short_channel_id", SHORT_CHANNEL_ID, "Only this one, by its place in the chain or its alias."),
            Parameter("channel_id", HASH, "Only this one."),
        ),
    ),
    Command(
        "close",
        "channels",
        "Close a channel: together with the peer if possible, else alone.",
        close,
        (
            required("id", TEXT, "Channel id or short channel id; or node id of a peer with one channel."),
            Parameter("unilateraltimeout", U32, "Seconds until the node closes alone; 0: never.", default=172_800),
            Parameter("destination", TEXT, "Address for our part; a new one of the wallet by default."),
            refused("fee_negotiation_step", _NEGOTIATION),
            refused("wrong_funding", "The node opens no channel by hand."),
            refused("force_lease_closed", "The node leases nothing."),
            refused("feerange", _NEGOTIATION),
        ),
    ),
    Command(
        "newaddr",
        "bitcoin",
        "Give a fresh address of the wallet.",
        newaddr,
        (Parameter("addresstype", one_of("bech32", "p2tr", "all"), "Its form.", default="p2tr"),),
    ),
    Command(
        "listfunds",
        "bitcoin",
        "List all money: outputs of the wallet and shares in channels.",
        listfunds,
        (Parameter("spent", BOOLEAN, "With outputs that were spent.", default=False),),
    ),
    Command(
        "withdraw",
        "bitcoin",
        "Pay to an address.",
        withdraw,
        (
            required("destination", TEXT, "The address."),
            required("satoshi", SAT_OR_ALL, "The amount; all takes everything that the wallet has."),
            Parameter("feerate", FEERATE, "normal by default."),
            Parameter("minconf", U16, "Confirmations that the coins must have.", default=1),
            Parameter("utxos", UTXOS, "Coins to spend, all of them and no others, TXID:OUTNUM each.", default=()),
        ),
    ),
)
"""For a node with an engine."""
