"""What two nodes live through, written so that it goes on whenever one of them dies. Loaded by conftest.py."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from town import CAPACITY_SAT, PURSE_SAT, PUSHED_SAT, Died, Town, TownNode  # type: ignore[import-not-found]

from boltchain.addresses import script_of
from boltnode.rpc.errors import RpcError
from boltspec.commitment import View, feerate
from boltspec.lifetime.state import End
from boltwire.bolt11 import decode

LOST_PREIMAGE = b"a preimage that Bob never wrote."


@dataclass
class Told:
    """What has become of a story, as far as money is concerned."""

    town: Town
    complete: list[tuple[int, int]] = field(default_factory=list)
    """Payer's seat and amount in satoshi of each payment that was made."""
    failed: int = 0

    def due_sat(self) -> tuple[int, int]:
        """What each node has in the channel by now."""
        alice = CAPACITY_SAT - PUSHED_SAT - sum(-amount if payer else amount for payer, amount in self.complete)
        return alice, CAPACITY_SAT - alice


async def persist(town: Town, attempt: Callable[[], Awaitable[object]]) -> None:
    """Ask for something until it is answered, whoever dies meanwhile."""
    while True:
        with suppress(Died):
            await attempt()
            return
        await town.until("the dead are succeeded", lambda: True)


# --- opening ---


async def fund(town: Town) -> None:
    """Give Alice a purse."""
    address = (await town.alice.ask("newaddr", addresstype="p2tr"))["p2tr"]
    town.chain.fund(script_of(address, "regtest"), PURSE_SAT)
    await town.until("both have seen the block", town._is_seen)


async def open_channel(town: Town) -> None:
    """Until both nodes have the channel, and its funding transaction is confirmed."""
    wanted = {"amount": CAPACITY_SAT, "push_msat": PUSHED_SAT * 1000}
    while not any(machine.channel is not None for machine in town.alice.machines):
        await town.quiet()
        with suppress(Died, RpcError):
            await town.alice.ask("fundchannel", id=town.bob.node_id.hex(), **wanted)
        await town.quiet()
    (machine,) = (machine for machine in town.alice.machines if machine.channel is not None)
    town.channel_id = machine.record.channel_id
    await town.until("the funding transaction waits", lambda: len(town.chain.node.pool))
    await town.mine()
    await town.until("the channel is open", lambda: all(_is_open(town, node) for node in town.nodes))
    await town.quiet()


def _is_open(town: Town, node: TownNode) -> bool:
    assert town.channel_id is not None
    machine = node.machine(town.channel_id)
    return machine is not None and machine.life.is_open


# --- paying ---


async def pay(told: Told, payer: int, amount_sat: int, label: str, *, unknown: bool = False) -> None:
    """Pay, and wait until the payment has ended; it has ended alike for both, and is made at most once."""
    town = told.town
    bolt11 = await _invoice(town, 1 - payer, amount_sat, label)
    if unknown:
        bolt11 = _lost(town.nodes[1 - payer], bolt11)
    while not (rows := await _payments(town, payer, bolt11)):
        with suppress(Died, RpcError):
            await town.nodes[payer].ask("pay", bolt11=bolt11)
        await town.until("somebody lives", lambda: True)
    while rows[0]["status"] == "pending":
        await town.quiet()
        await asyncio.sleep(1)
        rows = await _payments(town, payer, bolt11)
    assert len(rows) == 1
    await town.quiet()
    if rows[0]["status"] == "complete":
        assert not unknown
        told.complete.append((payer, amount_sat))
    else:
        told.failed += 1
    await _require_books(town, 1 - payer, label, paid=rows[0]["status"] == "complete", amount_sat=amount_sat)
    require_balances(told)


async def _invoice(town: Town, payee: int, amount_sat: int, label: str) -> str:
    found: list[str] = []

    async def attempt() -> None:
        rows = (await town.nodes[payee].ask("listinvoices", label=label))["invoices"]
        made = (
            rows[0]
            if rows
            else await town.nodes[payee].ask(
                "invoice", amount_msat=amount_sat * 1000, label=label, description="for the story"
            )
        )
        found.append(made["bolt11"])

    await persist(town, attempt)
    return found[-1]


def _lost(payee: TownNode, like: str) -> str:
    """An invoice with the payee's signature that is not in its books."""
    preimage_hash = hashlib.sha256(LOST_PREIMAGE + like.encode()).digest()
    signed: str = payee.services.key.sign_invoice(replace(decode(like), payment_hash=preimage_hash, signature=None))
    return signed


async def _payments(town: Town, payer: int, bolt11: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    async def attempt() -> None:
        found[:] = (await town.nodes[payer].ask("listpays", bolt11=bolt11))["pays"]

    await persist(town, attempt)
    return found


async def _require_books(town: Town, payee: int, label: str, *, paid: bool, amount_sat: int) -> None:
    """The payee's invoice is paid if and only if the payer's payment is made."""

    async def attempt() -> None:
        (row,) = (await town.nodes[payee].ask("listinvoices", label=label))["invoices"]
        assert (row["status"] == "paid") is paid, (row, paid)
        assert row.get("amount_received_msat", 0) == (amount_sat * 1000 if paid else 0)

    await persist(town, attempt)


def require_balances(told: Told) -> None:
    """No HTLC is left, and each has what the payments that were made leave it."""
    town = told.town
    assert town.channel_id is not None
    for node, due in zip(town.nodes, told.due_sat(), strict=True):
        channel = node.channel(town.channel_id)
        assert not channel.htlcs.items
        assert int(channel.local_msat) == due * 1000, (told.complete, channel)


# --- fees ---


async def change_fee(town: Town, feerate_per_kw: int) -> None:
    """The chain becomes dearer or cheaper, and the commitments follow."""
    town.feerate_per_kw = feerate_per_kw
    await town.mine()
    await town.until("the feerate is changed", lambda: all(_has_feerate(town, node) for node in town.nodes))
    await town.quiet()


def _has_feerate(town: Town, node: TownNode) -> bool:
    assert town.channel_id is not None
    channel = node.channel(town.channel_id)
    return all(int(feerate(channel, view)) == town.feerate_per_kw for view in View)  # type: ignore[call-overload]


# --- closing ---


async def close(told: Told, closer: int) -> None:
    """Close together; then every satoshi is on the chain, with whom it belongs to."""
    town = told.town
    before = [node.coins_sat() for node in town.nodes]
    fees_before = town.fees_sat
    assert town.channel_id is not None
    while not len(town.chain.node.pool):
        await town.quiet()
        if town.nodes[closer].machine(town.channel_id).life.end is not End.NONE:
            break
        with suppress(Died, RpcError):
            await town.nodes[closer].ask("close", id=town.channel_id.hex())
        await town.quiet()
        await asyncio.sleep(1)
    await town.mine()
    await town.until("both know that it is closed", lambda: all(_is_closed(town, node) for node in town.nodes))
    await town.quiet()
    fee = town.fees_sat - fees_before
    gains = [node.coins_sat() - had for node, had in zip(town.nodes, before, strict=True)]
    owed = told.due_sat()
    assert sum(gains) + fee == CAPACITY_SAT
    lost = sorted(due - gain for due, gain in zip(owed, gains, strict=True))
    assert lost == [0, fee], (gains, owed, fee)
    assert fee > 0


def _is_closed(town: Town, node: TownNode) -> bool:
    assert town.channel_id is not None
    machine = node.machine(town.channel_id)
    return machine is None or (machine.life.end is End.CLOSED and machine.record.spent_height is not None)


# --- the stories; what is armed is what is crashed ---


async def opening(town: Town) -> None:
    """Open; then the channel is good for a payment and a close."""
    await fund(town)
    town.armed = True
    await open_channel(town)
    town.armed = False
    told = Told(town)
    await pay(told, 0, 5_000, "afterwards")
    assert told.complete == [(0, 5_000)]
    await close(told, 0)


async def paying(town: Town) -> None:
    """Pay both ways, each way once in vain; then pay once more, and close."""
    told = await _opened(town)
    town.armed = True
    await pay(told, 0, 50_000, "tea")
    await pay(told, 1, 20_000, "cake")
    await pay(told, 0, 30_000, "lost", unknown=True)
    await pay(told, 1, 10_000, "lost too", unknown=True)
    town.armed = False
    await _finish(told)


async def fee(town: Town) -> None:
    """Change the fee up and down."""
    told = await _opened(town)
    town.armed = True
    await change_fee(town, 1_500)
    await change_fee(town, 1_000)
    town.armed = False
    await _finish(told)


async def closing(town: Town) -> None:
    """Close, whoever wants to."""
    told = await _opened(town)
    await pay(told, 0, 50_000, "tea")
    town.armed = True
    await close(told, 0)


async def _opened(town: Town) -> Told:
    await fund(town)
    await open_channel(town)
    return Told(town)


async def _finish(told: Told) -> None:
    before = len(told.complete)
    await pay(told, 0, 1_000, "once more")
    assert len(told.complete) == before + 1
    await close(told, 1)
