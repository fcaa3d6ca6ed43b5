"""A node whose files were put back to an earlier copy publishes nothing; its money comes from its peer's close."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boltnode.onchain.reading import Spender
from boltnode.options import DATABASE_NAME
from boltnode.rpc.errors import Code, RpcError
from boltnode.storage.errors import Corrupt
from boltnode.storage.newest_states import FILE_NAME
from boltspec.lifetime.state import End
from boltspec.rules import without
from boltwire.codec import decode_message
from boltwire.messages import Error, UpdateFulfillHtlc
from boltwire.transaction import parse_transaction

PAID_SAT = 50_000
PROTECTION = frozenset({"B02-retransmission-r-03", "B05-failing-channel-n-05"})
"""Not to publish a commitment that may be revoked: once that is proved, and before anything is heard."""
ANCHOR_SAT = 330


class Watcher:
    """What Alice says of errors, and which transactions each node offers to the chain."""

    def __init__(self, town: Any, towns: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.errors: list[str] = []
        self.offered: list[tuple[int, bytes]] = []
        town.alter = self._hear
        asked = towns.DirectClient.call

        async def call(client: Any, method: str, *parameters: Any, **options: Any) -> Any:
            if method in ("sendrawtransaction", "submitpackage"):
                raws = parameters[0] if isinstance(parameters[0], list | tuple) else [parameters[0]]
                self.offered += [(client._node.seat, bytes.fromhex(raw)) for raw in raws]
            return await asked(client, method, *parameters, **options)

        monkeypatch.setattr(towns.DirectClient, "call", call)

    def _hear(self, seat: int, message: bytes) -> bytes:
        if seat == 0 and isinstance(said := decode_message(message), Error):
            self.errors.append(said.data.decode())
        return message

    def commitments_of(self, town: Any, seat: int) -> int:
        """How often a node has offered something that spends the funding output."""
        funding = town.bob.machine(town.channel_id).record.funding
        return sum(
            spent.outpoint == funding
            for sender, raw in self.offered
            if sender == seat
            for spent in parse_transaction(raw).inputs
        )


async def open_and_pay(town: Any, stories: Any) -> tuple[Path, Any]:
    """A copy of Alice's folder from before a payment to Bob, and the books after it."""
    await stories.fund(town)
    await stories.open_channel(town)
    told = stories.Told(town)
    await stories.pay(told, 0, 1_000, "before the copy")
    copy = town.folder / "copy"
    shutil.copytree(town.alice.folder, copy)
    await stories.pay(told, 0, PAID_SAT, "after the copy")
    await town.mine()
    return copy, told


async def put_back(town: Any, copy: Path, *, whole: bool, meet: bool = True, **options: object) -> None:
    """End Alice, and begin her anew: in the copy, or with the copy's database in the folder that she had."""
    alice, folder = town.alice, copy
    if not meet:
        town.connect = lambda: None
    await alice.engine.stop()
    alice.dead = True
    town.wire.cut()
    alice.bury()
    if not whole:
        folder = town.folder / "put back"
        shutil.copytree(alice.folder, folder)
        for old in (folder / "regtest").glob(f"{DATABASE_NAME}*"):
            old.unlink()
        for kept in (copy / "regtest").glob(f"{DATABASE_NAME}*"):
            shutil.copy(kept, folder / "regtest")
        assert (folder / "regtest" / FILE_NAME).is_file()
    town.options = options
    await town.begin(0, folder)


def meet_again(town: Any) -> None:
    """Let the nodes meet that were kept apart."""
    del town.connect
    town.connect()


async def grow(town: Any, blocks: int) -> None:
    for _ in range(blocks):
        town.fees_sat += town.chain.mine()
        await town.until("both have seen the block", town._is_seen)
        await asyncio.sleep(1)


def end_of(town: Any, node: Any) -> End:
    end: End = node.machine(town.channel_id).life.end
    return end


def spender(town: Any) -> Spender:
    """What has spent the funding output, as Bob sees it."""
    found: Spender = town.bob.engine._on_chain._told[town.channel_id]
    return found


async def require_bobs_close(town: Any, told: Any, watcher: Watcher, before: list[int]) -> None:
    """Bob publishes; Alice publishes nothing, and each has in the end what it is due, less fees."""
    await town.until("Bob has failed the channel", lambda: end_of(town, town.bob) is End.FAILED)
    await town.until("his commitment waits", lambda: len(town.chain.node.pool))
    await grow(town, 160)
    assert spender(town) is Spender.LOCAL
    assert watcher.commitments_of(town, 0) == 0
    assert watcher.commitments_of(town, 1) > 0
    gains = [node.coins_sat() - had for node, had in zip(town.nodes, before, strict=True)]
    lost = [due - gain for due, gain in zip(told.due_sat(), gains, strict=True)]
    assert 0 < lost[0] < 5_000, "the fee of the commitment, which she opened, and of her claim"
    assert 0 <= lost[1] < 5_000


def purses(town: Any) -> list[int]:
    return [node.coins_sat() for node in town.nodes]


@pytest.mark.parametrize("whole", [True, False], ids=["the whole folder", "the database"])
def test_old_copy_is_told_by_the_peer_and_only_the_peer_closes(
    whole: bool, new_town: Callable[..., Any], towns: Any, stories: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = new_town("told")
    watcher = Watcher(town, towns, monkeypatch)

    async def story(town: Any) -> None:
        copy, told = await open_and_pay(town, stories)
        before = purses(town)
        await put_back(town, copy, whole=whole)
        await town.until("Alice has failed the channel", lambda: end_of(town, town.alice) is End.FAILED)
        channel = town.alice.channel(town.channel_id)
        assert channel.behind
        assert not town.alice.machine(town.channel_id).record.restored, "she knows now"
        await town.until("Bob is asked to close it", lambda: watcher.errors)
        assert "we have lost data" in watcher.errors[0]
        await require_bobs_close(town, told, watcher, before)

    towns.run(town, story)


def test_old_copy_closes_nothing_before_the_peer_is_heard(
    new_town: Callable[..., Any], towns: Any, stories: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was put back, and Bob is away: a close alone is refused, also by the next life in that folder."""
    town = new_town("away")
    watcher = Watcher(town, towns, monkeypatch)

    async def story(town: Any) -> None:
        copy, told = await open_and_pay(town, stories)
        before = purses(town)
        await put_back(town, copy, whole=False, meet=False)
        assert town.alice.machine(town.channel_id).record.restored
        with pytest.raises(RpcError, match="data was lost"):
            await town.alice.ask("close", id=town.channel_id.hex(), unilateraltimeout=1)
        await grow(town, 3)
        assert watcher.commitments_of(town, 0) == 0
        meet_again(town)
        await require_bobs_close(town, told, watcher, before)

    towns.run(town, story)


def test_old_copy_of_the_whole_folder_closes_nothing_when_its_owner_says_so(
    new_town: Callable[..., Any], towns: Any, stories: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = new_town("said")
    watcher = Watcher(town, towns, monkeypatch)

    async def story(town: Any) -> None:
        copy, _ = await open_and_pay(town, stories)
        await put_back(town, copy, whole=True, meet=False, restored=True)
        with pytest.raises(RpcError, match="data was lost"):
            await town.alice.ask("close", id=town.channel_id.hex(), unilateraltimeout=1)
        await grow(town, 3)
        assert watcher.commitments_of(town, 0) == 0

    towns.run(town, story)


@pytest.mark.parametrize("unprotected", [True, False], ids=["without the protection", "and nobody notices"])
def test_old_commitment_that_is_published_is_punished(
    unprotected: bool, new_town: Callable[..., Any], towns: Any, stories: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either the rules are off, or a copy of the whole folder is there and its owner does not say so."""
    town = new_town("punished")
    watcher = Watcher(town, towns, monkeypatch)

    async def story(town: Any) -> None:
        copy, _ = await open_and_pay(town, stories)
        before = purses(town)
        await put_back(town, copy, whole=not unprotected, meet=False)
        closed = await town.alice.ask("close", id=town.channel_id.hex(), unilateraltimeout=1)
        assert closed["type"] == "unilateral"
        assert watcher.commitments_of(town, 0) > 0
        await grow(town, 160)
        assert spender(town) is Spender.REVOKED
        gains = [node.coins_sat() - had for node, had in zip(town.nodes, before, strict=True)]
        assert gains[0] <= 0
        assert gains[1] > towns.CAPACITY_SAT - 10_000

    with without(PROTECTION if unprotected else frozenset()):
        towns.run(town, story)


def test_copy_that_is_not_old_goes_on_as_if_nothing_had_happened(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        _, told = await open_and_pay(town, stories)
        copy = town.folder / "new copy"
        shutil.copytree(town.alice.folder, copy)
        await put_back(town, copy, whole=False, restored=True)
        assert town.alice.machine(town.channel_id).record.restored
        await town.quiet()
        assert not town.alice.machine(town.channel_id).record.restored
        await stories.pay(told, 0, 2_000, "afterwards")
        await stories.close(told, 0)

    towns.run(new_town("new"), story)


# --- payments that are under way in the copy ---


async def begin_again(town: Any) -> None:
    """End Alice, and begin her anew where she was."""
    await put_back(town, town.alice.folder, whole=True)


async def require_doubt(town: Any, bolt11: str) -> None:
    """The payment is pending, for good, and says why; nobody pays it once more without a word."""
    (row,) = (await town.alice.ask("listpays", bolt11=bolt11))["pays"]
    assert row["status"] == "pending"
    with pytest.raises(RpcError, match="ask the payee") as refused:
        await town.alice.ask("pay", bolt11=bolt11)
    assert refused.value.code == Code.PAY_IN_PROGRESS


def test_payment_whose_htlc_is_in_the_copy_is_never_called_failed(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """Bob was paid; his commitment, which Alice does not know, has no trace of it."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        copy = town.folder / "copy"

        def alter(seat: int, message: bytes) -> bytes:
            if isinstance(decode_message(message), UpdateFulfillHtlc) and not copy.exists():
                shutil.copytree(town.alice.folder, copy)
            return message

        town.alter = alter
        bolt11 = (await town.bob.ask("invoice", amount_msat=PAID_SAT * 1000, label="tea", description=""))["bolt11"]
        assert (await town.alice.ask("pay", bolt11=bolt11))["status"] == "complete"
        await town.quiet()
        await put_back(town, copy, whole=True, restored=True)
        town.options = {}
        await town.until("Alice has failed the channel", lambda: end_of(town, town.alice) is End.FAILED)
        again = asyncio.ensure_future(town.alice.ask("pay", bolt11=bolt11))
        await town.until("Bob is to publish", lambda: len(town.chain.node.pool))
        await grow(town, 3)
        await begin_again(town)
        (row,) = (await town.alice.ask("listpays", bolt11=bolt11))["pays"]
        assert row["status"] == "pending"
        again.cancel()
        again = asyncio.ensure_future(town.alice.ask("pay", bolt11=bolt11))
        await grow(town, 160)
        assert town.alice.machines == [], "the channel is resolved and forgotten"
        with pytest.raises(RpcError, match="ask the payee"):
            await again
        await require_doubt(town, bolt11)
        await begin_again(town)
        await require_doubt(town, bolt11)

    towns.run(new_town("pending"), story)


@pytest.mark.parametrize("restored", [True, False], ids=["an old copy", "a crash"])
def test_payment_that_has_no_htlc_is_failed_only_if_nothing_was_lost(
    restored: bool, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """The copy is from between the payment's record and its HTLC; it may have been offered since."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        await stories.open_channel(town)
        copy, engine = town.folder / "copy", town.alice.engine
        offer = engine.pay

        async def pay(*given: Any) -> None:
            shutil.copytree(town.alice.folder, copy)
            await offer(*given)

        engine.pay = pay
        bolt11 = (await town.bob.ask("invoice", amount_msat=PAID_SAT * 1000, label="tea", description=""))["bolt11"]
        if not restored:
            town.is_apart = True
            town.wire.cut()
            waiting = asyncio.ensure_future(town.alice.ask("pay", bolt11=bolt11))
            await town.until("it waits", copy.exists)
            await put_back(town, copy, whole=True)
            waiting.cancel()
            (row,) = (await town.alice.ask("listpays", bolt11=bolt11))["pays"]
            assert row["status"] == "failed"
            return
        assert (await town.alice.ask("pay", bolt11=bolt11))["status"] == "complete"
        await put_back(town, copy, whole=True, restored=True)
        await require_doubt(town, bolt11)

    towns.run(new_town("unoffered"), story)


def test_database_that_lacks_a_channel_is_refused(new_town: Callable[..., Any], towns: Any, stories: Any) -> None:
    """One from before the channel, or a new one: nobody would watch the channel."""

    async def story(town: Any) -> None:
        await stories.fund(town)
        copy = town.folder / "copy"
        shutil.copytree(town.alice.folder, copy)
        await stories.open_channel(town)
        with pytest.raises(Corrupt, match="lacks channels"):
            await put_back(town, copy, whole=False)
        assert town.channel_id.hex() in (town.folder / "put back" / "regtest" / FILE_NAME).read_text()

    towns.run(new_town("before the channel"), story)
