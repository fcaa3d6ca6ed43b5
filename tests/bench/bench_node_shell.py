"""What the shell of the node allows at most: payments that decide nothing, between two nodes over TCP, all durable.

A payment takes six messages that each have to be durable before the next leaves (add and sign; revoke and sign; revoke;
fulfil and sign; revoke and sign; revoke). Here every message makes its receiver store a state of a channel with 50
HTLCs and answer when that is on disk. Both nodes are in this process; two processes have two cores.
"""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from boltnode.peers.connection import PeerConnection
from boltnode.peers.limits import PeerLimits
from boltnode.peers.switchboard import Switchboard
from boltnode.state_codec import encode_state
from boltnode.storage import channel_rows
from boltnode.storage.channel_rows import ChannelRow
from boltnode.storage.database import Database
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.channel import opened
from boltspec.htlc import LOCAL, Htlc, Stage
from boltspec.htlcs import Htlcs
from boltspec.params import MAINNET_LIMITS, Params
from boltspec.units import FeeratePerKw, Height, Msat, Sat
from boltwire.chains import chain_hash
from boltwire.codec import encode_message
from boltwire.features import FeatureBits
from boltwire.messages import Message, UpdateFulfillHtlc
from boltwire.secp256k1 import PrivateKey

Bench = tuple[str, Callable[[], object], int, str, float | None]

MESSAGES = 6
"""Of a payment."""
PAYMENTS = 100
LOOPBACK = "127.0.0.1"
_PARAMS = Params(Sat(10_000_000), LOCAL, FeeratePerKw(253), True, MAINNET_LIMITS, MAINNET_LIMITS)
_HTLCS = Htlcs(
    tuple(Htlc(LOCAL, number, Msat(1000), number, Height(number), Stage.IRREVOCABLE) for number in range(50))
)
_CHANNEL = replace(opened(_PARAMS), htlcs=_HTLCS)


class _Node:
    """Stores and answers."""

    def __init__(self, secret: int, commits: GroupCommit) -> None:
        self.key = PrivateKey(secret.to_bytes(32, "big"))
        self.node_id = self.key.public_key.encoded
        self.commits = commits
        self.switchboard = Switchboard(
            self.key, (chain_hash("regtest"),), FeatureBits(), PeerLimits(messages_per_second=1_000_000), self
        )
        self.revisions: dict[int, int] = {}
        self.lanes: dict[int, asyncio.Future[None]] = {}

    async def received(self, peer: PeerConnection, message: Message) -> None:
        assert isinstance(message, UpdateFulfillHtlc)
        lane, step = divmod(message.id, MESSAGES + 1)
        if step == MESSAGES:
            self.lanes.pop(lane).set_result(None)
        else:
            self.step(peer, lane, step)

    def connected(self, peer: PeerConnection) -> None:
        """Nothing is taken up."""

    def disconnected(self, node_id: bytes) -> None:
        """Nothing is waited for."""

    def is_partner(self, node_id: bytes) -> bool:
        return False

    def wants(self, node_id: bytes) -> bool:
        return False

    def step(self, peer: PeerConnection, lane: int, step: int) -> None:
        self.revisions[lane] = revision = self.revisions.get(lane, 0) + 1
        work = UnitOfWork()
        row = ChannelRow(lane.to_bytes(32, "big"), peer.node_id, revision, False, encode_state(_CHANNEL))
        channel_rows.save(work, row)
        number = lane * (MESSAGES + 1) + step + 1
        message = encode_message(UpdateFulfillHtlc(channel_id=bytes(32), id=number, payment_preimage=bytes(32)))
        work.after(lambda: peer.send(message))
        self.commits.submit(work)

    async def pay(self, peer: PeerConnection, lane: int) -> None:
        self.lanes[lane] = asyncio.get_running_loop().create_future()
        self.step(peer, lane, 0)
        await self.lanes[lane]


async def _pay(folder: Path, in_flight: int) -> None:
    async with (
        GroupCommit(Database(folder / "a"), SigningLatch()) as a,
        GroupCommit(Database(folder / "b"), SigningLatch()) as b,
    ):
        alice, bob = _Node(1, a), _Node(2, b)
        port = await bob.switchboard.listener.listen(LOOPBACK, 0)
        peer = await alice.switchboard.connect(bob.node_id, LOOPBACK, port)

        async def lane(number: int) -> None:
            for _ in range(PAYMENTS // in_flight):
                await alice.pay(peer, number)

        await asyncio.gather(*(lane(number) for number in range(in_flight)))
        await alice.switchboard.close()
        await bob.switchboard.close()


def _payments(in_flight: int) -> Callable[[], None]:
    def run() -> None:
        with tempfile.TemporaryDirectory(prefix="bench-shell-") as folder:
            asyncio.run(_pay(Path(folder), in_flight))

    return run


BENCHES: list[Bench] = [
    ("shell of two nodes, payments one after the other", _payments(1), PAYMENTS, "payments", None),
    ("shell of two nodes, 10 payments in flight", _payments(10), PAYMENTS, "payments", None),
    ("shell of two nodes, 50 payments in flight", _payments(50), PAYMENTS, "payments", None),
]
"""What is measured, how many units one call does, and what is wanted."""
