"""What can happen to two nodes that the specification's world accompanies: each move ends with the comparison.

Loaded by conftest.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import forgery  # type: ignore[import-not-found]
from jumping import JumpingLoop, fixed_chance  # type: ignore[import-not-found]
from lockstep import NAMES, Lockstep  # type: ignore[import-not-found]
from mirror import Astray, Mirror  # type: ignore[import-not-found]
from stories import _lost  # type: ignore[import-not-found]
from town import CAPACITY_SAT, PURSE_SAT, PUSHED_SAT, Died, Town  # type: ignore[import-not-found]

from boltchain.addresses import script_of
from boltchain.block import parse_block, subsidy_sat
from boltchain.server.acceptance import Refusal
from boltchain.transaction import parse_transaction as parse_real
from boltnode.channels.happenings import Turn
from boltnode.channels.slot import Slot
from boltnode.channels.turns import Turns
from boltspec.htlc import LOCAL
from boltspec.lifetime.state import End
from boltwire.codec import decode_message, encode_message
from boltwire.commitment_signatures import complete_commitment

AMOUNTS_MSAT = (1, 353_999, 354_000, 1_200_999, 5_000_000, 60_000_001, 250_000_000, 5_000_000_000)
"""Dust, the dust limit and a millisatoshi below it, odd ones, large ones, and more than the channel has."""
FEERATES_PER_KW = (500, 1_000, 1_500, 4_000)
DEEPEST = 2
"""Blocks that a reorganisation undoes: the R that nodes reckon with."""
BLOCKS_TOGETHER = 8
"""Mined at a time once no channel lives."""
WORTHLESS_SAT = 1_000
"""An HTLC below that may cost more than it brings."""
MOST_BLOCKS = 450
"""Until everything of a channel that was closed on the chain must be resolved."""
PATIENCE_SECONDS = 100
"""A payment gives up after 60 s without its peer."""


@dataclass
class Payment:
    """A payment that was asked for."""

    payer: int
    bolt11: str
    label: str
    amount_msat: int
    known: bool
    """The payee has the invoice."""
    task: asyncio.Future[Any]


class Moves(Lockstep):  # type: ignore[misc]
    """The two nodes, and all that may happen to them."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.payments: list[Payment] = []
        self.asked: list[asyncio.Future[Any]] = []
        self.numbers = iter(range(1_000_000))
        self.wealth_sat = 0
        """What both wallets were given."""
        self.counts: dict[str, int] = {}
        """How often what has happened."""

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def _ask(self, seat: int, method: str, **parameters: object) -> asyncio.Future[Any]:
        """Ask for something, and do not wait for the answer."""
        task: asyncio.Future[Any] = asyncio.ensure_future(self.town.nodes[seat].ask(method, **parameters))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.town.tasks.add(task)
        self.asked.append(task)
        return task

    # --- beginning ---

    async def begin(self) -> None:
        """Two nodes that have met, each with a purse."""
        self.town.chain.mine()  # what others have left in the pool
        for seat, name in enumerate(NAMES):
            await self.town.begin(seat, self.town.folder / name)
        for seat in (0, 1):
            address = (await self.town.nodes[seat].ask("newaddr", addresstype="p2tr"))["p2tr"]
            self.town.chain.fund(script_of(address, "regtest"), PURSE_SAT)
            self.wealth_sat += PURSE_SAT
            await self.calm()
        self.first_height = self.town.chain.height + 1
        await self.follow()

    @property
    def is_connected(self) -> bool:
        """The nodes have met."""
        return self.town.wire is not None and not self.town.wire.is_cut

    def alive(self, seat: int = 0) -> list[Mirror]:
        """The channels of a node that have not ended."""
        return [entry for entry in self.mirrors[seat] if entry.life.end is End.NONE and entry.life.channel is not None]

    async def open(self, opener: int, *, straight: bool) -> None:
        """Open a channel; straight through, or up to the first message."""
        if not self.is_connected or len(self.mirrors[0]) + len(self.mirrors[1]) + len(self.money) > 2:
            return
        self.count("open")
        self._ask(opener, "fundchannel", id=self.town.nodes[1 - opener].node_id.hex(), amount=CAPACITY_SAT,
                  push_msat=PUSHED_SAT * 1000)  # fmt: skip
        await self.follow()
        if straight:
            await self.settle()
            await self.mine(1)
            await self.settle()

    # --- money ---

    async def pay(self, payer: int, amount_msat: int, *, known: bool = True) -> None:
        """Ask the payer to pay an invoice of the other, or one that the other has never made."""
        label = f"payment {next(self.numbers)}"
        payee = self.town.nodes[1 - payer]
        made = await payee.ask("invoice", amount_msat=amount_msat, label=label, description="in lockstep")
        bolt11 = made["bolt11"] if known else _lost(payee, made["bolt11"])
        self.count("pay" if known else "pay unknown")
        task = self._ask(payer, "pay", bolt11=bolt11)
        self.payments.append(Payment(payer, bolt11, label, amount_msat, known, task))
        await self.follow()

    async def change_fee(self, feerate_per_kw: int) -> None:
        """The chain becomes dearer or cheaper, which nodes learn with the next block."""
        self.count("fee")
        self.town.feerate_per_kw = feerate_per_kw
        await self.mine(1)

    # --- messages ---

    async def deliver(self, seat: int) -> None:
        """Let the first message of a sender arrive, if there is one."""
        wire = self.town.wire
        if self.is_connected and wire.queues[seat]:
            self.count("deliver")
            await wire.deliver(seat)
            await self.follow()

    async def settle(self) -> None:
        """Let everything arrive."""
        while self.is_connected and not self.town.wire.is_empty:
            for seat in (0, 1):
                await self.deliver(seat)

    async def cut(self, *, at_once_after: int | None = None) -> None:
        """Lose the connection and all that is under way; perhaps right when a message has been heard."""
        if not self.is_connected:
            return
        self.count("cut")
        self.town.is_apart = True
        wire = self.town.wire
        if at_once_after is not None and wire.queues[at_once_after]:
            await wire.deliver(at_once_after)
        wire.cut()
        await self.follow()

    async def meet(self) -> None:
        """Connect again."""
        self.town.is_apart = False
        if not self.is_connected:
            self.count("meet")
            self.town.connect()
            await self.follow()

    # --- crashes ---

    async def kill(self, seat: int, *, blocks: int = 0) -> None:
        """Kill a node that has nothing to do, and start it from its files, so many blocks later."""
        self.count("kill")
        self.town.nodes[seat].die()
        for _ in range(blocks):
            self._mine()
        await self.follow()

    @contextmanager
    def _fuse(self, points: int) -> Iterator[None]:
        self.town.points.clear()
        self.town.kill_at, self.town.armed = frozenset({points}), True
        try:
            yield
        finally:
            self.town.armed = False

    async def kill_within(self, points: int, move: Coroutine[Any, Any, None], *, words: bool = False) -> None:
        """Kill whichever node comes to a point within a move; its last words arrive, or do not."""
        deaths, self.town.delivers_last_words = self.town.deaths, words
        with self._fuse(points), suppress(Died):
            await move
        await self.follow()
        self.town.delivers_last_words = False
        if self.town.deaths > deaths:
            self.count("kill within")

    # --- chain ---

    async def mine(self, blocks: int) -> None:
        """Mine, block by block, what waits."""
        for _ in range(blocks):
            self.count("mine")
            self._mine()
            await self.follow()

    def _mine(self) -> None:
        chain = self.town.chain
        self.town.fees_sat += chain.mine()
        self._note_block(chain.height)

    def _note_block(self, height: int) -> None:
        state = self.town.chain.node.chain
        found = state.books.hash_at(height)
        block = parse_block(state.raw_block(state.entry(found)))
        self.blocks[height] = block
        self.eye.block(block, height)

    async def reorganise(self, depth: int) -> None:
        """Replace the last blocks by empty ones, one more of them."""
        chain = self.town.chain
        depth = min(depth, chain.height - self.first_height + 1, len(self.blocks))
        if depth < 1:
            return
        self.count("reorganise")
        top = chain.height
        for height in range(top, top - depth, -1):
            block = self.blocks.pop(height)
            paid = sum(output.amount_sat for output in block.transactions[0].outputs) - subsidy_sat(height)
            self.town.fees_sat -= paid
            self.eye.block_gone(height)
        chain.branch(top - depth, depth + 1)
        for height in range(top - depth + 1, top + 2):
            self._note_block(height)
        await self.follow()

    # --- closing ---

    async def close(self, seat: int, which: int = 0) -> None:
        """Ask to close one of the channels together."""
        for mirror in self.alive(seat)[which : which + 1]:
            if mirror.life.is_open:
                self.count("close")
                self._ask(seat, "close", id=mirror.channel_id.hex(), unilateraltimeout=0)
                await self.follow()

    async def close_alone(self, seat: int, which: int = 0) -> None:
        """Ask to close one of the channels, and do not wait for the other longer than a second."""
        for mirror in self.alive(seat)[which : which + 1]:
            self.count("close alone")
            self.gives_up.add((seat, mirror.channel_id))
            self._ask(seat, "close", id=mirror.channel_id.hex(), unilateraltimeout=1)
            await self.follow()
            await asyncio.sleep(1.5)
            await self.follow()

    # --- corruption ---

    async def forge(self, seat: int, choice: int) -> None:
        """Let a node hear what the other has not sent; from then on nothing is asked of that other one."""
        if not self.is_connected or self.corrupt - {seat}:
            return
        made = self._forged(seat, choice)
        if made is None:
            return
        self.count(f"forge {type(made).__name__}")
        self.corrupt |= {seat}
        self.town.wire.queues[seat].insert(0, encode_message(made))
        await self.town.wire.deliver(seat)
        await self.follow()

    def _forged(self, seat: int, choice: int) -> Any:
        kind, choice = choice % 3, choice // 3
        queue, said = self.town.wire.queues[seat], self.eye.said_bytes[seat]
        options: list[Any]
        if kind == 0 and queue:
            options = [forgery.altered(decode_message(queue.pop(0)), choice)]
        elif kind == 1 and said:
            options = [decode_message(entry) for entry in said[-12:]]
        else:
            options = [
                made for mirror in self.mirrors[seat]
                for made in forgery.forgeries(mirror.life, mirror.known, mirror.channel_id, seat)
            ]  # fmt: skip
        options = [entry for entry in options if forgery.can_be_sent(entry)]
        return options[choice % len(options)] if options else None

    async def cheat(self, seat: int, choice: int) -> None:
        """Publish an old commitment of a node."""
        for mirror in self.mirrors[seat]:
            channel, machine = mirror.life.channel, self.machine(seat, mirror)
            if channel is None or machine is None or self.corrupt - {seat}:
                continue
            old = [number for number in mirror.known.signed[LOCAL] if number < channel.local_revocations]
            if not old:
                continue
            fact, signatures = mirror.known.signed[LOCAL][old[choice % len(old)]]
            built = mirror.known.build(LOCAL, fact)
            real = complete_commitment(built, signatures.signature, machine.keys.funding_key)
            with suppress(Refusal):
                self.town.chain.node.accept(parse_real(real.serialize()))
                self.count("cheat")
                self.corrupt |= {seat}
            await self.mine(1)

    # --- the end ---

    async def finish(self) -> None:
        """Let all settle; then each payment has ended, and each has what it is due."""
        await self.meet()
        await self.settle()
        await self._await_payments()
        await self._bury()
        self._count_ends()
        await self._require_payments()
        self._require_wealth()
        for seat in {0, 1} - self.corrupt:
            await self._require_due(seat)

    async def _close_all(self) -> None:
        """Let an honest node close what is open and not being closed: alone, if the other is corrupt."""
        for seat in {0, 1} - self.corrupt:
            for which, mirror in enumerate(self.alive(seat)):
                machine = self.machine(seat, mirror)
                if machine is not None and machine.record.closer is None and mirror.life.is_open:
                    await (self.close_alone if self.corrupt else self.close)(seat, which)
                    await self.settle()

    def _count_ends(self) -> None:
        """How the channels have ended on the chain."""
        for money in self.money.values():
            if any(money.ledger.punished):
                self.count("punished")
            elif money.ledger.closing is not None:
                self.count("ended together" if money.closing is None else "ended alone")

    async def _pending(self) -> list[Payment]:
        found = []
        for payment in self.payments:
            rows = (await self.town.nodes[payment.payer].ask("listpays", bolt11=payment.bolt11))["pays"]
            if rows and rows[0]["status"] == "pending":
                found.append(payment)
        return found

    async def _await_payments(self) -> None:
        """Payments go on as long as the channel lives and both are there."""
        for _ in range(PATIENCE_SECONDS // 5):
            if not await self._pending():
                return
            await asyncio.sleep(5)
            await self.follow()
            await self.meet()
            await self.settle()

    async def _bury(self) -> None:
        """Mine until nothing of any channel is left to be done."""
        for _ in range(MOST_BLOCKS):
            await self._close_all()
            if not self._is_watched() and not len(self.town.chain.node.pool):
                return
            await self.meet()
            await self.settle()
            if self.alive(0) or self.alive(1):
                await self.mine(1)
            else:
                await self._mine_together(BLOCKS_TOGETHER)
        raise Astray(f"nodes still watch channels after {MOST_BLOCKS} blocks: {self.town.picture()}")

    async def _mine_together(self, blocks: int) -> None:
        """Mine, and look at the nodes once they have seen it all."""
        for _ in range(blocks):
            self._mine()
            await self.calm()
        await self.follow()

    def _is_watched(self) -> bool:
        """Whether a node has a channel with a confirmed funding output, which it will bring to an end."""
        return any(
            machine.record.funding_height is not None and not self._is_worthless(machine.record.channel_id)
            for seat in {0, 1} - self.corrupt
            for machine in self.town.nodes[seat].machines
        )

    def _is_worthless(self, channel_id: bytes) -> bool:
        """Whether nothing is left of a channel but HTLCs that no transaction pays for.

        The node watches it for ever, and a payment of that amount stays pending: it has no rule yet for giving up what
        is worth less than its claim.
        """
        money = self.money.get(channel_id)
        return money is not None and bool(left := money.worthless(WORTHLESS_SAT)) and money.is_old(left)

    @property
    def _has_worthless(self) -> bool:
        return any(self._is_worthless(channel_id) for channel_id in self.money)

    async def _require_payments(self) -> None:
        lost_msat = WORTHLESS_SAT * 1000 if self._has_worthless else 0
        pending = [
            payment for payment in await self._pending()
            if payment.payer not in self.corrupt and payment.amount_msat >= lost_msat
        ]  # fmt: skip
        if pending:
            raise Astray(f"payments have not ended: {pending}")
        for payment in self.payments:
            rows = (await self.town.nodes[payment.payer].ask("listpays", bolt11=payment.bolt11))["pays"]
            (invoice,) = (await self.town.nodes[1 - payment.payer].ask("listinvoices", label=payment.label))["invoices"]
            made = bool(rows) and rows[0]["status"] == "complete"
            if made and not payment.known:
                raise Astray("a payment was made whose preimage nobody has")
            self.count("made" if made else "not made")
            together = not self.corrupt and all(money.closing is None for money in self.money.values())
            if together and payment.known and made != (invoice["status"] == "paid"):
                raise Astray(f"the payment has ended in two ways: {rows} {invoice}")

    def _require_wealth(self) -> None:
        """Nothing has come from nowhere, nothing is lost but fees; what each honest party is due has reached it."""
        coins = sum(node.coins_sat() for node in self.town.nodes)
        left = sum(int(coin.amount_sat) for money in self.money.values() for coin in money.left().values())
        if coins + left + self.town.fees_sat != self.wealth_sat:
            spent = self.town.fees_sat
            raise Astray(f"{self.wealth_sat} were given, {coins} are in wallets, {left} left, {spent} in fees")

    async def _require_due(self, seat: int) -> None:
        """An honest party has what its channels began with and what payments have brought, less fees and dust."""
        due_msat = sum(int(money.initial_msat[seat]) for money in self.money.values())
        for payment in self.payments:
            if payment.payer == seat:
                rows = (await self.town.nodes[seat].ask("listpays", bolt11=payment.bolt11))["pays"]
                due_msat -= payment.amount_msat if rows and rows[0]["status"] == "complete" else 0
            else:
                (row,) = (await self.town.nodes[seat].ask("listinvoices", label=payment.label))["invoices"]
                due_msat += payment.amount_msat if row["status"] == "paid" else 0
        got = sum(int(money.received_sat()[seat]) for money in self.money.values())
        lost = due_msat // 1000 - got
        bound = sum(money.costs_sat(seat) for money in self.money.values()) + len(self.payments) + 1
        if lost > bound:
            raise Astray(f"{NAMES[seat]} is due {due_msat} msat, got {got} sat, and fees and dust were {bound} sat")
        for money in self.money.values():
            for coin in money.left().values():
                if money.belongs_to(coin, seat):
                    raise Astray(f"{NAMES[seat]} has left {coin}")


@contextmanager
def dropped_words_are_seen(moves: Moves) -> Iterator[None]:
    """What a node wanted to say on a connection that is lost by then is noted."""
    release = Turns._release

    def noted(turns: Turns, slot: Slot, turn: Turn, epoch: int) -> None:
        seat = next((node.seat for node in moves.town.nodes if node.engine._turns is turns), None)
        if seat is not None:
            gone = moves.town.nodes[seat].peer_or_none is None or epoch != slot.epoch
            for message in turn.out.messages if gone else ():
                moves.eye.unsaid(seat, encode_message(message))
        release(turns, slot, turn, epoch)

    with patch.object(Turns, "_release", noted):
        yield


class Stage:
    """A town, its moves, and the loop in which they happen: for callers who wait for nothing."""

    def __init__(self, town: Town, seed: int = 7) -> None:
        self.moves = Moves(town)
        self._chance = fixed_chance(seed)
        self._chance.__enter__()
        self._words = dropped_words_are_seen(self.moves)
        self._words.__enter__()
        self._runner = asyncio.Runner(loop_factory=JumpingLoop)
        self._runner.__enter__()
        failures = town.failures
        self._runner.get_loop().set_exception_handler(
            lambda _, context: failures.append(context.get("exception") or Astray(context["message"]))
        )

    def do(self, move: Coroutine[Any, Any, Any]) -> Any:
        """Let a move happen, to its end."""
        return self._runner.run(move)

    def close(self) -> None:
        """Nothing is left behind."""
        with suppress(Exception):
            self.do(self._clear())
        self._runner.close()
        self._words.__exit__(None, None, None)
        self._chance.__exit__(None, None, None)

    async def _clear(self) -> None:
        town = self.moves.town
        for node in town.nodes:
            node.dead = True
            node.bury()
        for task in tuple(town.tasks):
            task.cancel()
        await asyncio.gather(*town.tasks, return_exceptions=True)
