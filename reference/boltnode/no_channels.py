"""What a node without an engine says to its peers about channels: nothing, politely."""

from boltnode.peers.connection import PeerConnection
from boltwire.channel_id import ALL_CHANNELS
from boltwire.codec import encode_message
from boltwire.messages import Message, OpenChannel, OpenChannel2, Warning  # noqa: A004  # BOLT 1's name


class NoChannels:
    """A :class:`boltnode.peers.handler.PeerHandler` for peers that are only connected."""

    def connected(self, peer: PeerConnection) -> None:
        """There is nothing to take up again."""

    async def received(self, peer: PeerConnection, message: Message) -> None:
        """Decline to open channels; everything else needs one."""
        if isinstance(message, OpenChannel | OpenChannel2):
            peer.send(encode_message(Warning(channel_id=ALL_CHANNELS, data=b"this node opens no channels")))

    def disconnected(self, node_id: bytes) -> None:
        """There is nothing to wait for."""

    def wants(self, node_id: bytes) -> bool:  # noqa: ARG002  # the protocol has it
        """No peer is special."""
        return False
