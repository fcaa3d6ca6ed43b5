"""The bounds on what peers can make the node do. Defaults suit a node with some dozens of channels."""

import resource
from dataclasses import dataclass, replace
from typing import Final

RESERVED_FILES: Final = 192
"""File descriptors for everything but peers: database, chain, RPC, and connections about to be turned away."""


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """Bounds; seconds unless the name says otherwise."""

    max_inbound: int = 200
    """Peers that came to us. Those whom we want (see :class:`boltnode.peers.handler.PeerHandler`) are not counted."""
    max_handshakes: int = 100
    """Inbound connections whose handshake or ``init`` is under way. One more pushes out the oldest: an honest peer is
    through in milliseconds, whoever dawdles is not."""
    handshake_seconds: float = 10.0
    """For the three acts of BOLT 8."""
    init_seconds: float = 10.0
    """From the handshake to the peer's ``init``."""
    bytes_per_second: int = 2_000_000
    """Received from one peer; beyond, it is read more slowly."""
    messages_per_second: int = 5_000
    """Received from one peer; beyond, it is read more slowly."""
    burst_seconds: int = 2
    """How long a peer may exceed its rates after a pause."""
    share_of_strangers: float = 0.2
    """Of the node's time, for the messages of all peers without a confirmed channel; beyond, they are read more
    slowly."""
    share_of_partners: float = 0.6
    """Of the node's time, for the messages of all peers with a confirmed channel; beyond, they are read more slowly."""
    stranger_turn_seconds: float = 0.002
    """For the messages of one peer without a confirmed channel until it is another one's turn."""
    partner_turn_seconds: float = 0.05
    """For those of a peer with one. It should be long enough for all that arrives in one go, which is then made durable
    in one go, too."""
    send_queue_bytes: int = 4_000_000
    """Waiting to be sent to one peer; a peer that does not take them is disconnected."""
    send_queue_messages: int = 10_000
    """As above, in messages."""
    stall_seconds: float = 60.0
    """For the operating system to take what is to be sent."""
    close_seconds: float = 1.0
    """For the last words, when a connection is closed."""
    ping_seconds: float = 45.0
    """Silence after which a ping is sent; BOLT 1 wants at least 30 between pings."""
    pong_seconds: float = 45.0
    """For the answer to a ping."""
    tie_break_seconds: float = 10.0
    """Connections in both directions within this time are simultaneous: both nodes keep the same one of them."""
    reconnect_seconds: float = 1.0
    """Pause before the first attempt to connect again; doubled with each failure."""
    reconnect_most_seconds: float = 300.0
    """The longest such pause."""
    max_pending_channels: int = 100
    """Channels of all peers whose funding is not confirmed. Those that we ask for, and those of a peer that has a
    confirmed one, find a place beyond."""
    max_pending_channels_per_peer: int = 4
    """As above, of one peer."""
    max_refused_proposals: int = 10
    """Channels that are proposed on one connection and refused; with the last of them the connection is closed."""
    proposal_seconds: float = 600.0
    """From our ``accept_channel`` to the peer's ``funding_created``: people may have to sign for it."""
    answer_seconds: float = 60.0
    """For every other answer that a peer owes about a channel (:mod:`boltnode.channels.patience`)."""


def within_file_limit(limits: PeerLimits) -> PeerLimits:
    """The limits, with so few inbound connections that the process does not run out of file descriptors."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.max_inbound + limits.max_handshakes + RESERVED_FILES
    if files < wanted and files < most:
        files = min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    room = max(files - RESERVED_FILES, 2)
    if room >= limits.max_inbound + limits.max_handshakes:
        return limits
    handshakes = min(limits.max_handshakes, room // 2)
    return replace(limits, max_handshakes=handshakes, max_inbound=min(limits.max_inbound, room - handshakes))
