"""The first story: a channel from its opening to its close, in agreement."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

from boltnode.demo.stage import MATURE, DemoFailed, RefusedByNode, Stage
from boltwire.bolt11 import decode

CAPACITY_SAT: Final = 1_000_000
TEA_SAT, CAKE_SAT = 250_000, 100_000
LOST_PREIMAGE: Final = b"a preimage that Bob never wrote."


async def tell(stage: Stage) -> None:
    """Open, pay both ways, fail a payment and see it refunded, close together."""
    await _fund(stage)
    tea = await _buy_tea(stage)
    await _buy_cake(stage)
    await _pay_what_is_lost(stage, like=tea)
    await _close(stage)


async def _fund(stage: Stage) -> None:
    stage.step("Alice mines a block, and waits until she can spend its reward.")
    address = (await stage.alice.ask("newaddr", addresstype="p2tr"))["p2tr"]
    await stage.mine(to=address)
    await stage.mine(MATURE)
    await stage.show()

    stage.step("She connects to Bob and opens a channel; its funding transaction is confirmed.")
    await open_channel(stage)
    await _hold(stage, CAPACITY_SAT, 0)


async def _buy_tea(stage: Stage) -> str:
    """Alice's payment; Bob's invoice."""
    stage.step(f"Bob sells tea: Alice pays him {TEA_SAT:,} sat, with no transaction on the chain.")
    tea = await stage.bob.ask("invoice", amount_msat=TEA_SAT * 1000, label="tea", description="a lot of tea")
    paid = await stage.alice.ask("pay", bolt11=tea["bolt11"])
    stage.say(f"    the preimage is the receipt: {paid['payment_preimage']}")
    await stage.until_settled()
    await _hold(stage, CAPACITY_SAT - TEA_SAT, TEA_SAT)
    return str(tea["bolt11"])


async def _buy_cake(stage: Stage) -> None:
    stage.step(f"Alice sells cake: Bob pays her {CAKE_SAT:,} sat.")
    cake = await stage.alice.ask("invoice", amount_msat=CAKE_SAT * 1000, label="cake", description="some cake")
    await stage.bob.ask("pay", bolt11=cake["bolt11"])
    await stage.until_settled()
    await _hold(stage, CAPACITY_SAT - TEA_SAT + CAKE_SAT, TEA_SAT - CAKE_SAT)


async def _pay_what_is_lost(stage: Stage, *, like: str) -> None:
    stage.step("Alice pays an invoice that Bob has lost: he gives the HTLC back, and she is refunded.")
    try:
        await stage.alice.ask("pay", bolt11=_lost_invoice(stage, like))
    except RefusedByNode as refusal:
        stage.say(f"    refused: {refusal}")
    else:
        raise DemoFailed("a payment that nobody can claim was made")
    await stage.until_settled()
    await _hold(stage, CAPACITY_SAT - TEA_SAT + CAKE_SAT, TEA_SAT - CAKE_SAT)


async def _close(stage: Stage) -> None:
    stage.step("They close the channel together, and each is paid on the chain.")
    before = (await stage.alice.balances(), await stage.bob.balances())
    closed = await stage.alice.ask("close", id=stage.bob.node_id)
    stage.expect(closed["type"], "mutual", "how the channel is closed")
    await stage.until("the closing transaction waits", stage.chain.mempool)
    (txid,) = await stage.chain.mempool()
    closing = stage.show_transaction("closing transaction", (await stage.chain.transaction(txid)).raw)
    await stage.mine()
    await stage.until_state("FUNDING_SPEND_SEEN")
    after = await stage.show()
    gains = [now.chain_sat - then.chain_sat for now, then in zip(after, before, strict=True)]
    fee = CAPACITY_SAT - sum(output.amount_sat for output in closing.outputs)
    stage.say(f"    the fee of {fee:,} sat was paid by whoever proposed the transaction")
    stage.expect(sum(gains), CAPACITY_SAT - fee, "what both are paid")
    owed = [then.channel_sat for then in before]
    stage.expect(sorted(share - gain for share, gain in zip(owed, gains, strict=True)), [0, fee], "who pays the fee")


async def open_channel(stage: Stage) -> str:
    """Open a channel from Alice to Bob; its id."""
    alice, bob = stage.alice, stage.bob
    at = (await bob.quietly("getinfo"))["binding"][0]
    await alice.ask("connect", id=bob.node_id, host=at["address"], port=at["port"])
    opened = await alice.ask("fundchannel", id=bob.node_id, amount=CAPACITY_SAT)
    stage.show_transaction("funding transaction", bytes.fromhex(opened["tx"]))
    await stage.until("the funding transaction waits", stage.chain.mempool)
    await stage.mine()
    await stage.until_state("CHANNELD_NORMAL")
    return str(opened["channel_id"])


async def _hold(stage: Stage, alice_sat: int, bob_sat: int) -> None:
    first, second = await stage.show()
    stage.expect((first.channel_sat, second.channel_sat), (alice_sat, bob_sat), "balances in the channel")


def _lost_invoice(stage: Stage, like: str) -> str:
    """An invoice with Bob's signature that is not in his books."""
    preimage_hash = hashlib.sha256(LOST_PREIMAGE).digest()
    invoice = replace(decode(like), payment_hash=preimage_hash, signature=None)
    return stage.bob.services.key.sign_invoice(invoice)
