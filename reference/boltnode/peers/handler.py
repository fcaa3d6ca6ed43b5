"""What the connections need of whoever understands the messages: the engine of the node."""

from typing import TYPE_CHECKING, Protocol

from boltwire.messages import Message

if TYPE_CHECKING:
    from boltnode.peers.connection import PeerConnection


class PeerHandler(Protocol):
    """Told of peers and of what they say. Calls for one peer come in order, and never two at once."""

    def connected(self, peer: "PeerConnection") -> None:
        """The peer is there, ``init`` was exchanged. There is no other connection to it."""

    async def received(self, peer: "PeerConnection", message: Message) -> None:
        """The peer sent a well-formed message, other than ``init``, ``ping`` and ``pong``.

        The next one is read when this returns, and so are those of some other peers: nothing slow is to be waited for.
        An exception ends the connection.
        """

    def disconnected(self, node_id: bytes) -> None:
        """The peer is gone; what was under way to it is lost."""

    def is_partner(self, node_id: bytes) -> bool:
        """Whether there is a confirmed channel with this peer: its messages do not wait for those of strangers."""

    def wants(self, node_id: bytes) -> bool:
        """Whether there is always room for this peer, for there is a channel with it."""
