"""What users choose is done, or refused in words that name the parameter: coins, depths, scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from boltchain.addresses import address_of, script_of
from boltnode.rpc.errors import Code, RpcError
from boltwire.transaction import parse_transaction

WITNESS_20 = address_of(b"\x00\x14" + bytes(20), "regtest")
AMOUNTS = (900_000, 800_000, 700_000)


async def give(town: Any, *amounts_sat: int) -> dict[int, str]:
    """Coins for Alice, each in a block of its own; how they are named."""
    for amount_sat in amounts_sat:
        address = (await town.alice.ask("newaddr", addresstype="p2tr"))["p2tr"]
        town.chain.fund(script_of(address, "regtest"), amount_sat)
    await town.until("both have seen the blocks", town._is_seen)
    rows = (await town.alice.ask("listfunds"))["outputs"]
    return {row["amount_msat"] // 1000: f"{row['txid']}:{row['output']}" for row in rows}


async def refused(node: Any, method: str, **parameters: object) -> RpcError:
    with pytest.raises(RpcError) as found:
        await node.ask(method, **parameters)
    return found.value


def spent_by(raw: str) -> set[str]:
    inputs = parse_transaction(bytes.fromhex(raw)).inputs
    return {f"{entry.outpoint.txid[::-1].hex()}:{entry.outpoint.vout}" for entry in inputs}


@pytest.mark.parametrize("amount", [100_000, "all"])
def test_withdraw_spends_the_coins_that_are_named_all_of_them_and_no_others(
    amount: int | str, new_town: Callable[..., Any], towns: Any
) -> None:
    async def story(town: Any) -> None:
        names = await give(town, *AMOUNTS)
        named = [names[900_000], names[700_000]]
        sent = await town.alice.ask("withdraw", destination=WITNESS_20, satoshi=amount, utxos=named)
        assert spent_by(sent["tx"]) == set(named)

    towns.run(new_town("named"), story)


def test_coins_that_are_not_free_are_refused_by_name(new_town: Callable[..., Any], towns: Any, stories: Any) -> None:
    async def story(town: Any) -> None:
        names = await give(town, *AMOUNTS)
        strange = "ab" * 32 + ":0"
        wish = {"destination": WITNESS_20, "satoshi": 10_000}
        for utxos in ([strange], [names[900_000], strange]):
            error = await refused(town.alice, "withdraw", **wish, utxos=utxos)
            assert (error.code, f"{strange} is none" in error.message) == (Code.INVALID_PARAMS, True)
        twice = await refused(town.alice, "withdraw", **wish, utxos=[names[900_000]] * 2)
        assert twice.message == "utxos: should be coins that differ"
        little = await refused(town.alice, "withdraw", **(wish | {"satoshi": 750_000}), utxos=[names[700_000]])
        assert little.code == Code.FUND_CANNOT_AFFORD
        await town.alice.ask("withdraw", **wish, utxos=[names[900_000]])
        again = await refused(town.alice, "withdraw", **wish, utxos=[names[900_000]])
        assert "is none" in again.message, "it is spent"

    towns.run(new_town("strange"), story)


def test_minconf_asks_for_so_many_confirmations(new_town: Callable[..., Any], towns: Any) -> None:
    async def story(town: Any) -> None:
        names = await give(town, *AMOUNTS)  # three, two and one confirmation
        wish = {"destination": WITNESS_20, "satoshi": 10_000}
        assert (await refused(town.alice, "withdraw", **wish, minconf=4)).code == Code.FUND_CANNOT_AFFORD
        sent = await town.alice.ask("withdraw", **wish, minconf=3)
        assert spent_by(sent["tx"]) == {names[900_000]}
        sent = await town.alice.ask("withdraw", **(wish | {"satoshi": "all"}), minconf=2)
        assert spent_by(sent["tx"]) == {names[800_000]}
        sent = await town.alice.ask("withdraw", **(wish | {"satoshi": "all"}), minconf=0)
        assert len(spent_by(sent["tx"])) == 2, "change of the first payment, which waits for a block, too"
        named = await refused(town.alice, "withdraw", **wish, minconf=9, utxos=[names[700_000]])
        assert "with 9 confirmations" in named.message

    towns.run(new_town("minconf"), story)


def test_channel_is_funded_with_the_coins_that_are_named_and_waits_for_its_depth(
    new_town: Callable[..., Any], towns: Any
) -> None:
    async def story(town: Any) -> None:
        names = await give(town, *AMOUNTS)
        wish = {"id": town.bob.node_id.hex(), "amount": 500_000}
        for depth, words in ((0, "option_zeroconf"), (101, "at most 100")):
            error = await refused(town.alice, "fundchannel", **wish, mindepth=depth)
            assert (error.code, words in error.message) == (Code.INVALID_PARAMS, True)
            assert error.message.startswith("mindepth: should be")
        named = [names[800_000], names[700_000]]
        opened = await town.alice.ask("fundchannel", **wish, utxos=named, mindepth=3)
        assert (spent_by(opened["tx"]), opened["mindepth"]) == (set(named), 3)
        (machine,) = town.alice.machines
        for confirmations in (1, 2, 3):
            await town.mine()
            assert machine.life.establishment.ready_sent is (confirmations >= 3)
        assert machine.life.is_open

    towns.run(new_town("funded"), story)


def test_channel_of_all_that_some_coins_hold(new_town: Callable[..., Any], towns: Any) -> None:
    async def story(town: Any) -> None:
        names = await give(town, *AMOUNTS)
        wish = {"id": town.bob.node_id.hex(), "amount": "all"}
        opened = await town.alice.ask("fundchannel", **wish, utxos=[names[700_000]])
        assert spent_by(opened["tx"]) == {names[700_000]}

    towns.run(new_town("all of some"), story)


def test_destination_that_the_peer_would_not_take_is_refused(
    new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    async def story(town: Any) -> None:
        await stories.fund(town)
        bound = address_of(b"\x51\x20" + b"\2" * 32, "regtest")
        wish = {"id": town.bob.node_id.hex(), "amount": 500_000, "close_to": bound}
        opened = await town.alice.ask("fundchannel", **wish)
        await town.mine()
        error = await refused(town.alice, "close", id=opened["channel_id"], destination=WITNESS_20)
        assert error.code == Code.INVALID_PARAMS
        assert error.message.startswith("destination: should be absent")
        closing = asyncio.ensure_future(
            town.alice.ask("close", id=opened["channel_id"], destination=bound, unilateraltimeout=0)
        )
        closed = await closing
        outputs = parse_transaction(bytes.fromhex(closed["tx"])).outputs
        assert [output.script_pubkey for output in outputs] == [script_of(bound, "regtest")]

    towns.run(new_town("bound"), story)
