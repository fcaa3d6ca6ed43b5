"""The stage of the demo: two nodes in one process, a served chain, and somebody who tells what happens."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from boltchain.addresses import address_of
from boltchain.client.node import ChainClient
from boltchain.server.process import ServerProcess
from boltnode.channels.engine import ChannelEngine
from boltnode.node import running_node
from boltnode.options import Address, Options
from boltnode.services import Services
from boltwire.scripts import p2wsh
from boltwire.transaction import Transaction, parse_transaction, txid_to_hex

FEERATE_PER_KW: Final = 1_000
"""In place of estimates, for which a fresh chain has no ground."""
MATURE: Final = 100
"""Further blocks until a reward can be spent."""
NOBODY: Final = address_of(p2wsh(b"\x51"), "regtest")
"""Where rewards go that are nobody's."""
PATIENCE_SECONDS: Final = 30
POLL_SECONDS: Final = 0.01
SHOWN: Final = 60
"""Characters of a long parameter that are shown."""

Print = Callable[[str], None]


class DemoFailed(Exception):
    """Something is not as the story has it; the text says what."""


class RefusedByNode(DemoFailed):
    """A command was answered with an error."""


@dataclass(frozen=True, slots=True)
class Balances:
    """What somebody has, in satoshi."""

    channel_sat: int
    """Settled, in all channels that are not closed."""
    chain_sat: int
    """In confirmed outputs of the wallet."""


class Actor:
    """One of the two nodes, used as its user would: by commands over its socket."""

    def __init__(self, name: str, services: Services, engine: ChannelEngine, say: Print) -> None:
        """``services`` are those of the running node."""
        self.name, self.services, self.engine = name, services, engine
        self._say = say

    @property
    def node_id(self) -> str:
        """In hex."""
        return self.services.key.node_id.hex()

    async def ask(self, method: str, **parameters: object) -> Any:
        """The result of a command, which is shown; RefusedByNode with the error."""
        shown = " ".join(f"{name}={_short(str(value))}" for name, value in parameters.items())
        self._say(f"    {self.name.lower()}$ boltnode {method} {shown}".rstrip())
        return await self.quietly(method, **parameters)

    async def quietly(self, method: str, **parameters: object) -> Any:
        """The result of a command that is not part of the story."""
        reader, writer = await asyncio.open_unix_connection(self.services.options.rpc_path)
        try:
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
            writer.write(json.dumps(request).encode())
            answer = json.loads(await reader.readuntil(b"\n\n"))
        finally:
            writer.close()
            await writer.wait_closed()
        if "error" in answer:
            raise RefusedByNode(str(answer["error"]["message"]))
        return answer["result"]

    async def channels(self) -> list[dict[str, Any]]:
        """The rows of ``listpeerchannels``."""
        found: list[dict[str, Any]] = (await self.quietly("listpeerchannels"))["channels"]
        return found

    async def balances(self) -> Balances:
        """What it has now."""
        funds = await self.quietly("listfunds")
        on_chain = sum(coin["amount_msat"] for coin in funds["outputs"] if coin["status"] == "confirmed")
        over = ("FUNDING_SPEND_SEEN", "ONCHAIN")
        in_channels = sum(entry["our_amount_msat"] for entry in funds["channels"] if entry["state"] not in over)
        return Balances(in_channels // 1000, on_chain // 1000)


class Stage:
    """Alice, Bob, their chain, and the narrator."""

    def __init__(self, alice: Actor, bob: Actor, chain: ChainClient, say: Print) -> None:
        """Over running parts."""
        self.alice, self.bob, self.chain, self.say = alice, bob, chain, say
        self._step = 0

    def step(self, text: str) -> None:
        """Begin a step of the story."""
        self._step += 1
        self.say(f"\n{self._step}. {text}")

    async def mine(self, blocks: int = 1, *, to: str = NOBODY) -> None:
        """Mine, and wait until both nodes have seen it."""
        await self.chain.generate(blocks, to)
        best = (await self.chain.chain_info()).best.height
        await self.until("both nodes see the block", lambda: self._both_at(best))
        what = "a block is" if blocks == 1 else f"{blocks} blocks are"
        self.say(f"    {what} mined: height {best}")

    async def _both_at(self, height: int) -> bool:
        return all(actor.engine.block_height() >= height for actor in (self.alice, self.bob))

    async def until(self, what: str, condition: Callable[[], Any]) -> None:
        """Wait until an awaitable condition holds; DemoFailed if that takes too long."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await condition():
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise DemoFailed(f"waited in vain until {what}") from None

    async def until_state(self, *states: str) -> None:
        """Wait until the newest channel is in one of these states for both."""

        async def reached() -> bool:
            rows = [await actor.channels() for actor in (self.alice, self.bob)]
            return all(row and row[-1]["state"] in states for row in rows)

        await self.until(f"the channel is {' or '.join(states)}", reached)

    async def until_settled(self) -> None:
        """Wait until no HTLC is left in any channel."""

        async def settled() -> bool:
            rows = [row for actor in (self.alice, self.bob) for row in await actor.channels()]
            return not any(row["htlcs"] for row in rows)

        await self.until("no HTLC is left", settled)

    async def show(self) -> tuple[Balances, Balances]:
        """Tell what both have."""
        found = []
        for actor in (self.alice, self.bob):
            balances = await actor.balances()
            found.append(balances)
            self.say(
                f"    {actor.name:5} has {balances.channel_sat:>11,} sat in the channel"
                f" and {balances.chain_sat:>15,} sat on the chain"
            )
        return found[0], found[1]

    def expect(self, found: object, wanted: object, what: str) -> None:
        """Hold the story to what it says; DemoFailed if it is not so."""
        if found != wanted:
            raise DemoFailed(f"{what}: {found} instead of {wanted}")

    def show_transaction(self, name: str, raw: bytes) -> Transaction:
        """Tell what a transaction does."""
        transaction = parse_transaction(raw)
        self.say(f"    {name}: {txid_to_hex(transaction.txid())}")
        for entry in transaction.inputs:
            self.say(f"        spends {txid_to_hex(entry.outpoint.txid)[:16]}…:{entry.outpoint.vout}")
        for output in transaction.outputs:
            self.say(f"        pays   {output.amount_sat:>13,} sat to {output.script_pubkey.hex()[:32]}…")
        return transaction


@asynccontextmanager
async def staged(say: Print, *, simple_close: bool = True) -> AsyncIterator[Stage]:
    """Two nodes that know of each other nothing but the chain, in a folder that is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="boltnode-demo-") as folder,
        ServerProcess(Path(folder, "chain"), durable=False) as server,
    ):
        engines = [
            ChannelEngine(server.endpoint, feerate_per_kw=FEERATE_PER_KW, simple_close=simple_close) for _ in range(2)
        ]
        nodes = [
            running_node(
                Options(lightning_dir=Path(folder, name), network="regtest", addr=(Address("127.0.0.1", 0),)),
                nullcontext(engine),
            )
            for name, engine in zip(("alice", "bob"), engines, strict=True)
        ]
        async with ChainClient(server.endpoint) as chain, nodes[0] as first, nodes[1] as second:
            alice, bob = Actor("Alice", first, engines[0], say), Actor("Bob", second, engines[1], say)
            yield Stage(alice, bob, chain, say)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
