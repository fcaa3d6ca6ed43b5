"""A wire that is cut at any message, and one that alters a message: nobody loses anything by it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from boltnode.rpc.errors import RpcError
from boltspec.lifetime.state import End
from boltwire.codec import decode_message, encode_message
from boltwire.messages import CommitmentSigned

LEAST = {"opening": 5, "paying": 20, "fee": 6, "closing": 4}
"""How many messages a story has at least while it can be disturbed."""

AMOUNT_SAT = 9_000
ANCHOR_SAT = 330


class Cutter:
    """Lets so many messages through, then cuts the wire once."""

    def __init__(self, town: Any, at: int = 0) -> None:
        self.town, self.at, self.seen = town, at, 0
        town.alter = self

    def __call__(self, _: int, message: bytes) -> bytes | None:
        if self.town.armed:
            self.seen += 1
        return None if self.town.armed and self.seen == self.at else message


@pytest.mark.parametrize(
    ("story", "simple_close"),
    [("opening", True), ("paying", True), ("fee", True), ("closing", True), ("closing", False)],
    ids=["opening", "paying", "fee", "simple close", "legacy close"],
)
def test_wire_is_cut_at_each_message_of(
    story: str, simple_close: bool, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """The message does not arrive, nor does anything behind it; then the nodes meet again."""
    town = new_town("whole", simple_close=simple_close)
    whole = Cutter(town)
    towns.run(town, getattr(stories, story))
    assert whole.seen >= LEAST[story]
    assert town.faults == town.hung_up == []
    for at in range(1, whole.seen + 1):
        town = new_town(f"at {at}", simple_close=simple_close)
        cutter = Cutter(town, at)
        try:
            towns.run(town, getattr(stories, story))
        except Exception as error:
            raise AssertionError(f"cut at message {at}: {error!r}") from error
        assert cutter.seen >= at
        assert town.faults == town.hung_up == []
        shutil.rmtree(town.folder)


def altered(message: bytes) -> bytes:
    """The message with another signature: still a lawful one, over something else."""
    signed = decode_message(message)
    assert isinstance(signed, CommitmentSigned)
    return encode_message(replace(signed, signature=signed.signature[:-1] + bytes([signed.signature[-1] ^ 1])))


@pytest.mark.parametrize(("signer", "anchors_left"), [(0, 2), (1, 1)], ids=["payer", "payee"])
def test_signature_of_commitment_signed_is_altered(
    signer: int, anchors_left: int, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """Both fail the channel; no payment is made, and on the chain each has what it had.

    Who got the signature publishes: the payer with a child that spends its anchor, the payee has no coin for one.
    """

    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        told = stories.Told(town)
        await stories.pay(told, 0, 5_000, "before")
        before, fees = [node.coins_sat() for node in town.nodes], town.fees_sat
        invoice = await town.bob.ask("invoice", amount_msat=AMOUNT_SAT * 1000, label="during", description="")
        done: list[int] = []

        def alter(seat: int, message: bytes) -> bytes:
            if seat == signer and not done and isinstance(decode_message(message), CommitmentSigned):
                done.append(seat)
                return altered(message)
            return message

        town.alter = alter
        paying = asyncio.ensure_future(town.alice.ask("pay", bolt11=invoice["bolt11"]))
        await town.until("both have failed", lambda: all(is_failed(town, node) for node in town.nodes))
        assert "B02-commitment-signed-r-01" in town.nodes[1 - signer].machine(town.channel_id).record.failure
        await town.until("a commitment waits", lambda: len(town.chain.node.pool))
        for _ in range(200):
            town.fees_sat += town.chain.mine()
            await town.until("both have seen the block", town._is_seen)
            await asyncio.sleep(1)
        with suppress(RpcError):
            await paying
        (payment,) = (await town.alice.ask("listpays", bolt11=invoice["bolt11"]))["pays"]
        assert payment["status"] == "failed"
        gains = [node.coins_sat() - had for node, had in zip(town.nodes, before, strict=True)]
        lost = [due - gain for due, gain in zip(told.due_sat(), gains, strict=True)]
        assert sum(lost) == town.fees_sat - fees + anchors_left * ANCHOR_SAT
        assert all(0 < each < AMOUNT_SAT // 2 for each in lost)

    towns.run(new_town("altered"), story)


def is_failed(town: Any, node: Any) -> bool:
    found: bool = node.machine(town.channel_id).life.end is End.FAILED
    return found
