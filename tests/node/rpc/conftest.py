"""A node with an engine that only pretends, and a client that speaks to its socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from boltnode.engine import (
    ChannelFacts,
    CloseChannel,
    ClosedChannel,
    CoinFacts,
    EngineError,
    FundChannel,
    FundedChannel,
    HtlcFacts,
    Withdraw,
    Withdrawal,
)
from boltnode.node import running_node
from boltnode.options import Address, Options
from boltnode.payments import PaymentRecord
from boltnode.peers.connection import PeerConnection
from boltnode.rpc.errors import Code
from boltnode.rpc.kinds import Outpoint
from boltnode.services import Services
from boltnode.storage.unit_of_work import UnitOfWork
from boltwire.bolt11 import Invoice
from boltwire.features import FeatureBits
from boltwire.messages import Message
from boltwire.secp256k1 import PrivateKey

PEER = PrivateKey(b"\7" * 32).public_key.encoded
ANCHORS = FeatureBits.of(required=("option_static_remotekey", "option_anchors"))
ADDRESSES = {
    "bech32": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "p2tr": "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6",
}


HTLC = HtlcFacts(
    incoming=True, id=3, amount_msat=5_000, expiry=700, payment_hash=b"h" * 32, trimmed=True, status="SENT"
)


def channel(number: int = 1, **changes: Any) -> ChannelFacts:
    values: dict[str, Any] = {
        "peer_id": PEER,
        "channel_id": bytes([number]) * 32,
        "state": "CHANNELD_NORMAL",
        "reestablished": True,
        "short_channel_id": f"{100 + number}x1x0",
        "local_alias": f"{number}x2x3",
        "remote_alias": None,
        "funding_txid": bytes([0xF0 + number]) * 32,
        "funding_outnum": 0,
        "channel_type": ANCHORS,
        "opened_by_us": True,
        "closed_by_us": None,
        "private": False,
        "feerate_per_kw": 253,
        "total_msat": 1_000_000_000,
        "to_us_msat": 600_000_000,
        "spendable_msat": 580_000_000,
        "receivable_msat": 380_000_000,
        "our_reserve_msat": 10_000_000,
        "their_reserve_msat": 10_000_000,
        "dust_limit_msat": 354_000,
        "our_max_htlc_value_in_flight_msat": 1_000_000_000,
        "their_max_htlc_value_in_flight_msat": 1_000_000_000,
        "minimum_htlc_in_msat": 1,
        "our_to_self_delay": 144,
        "their_to_self_delay": 144,
        "max_accepted_htlcs": 483,
        "htlcs": (
            HtlcFacts(
                incoming=True, id=3, amount_msat=5_000, expiry=700, payment_hash=b"h" * 32, trimmed=True, status="SENT"
            ),
        ),
        "status": ("all is well",),
    }
    return ChannelFacts(**(values | changes))


class FakeEngine:
    """Does nothing, says what a test wants it to say, and remembers what it was asked."""

    features = FeatureBits.of(
        required=("option_data_loss_protect", "var_onion_optin", "option_static_remotekey", "payment_secret"),
        optional=("option_anchors",),
    )

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.shown: list[ChannelFacts] = []
        self.refusal: EngineError | None = None
        self.outcome = "complete"
        self.preimages: dict[bytes, bytes] = {}
        self.payments_wait = asyncio.Event()
        self.payments_wait.set()
        self.services: Services | None = None
        self.trouble: str | None = None
        self.calls: list[str] = []

    async def start(self, services: Services) -> None:
        self.services = services
        self.calls.append("start")

    async def stop(self) -> None:
        self.calls.append("stop")

    def connected(self, peer: PeerConnection) -> None:
        """Nothing is taken up."""

    async def received(self, peer: PeerConnection, message: Message) -> None:
        raise AssertionError(f"{peer} has nothing to say here: {message}")

    def disconnected(self, node_id: bytes) -> None:
        """Nothing was under way."""

    def is_partner(self, node_id: bytes) -> bool:
        return False

    def wants(self, node_id: bytes) -> bool:
        return False

    def block_height(self) -> int:
        return 123

    def warning(self) -> str | None:
        return self.trouble

    def channels(self) -> Sequence[ChannelFacts]:
        return self.shown

    def _ask(self, request: object) -> None:
        self.asked.append(request)
        if self.refusal is not None:
            raise self.refusal

    async def coins(self, *, spent: bool) -> Sequence[CoinFacts]:
        self._ask(("coins", spent))
        outpoint = Outpoint(b"\1" * 32, 2)
        return [
            CoinFacts(
                outpoint=outpoint,
                amount_sat=5,
                script=b"\0\1",
                address=ADDRESSES["p2tr"],
                status="confirmed",
                blockheight=9,
                reserved=False,
            )
        ]

    async def new_address(self, kind: str) -> str:
        self._ask(("new_address", kind))
        return ADDRESSES[kind]

    async def fund_channel(self, request: FundChannel) -> FundedChannel:
        self._ask(request)
        return FundedChannel(
            tx=b"\2\0",
            txid=b"\3" * 32,
            outnum=1,
            channel_id=b"\4" * 32,
            channel_type=ANCHORS,
            close_to=request.close_to,
            mindepth=3,
        )

    async def close_channel(self, request: CloseChannel) -> ClosedChannel:
        self._ask(request)
        return ClosedChannel(mutual=True, txs=(b"\2\0",), txids=(b"\3" * 32,))

    async def withdraw(self, request: Withdraw) -> Withdrawal:
        self._ask(request)
        return Withdrawal(tx=b"\2\0", txid=b"\3" * 32, psbt="cHNidP8=")

    async def pay(self, payment: PaymentRecord, invoice: Invoice, max_fee_msat: int, retry_seconds: int) -> None:
        self._ask((payment, max_fee_msat, retry_seconds))
        asyncio.get_running_loop().create_task(self._end(payment))

    async def _end(self, payment: PaymentRecord) -> None:
        await self.payments_wait.wait()
        assert self.services is not None
        work = UnitOfWork()
        if self.outcome == "complete":
            self.services.payments.complete(work, self.preimages[payment.payment_hash], payment.amount_msat + 3)
        elif self.outcome == "doubt":
            self.services.payments.leave_in_doubt(work, payment.payment_hash)
        else:
            self.services.payments.fail(work, payment.payment_hash, "incorrect_or_unknown_payment_details")
        await self.services.commits.submit(work)

    def refuse(self, code: Code, message: str) -> None:
        self.refusal = EngineError(code, message)


class RpcFailed(Exception):
    """The node answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]
        self.data = error.get("data")


class Running:
    """A node and its engine."""

    def __init__(self, services: Services, engine: FakeEngine) -> None:
        self.services = services
        self.engine = engine
        self.path = services.options.rpc_path

    async def raw(self, *pieces: bytes, until_closed: bool = False) -> list[dict[str, Any]]:
        """What comes back for these bytes, as a client of Core Lightning would split it."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        if not until_closed:
            writer.write_eof()
        received = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        assert received == b"" or received.endswith(b"\n\n")
        return [json.loads(part) for part in received.split(b"\n\n")[:-1]]

    async def call(self, method: str, *params: object, **named: object) -> dict[str, Any]:
        """The result of a command; RpcFailed with its error."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": named or params}
        (answer,) = await self.raw(json.dumps(request).encode())
        assert (answer["id"], answer["jsonrpc"]) == (1, "2.0")
        if "error" in answer:
            raise RpcFailed(answer["error"])
        found: dict[str, Any] = answer["result"]
        return found

    async def fails(self, method: str, *params: object, **named: object) -> tuple[int, str]:
        """The code and message of the error that a command answers."""
        with pytest.raises(RpcFailed) as error:
            await self.call(method, *params, **named)
        return error.value.code, str(error.value).partition(": ")[2]


@asynccontextmanager
async def node(folder: Path, *, now: int | None = None) -> AsyncIterator[Running]:
    options = Options(lightning_dir=folder, network="regtest", addr=(Address("127.0.0.1", 0),))
    made = FakeEngine()
    clock = {} if now is None else {"clock": lambda: now}
    async with running_node(options, nullcontext(made), **clock) as services:  # type: ignore[arg-type]
        yield Running(services, made)


Story = Callable[[Running], Awaitable[None]]


@pytest.fixture
def on_a_node(tmp_path: Path) -> Callable[..., None]:
    """Run a story on a node in a folder of its own; run again, it is a restart."""

    def run(story: Story, **how: Any) -> None:
        async def told() -> None:
            async with node(tmp_path / "n", **how) as running:
                await story(running)

        asyncio.run(told())

    return run


@pytest.fixture
def start_node(tmp_path: Path) -> Callable[..., Any]:
    """``async with start_node("name") as running``."""
    return lambda name, **how: node(tmp_path / name, **how)


@pytest.fixture
def peer_id() -> bytes:
    return PEER


@pytest.fixture
def facts() -> Callable[..., ChannelFacts]:
    return channel
