"""A node that defends its channel and is killed at a chosen point, and the chain that it does it on.

Run by test_crashing_defence.py. Standard input: a JSON list of jobs ``[story, anchors, folder, points]``. For each one
the two nodes of duel.py open a channel; A's defence then runs in a process of its own, on a file in that folder. The
process is killed at each of the ``points`` in turn, counted from its start, and started again; a point is a step of the
storage, or the moment before or after a transaction goes to the chain. Then it runs to the end of the story.
A line of JSON comes out per job: what A has in the end, what is its due, how many points the last process passed, and
how many processes were killed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from boltchain.block import BlockRef, parse_block
from boltchain.interface import TransactionRejected
from boltchain.transaction import Txid, parse_transaction
from boltchain.wallet.wallet import Wallet
from boltnode.channels.wallet_store import KIND, NodeWalletStore
from boltnode.onchain.defences import Defences
from boltnode.onchain.facts import MustFail
from boltnode.state_codec import encode_state
from boltnode.storage import commitment_rows, wallet_rows
from boltnode.storage.database import Database, ignore
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch
from boltnode.storage.unit_of_work import UnitOfWork

A, B = 0, 1
CHANNEL = b"\7" * 32
FAILED = "channel has failed"


def load_duels() -> ModuleType:
    description = importlib.util.spec_from_file_location("duel", Path(__file__).with_name("duel.py"))
    assert description is not None
    assert description.loader is not None
    module = importlib.util.module_from_spec(description)
    sys.modules["duel"] = module
    description.loader.exec_module(module)
    return module


duels = load_duels()


class Killer:
    """Counts the points, and kills at one of them."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def __call__(self, _: str) -> None:
        self.seen += 1
        if self.seen == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class Line:
    """Values over a socket, one after the other."""

    def __init__(self, end: socket.socket) -> None:
        self._file = end.makefile("rw")

    def say(self, *words: object) -> None:
        self._file.write(json.dumps(words) + "\n")
        self._file.flush()

    def hear(self) -> Any:
        text = self._file.readline()
        return json.loads(text) if text else None


# --- the node's process ---


class Client:
    """What the defence needs of a chain client, over the line."""

    def __init__(self, line: Line, killer: Killer) -> None:
        self._line, self._killer = line, killer

    async def send(self, raw: bytes) -> Txid:
        self._killer("to be sent")
        self._line.say("send", raw.hex())
        reason = self._line.hear()[0]
        self._killer("sent")
        if reason is not None:
            raise TransactionRejected(reason)
        return parse_transaction(raw).txid


class Defender:
    """Node A on its file."""

    def __init__(self, duel: Any, line: Line, killer: Killer, commits: GroupCommit, latch: SigningLatch) -> None:
        self.duel, self.node, self.line, self.killer = duel, duel.nodes[A], line, killer
        self.commits, self.latch = commits, latch

    async def run(self) -> None:
        rows = await self.commits.read(lambda found: wallet_rows.load(found, KIND))
        self.store = NodeWalletStore(self.commits, self.latch, rows)
        self.wallet = Wallet(self.node.seed, self.node.network, self.store)
        client: Any = Client(self.line, self.killer)
        self.defences = Defences(
            self.commits, self.latch, (self.wallet, self.store), client, lambda _: duels.FEERATE
        )
        await self.defences.load(lambda _: self.node.terms)
        self.node.failed = bool(await self.commits.read(lambda found: wallet_rows.load(found, FAILED)))
        assert self.wallet.position is not None
        self.line.say("at", self.wallet.position.height)
        await self.react()
        self.line.say("idle")
        while (order := self.line.hear())[0] == "block":
            await self.block(bytes.fromhex(order[1]))
            self.line.say("idle")
        self.line.say("bye", self.killer.seen)

    def record(self) -> Any:
        made = self.node.record(self.duel.funding_height, self.duel.nodes[B])
        return replace(made, signed_for_peer=self.defences.signed_for_peer(CHANNEL))

    async def block(self, raw: bytes) -> None:
        block = parse_block(raw)
        assert self.wallet.position is not None
        position = BlockRef(self.wallet.position.height + 1, block.hash)
        work = UnitOfWork()
        await self.defences.recall(CHANNEL, self.node.terms, [entry.raw for entry in block.transactions[1:]])
        with self.store.within(work):
            self.wallet.connect(position, block)
        self.defences.connect(work, CHANNEL, self.record(), block, position.height)
        await self.commits.submit(work)
        await self.react()

    async def react(self) -> None:
        assert self.wallet.position is not None
        height = self.wallet.position.height
        work = UnitOfWork()
        facts = self.defences.look(work, CHANNEL, self.record(), height)
        if MustFail() in facts and not self.node.failed:
            self.node.failed = True
            wallet_rows.save(work, FAILED, b"", b"")
            self.defences.look(work, CHANNEL, self.record(), height)
        await self.commits.submit(work)
        await self.defences.publish(CHANNEL, self.record(), height)


async def defend(duel: Any, end: socket.socket, path: Path, at: int) -> None:
    killer, latch = Killer(at), SigningLatch()
    async with GroupCommit(Database(path, killer), latch) as commits:
        await Defender(duel, Line(end), killer, commits, latch).run()


# --- the chain's process ---


class Handler:
    """Starts the node's process, tells it of blocks, takes its transactions, starts it again when it was killed."""

    def __init__(self, duel: Any, path: Path, points: list[int]) -> None:
        self.duel, self.path, self.points = duel, path, points
        self.passed = 0
        self.killed = 0
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        at = self.points.pop(0) if self.points else 0
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            asyncio.run(defend(self.duel, theirs, self.path, at))
            os._exit(0)
        theirs.close()
        self.line = Line(ours)
        self._listen()

    def _listen(self) -> None:
        """Serve the node until it waits for the next block; if it dies, start it again and bring it up to date."""
        while (said := self.line.hear()) is not None:
            match said:
                case ["at", height]:
                    self.height = height
                case ["send", raw]:
                    self._take(bytes.fromhex(raw))
                case ["idle"]:
                    break
                case ["bye", seen]:
                    self.passed = seen
                    os.waitpid(self.pid, 0)
                    return
        else:
            status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            assert status == -signal.SIGKILL, status
            self.killed += 1
            self._start()
            return
        if self.height < self.duel.height:
            self.height += 1
            self.line.say("block", self.duel._raw(self.height).hex())
            self._listen()

    def _take(self, raw: bytes) -> None:
        transaction = parse_transaction(raw)
        self.duel.nodes[A].sent[transaction.txid] = raw
        try:
            self.duel.chain.submit(raw)
        except TransactionRejected as refusal:
            self.line.say(refusal.reason)
        else:
            self.line.say(None)

    def blocks(self, count: int) -> None:
        for _ in range(count):
            self.duel.mine()
            self._catch_up()

    def confirm(self, *transactions: Any) -> None:
        self.duel.confirm(*transactions)
        self._catch_up()

    def _catch_up(self) -> None:
        while self.height < self.duel.height:
            self.height += 1
            self.line.say("block", self.duel._raw(self.height).hex())
            self._listen()

    def stop(self) -> None:
        self.line.say("stop")
        self._listen()


def penalty(duel: Any, start: Any) -> Any:
    """B publishes a revoked commitment and takes its HTLCs to the second stage; A's due is all that there was."""
    offered, received = duel.prepare_cheat()
    out = duel.outputs_of(B, duel.old)
    thief = duel.nodes[B]
    success = thief.second_stage(duel.old, offered, offered=False, preimage=duels.preimage(1))
    timeout = thief.second_stage(duel.old, received, offered=True)
    while duel.height < timeout.locktime:
        duel.mine()
    handler = start()
    handler.confirm(thief.published(duel.old))
    handler.confirm(success)
    handler.blocks(1)
    handler.blocks(2)
    handler.stop()
    duel.passed, duel.killed = handler.passed, handler.killed
    htlc_fee = out["received_htlc"] - success.outputs[0].amount_sat
    return sum(amount for role, amount in out.items() if not role.endswith("anchor")) - htlc_fee


def deadlines(duel: Any, start: Any) -> Any:
    """A has offered an HTLC that expires and received one that it can claim; B is silent. A's due is both."""
    duel.offer(A, 50_000_000, duels.preimage(1), 4)
    received = duel.offer(B, 30_000_000, duels.preimage(2), 20)
    duel.nodes[A].preimages[received] = duels.preimage(2)
    duel.nodes[B].idle = True
    out = duel.outputs_of(A)
    handler = start()
    handler.blocks(20)
    handler.stop()
    duel.passed, duel.killed = handler.passed, handler.killed
    return sum(out[role] for role in ("to_local", "offered_htlc", "received_htlc")) + out.get("to_local_anchor", 0)


STORIES = {"penalty": penalty, "deadlines": deadlines}


def prepare(path: Path, node: Any) -> None:
    """The file as it is when the story begins: the wallet has its coins, and what was signed for B is known."""
    work = UnitOfWork()
    for key, value in node.store.rows.items():
        wallet_rows.save(work, KIND, key.encode(), value.encode())
    for number, signed in node.signed.items():
        commitment_rows.save(work, CHANNEL, number, encode_state(signed))
    with Database(path, ignore) as database:
        database.stage([work])
        database.commit()


def run(story: str, anchors: bool, folder: Path, points: list[int]) -> dict[str, object]:
    duel = duels.Duel(anchors=anchors)
    duel.nodes[A].idle = True
    path = folder / "node.sqlite3"

    def start() -> Handler:
        prepare(path, duel.nodes[A])
        return Handler(duel, path, list(points))

    due: int = STORIES[story](duel, start)
    books = duel.audit()
    duel.chain.close()
    return {"won": books.won(A), "due": due, "points": duel.passed, "killed": duel.killed}


def jobs() -> Iterator[tuple[str, bool, Path, list[int]]]:
    for story, anchors, folder, points in json.load(sys.stdin):
        yield story, anchors, Path(folder), points


def main() -> None:
    for story, anchors, folder, points in jobs():
        print(json.dumps(run(story, anchors, folder, points)), flush=True)


if __name__ == "__main__":
    main()
