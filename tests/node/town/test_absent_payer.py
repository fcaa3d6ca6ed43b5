"""The payer is gone before it can be told that it is paid for: either both sides call it paid, or none does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from boltchain.addresses import script_of
from boltnode.onchain.record import TIMING
from boltnode.rpc.errors import RpcError
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.lifetime.state import End
from boltwire import messages as wire

AMOUNT_MSAT = 100_000_000
CALM_SECONDS = 1
"""By the clock that jumps."""


async def pays(town: Any, bolt11: str) -> None:
    with suppress(RpcError):
        await town.alice.ask("pay", bolt11=bolt11)


async def hang_up_after_revocation(town: Any) -> str:
    """Alice pays, and is gone as soon as Bob has her revocation: the HTLC is irrevocable. The payment request."""
    invoice = await town.bob.ask("invoice", amount_msat=AMOUNT_MSAT, label="x", description="")
    received, is_gone = town.bob.engine.received, list[bool]()

    async def receive(peer: Any, message: Any) -> None:
        await received(peer, message)
        if isinstance(message, wire.RevokeAndAck) and not is_gone:
            is_gone.append(True)
            town.is_apart = True
            town.wire.cut()

    town.bob.engine.received = receive
    town.spawn(pays(town, invoice["bolt11"]))
    await town.until("Alice is gone", lambda: is_gone)
    await asyncio.sleep(CALM_SECONDS)
    return str(invoice["bolt11"])


async def ends(town: Any, bolt11: str) -> tuple[str, str]:
    """What Bob says of the invoice, and Alice of the payment."""
    (invoice,) = (await town.bob.ask("listinvoices", label="x"))["invoices"]
    (payment,) = (await town.alice.ask("listpays", bolt11=bolt11))["pays"]
    return invoice["status"], payment["status"]


def expiry(town: Any) -> int:
    (htlc,) = town.bob.channel(town.channel_id).htlcs.items
    return int(htlc.cltv_expiry)


async def mine_to(town: Any, height: int) -> None:
    while town.chain.height < height:
        town.chain.mine()
        await town.until("both have seen the block", town._is_seen)
        await asyncio.sleep(CALM_SECONDS)


def test_payer_that_never_comes_back_has_not_paid(new_town: Callable[..., Any], towns: Any, stories: Any) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        bolt11 = await hang_up_after_revocation(town)
        assert await ends(town, bolt11) == ("unpaid", "pending")
        await mine_to(town, expiry(town) + int(TIMING.cltv_expiry_delta))
        assert await ends(town, bolt11) == ("unpaid", "failed")

    towns.run(new_town("never back"), story)


@pytest.mark.parametrize("blocks", [0, 1, 2, 22], ids=lambda blocks: f"{blocks} blocks later")
def test_payer_that_comes_back_has_paid_if_the_htlc_can_still_be_claimed(
    blocks: int, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """The invoice asks for 24 blocks and the payer gives one more; with 18 the channel would have to be failed."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        bolt11 = await hang_up_after_revocation(town)
        await mine_to(town, town.chain.height + blocks)
        town.is_apart = False
        town.connect()
        await town.until("the payment has ended", lambda: not town.alice.services.payments.pending)
        await town.quiet()
        assert await ends(town, bolt11) == (("paid", "complete") if blocks < 2 else ("unpaid", "failed"))
        assert [node.machine(town.channel_id).life.end for node in town.nodes] == [End.NONE, End.NONE]

    towns.run(new_town("back"), story)


def test_claim_that_was_decided_is_enforced_though_the_payer_was_not_told(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """The connection is lost while the claim is on its way to the disk: the invoice is paid, so the HTLC is owed."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        script = script_of((await town.bob.ask("newaddr", addresstype="bech32"))["bech32"], "regtest")
        for _ in range(3):  # to have the commitment and the claim confirmed
            town.chain.fund(script, 100_000)
        await stories.open_channel(town)
        invoice = await town.bob.ask("invoice", amount_msat=AMOUNT_MSAT, label="x", description="")
        decide = town.bob.engine._paying.decide

        def decided(slot: Any, work: Any) -> None:
            decide(slot, work)
            if not town.is_apart and any(entry.answer is not None for entry in slot.machine.record.received):
                town.is_apart = True
                town.wire.cut()

        town.bob.engine._paying.decide = decided
        town.spawn(pays(town, invoice["bolt11"]))
        await town.until("Alice is gone", lambda: town.is_apart)
        await asyncio.sleep(CALM_SECONDS)
        assert await ends(town, invoice["bolt11"]) == ("paid", "pending")
        await mine_to(town, expiry(town) + int(TIMING.cltv_expiry_delta))
        assert await ends(town, invoice["bolt11"]) == ("paid", "complete")

    towns.run(new_town("not told"), story)


def test_payment_that_ends_while_it_waits_for_the_peer_is_not_offered(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """An HTLC that was given up before is claimed late, while the second attempt waits: it would pay twice."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        invoice = await town.bob.ask("invoice", amount_msat=AMOUNT_MSAT, label="x", description="")
        town.is_apart = True
        town.wire.cut()
        town.spawn(pays(town, invoice["bolt11"]))
        alice = town.alice.services
        await town.until("the payment waits", lambda: alice.payments.pending)
        work = UnitOfWork()
        record = town.bob.services.invoices.unpaid(bytes.fromhex(invoice["payment_hash"]))
        alice.payments.complete(work, record.preimage, AMOUNT_MSAT)
        await alice.commits.submit(work)
        town.is_apart = False
        town.connect()
        await town.quiet()
        assert await ends(town, invoice["bolt11"]) == ("unpaid", "complete")
        assert town.bob.channel(town.channel_id).next_remote_htlc_id == 0

    towns.run(new_town("ended meanwhile"), story)
