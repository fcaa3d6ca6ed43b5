"""Commands about connections: ``connect``, ``disconnect``, ``listpeers``."""

from boltnode.engine import ChannelFacts
from boltnode.peers.connection import PeerConnection
from boltnode.peers.switchboard import ConnectFailed, DisconnectedDuringConnect
from boltnode.rpc.command import Command, Parameter, Result, refused, required
from boltnode.rpc.context import RpcContext
from boltnode.rpc.errors import Code, RpcError, bad_parameter
from boltnode.rpc.kinds import BOOLEAN, NODE_ID, PEER_AT, PORT, TEXT, PeerAt
from boltnode.rpc.shapes import address_shape
from boltnode.storage import peer_rows
from boltnode.storage.peer_rows import PeerRow
from boltnode.storage.unit_of_work import UnitOfWork


async def connect(context: RpcContext, *, id: PeerAt, host: str | None, port: int | None) -> Result:  # noqa: A002
    """Connect to a peer, and stay connected."""
    services = context.services
    at = await _address(context, id, host, port)
    peer = services.switchboard.peer(id.node_id)
    if peer is None:
        if at.host is None or at.port is None:
            raise RpcError(Code.CONNECT_NO_KNOWN_ADDRESS, "Unable to connect, no address known for peer")
        peer = await _connect(context, at.node_id, at.host, at.port)
    if at.host is not None and at.port is not None:
        work = UnitOfWork()
        peer_rows.save(work, PeerRow(*at))
        await services.commits.submit(work)
        services.reconnector.keep(at.node_id, at.host, at.port)
    return {
        "id": peer.node_id.hex(),
        "features": peer.features.to_bytes().hex(),
        "direction": str(peer.direction),
        "address": address_shape(*peer.address),
    }


async def _address(context: RpcContext, at: PeerAt, host: str | None, port: int | None) -> PeerAt:
    """Where the peer is: as given, or else where it was last."""
    if at.host is not None and host is not None:
        raise bad_parameter("host", "given once: id holds an address already", host)
    host, port = host or at.host, port or at.port
    if host is not None:
        return PeerAt(at.node_id, host, port or context.services.network.default_port)
    rows = {row.node_id: row for row in await context.services.commits.read(peer_rows.load)}
    known = rows.get(at.node_id)
    return at if known is None else PeerAt(*known)


async def _connect(context: RpcContext, node_id: bytes, host: str, port: int) -> PeerConnection:
    try:
        return await context.services.switchboard.connect(node_id, host, port)
    except DisconnectedDuringConnect as error:
        raise RpcError(Code.CONNECT_DISCONNECTED_DURING, f"All addresses failed: {error}") from error
    except ConnectFailed as error:
        raise RpcError(Code.CONNECT_ALL_ADDRESSES_FAILED, f"All addresses failed: {error}") from error


async def disconnect(context: RpcContext, *, id: bytes, force: bool) -> Result:  # noqa: A002
    """Disconnect from a peer, and stay so."""
    services = context.services
    peer = services.switchboard.peer(id)
    channel = next((entry for entry in _channels(context) if entry.peer_id == id), None)
    if channel is not None and not force:
        raise RpcError(Code.UNSPECIFIED, f"Peer has (at least one) channel in state {channel.state}")
    if channel is None:
        work = UnitOfWork()
        peer_rows.forget(work, id)
        await services.commits.submit(work)
        services.reconnector.let_go(id)
    if peer is None:
        raise RpcError(Code.UNSPECIFIED, "Peer not connected")
    peer.close("the user disconnects")
    await peer.ended.wait()
    return {}


def _channels(context: RpcContext) -> tuple[ChannelFacts, ...]:
    return tuple(context.engine.channels())


async def listpeers(context: RpcContext, *, id: bytes | None) -> Result:  # noqa: A002
    """Peers that are connected or have a channel."""
    switchboard = context.services.switchboard
    channels = [entry.peer_id for entry in _channels(context)]
    found = []
    for node_id in sorted({peer.node_id for peer in switchboard.peers} | set(channels)):
        if id not in (None, node_id):
            continue
        shape: dict[str, object] = {
            "id": node_id.hex(),
            "connected": False,
            "num_channels": channels.count(node_id),
        }
        if (peer := switchboard.peer(node_id)) is not None:
            shape["connected"] = True
            shape["netaddr"] = [f"{peer.address[0]}:{peer.address[1]}"]
            shape["features"] = peer.features.to_bytes().hex()
        found.append(shape)
    return {"peers": found}


COMMANDS = (
    Command(
        "connect",
        "network",
        "Connect to a peer, remember where it is and stay connected.",
        connect,
        (
            required("id", PEER_AT, "The peer's node id; its address may follow."),
            Parameter("host", TEXT, "Its host; without one, where it was last."),
            Parameter("port", PORT, "Its port; that of the network by default."),
        ),
    ),
    Command(
        "disconnect",
        "network",
        "Disconnect from a peer and do not connect again.",
        disconnect,
        (
            required("id", NODE_ID, "The peer's node id."),
            Parameter("force", BOOLEAN, "Even if there is a channel; the node then connects again.", default=False),
        ),
    ),
    Command(
        "listpeers",
        "network",
        "List the peers that are connected or have a channel.",
        listpeers,
        (
            Parameter("id", NODE_ID, "Only this one."),
            refused("level", "The log is in a file of its own."),
        ),
    ),
)
"""For every node."""
