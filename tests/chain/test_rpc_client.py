"""The chain client: every call on each kind of server, and what it says when a server misbehaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from boltchain.addresses import address_of
from boltchain.bitcoind import BitcoindChain
from boltchain.client.connection import ChainUnavailable, CredentialsRefused, Endpoint, RpcConnections
from boltchain.client.node import MEMPOOL_HEIGHT, ChainClient
from boltchain.daemon import free_port
from boltchain.interface import TransactionRejected, Utxo
from boltchain.rpc import RpcError
from boltchain.spending import Draft, SigningKey
from boltchain.transaction import SEQUENCE_FINAL, Input, OutPoint, Output, Transaction, Txid, parse_transaction

COIN_SAT, FEE_SAT = 100_000, 1_000
NO_SUCH_HASH = b"\x07" * 32
NO_SUCH_OUTPUT = OutPoint(Txid(NO_SUCH_HASH), 0)

Answer = TypeVar("Answer")


def ask(endpoint: Endpoint, question: Callable[[ChainClient], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with ChainClient(endpoint) as client:
            return await question(client)

    return asyncio.run(run())


def pay(key: SigningKey, coin: OutPoint, fee_sat: int = FEE_SAT, amount_sat: int = COIN_SAT) -> Transaction:
    draft = Draft((Input(coin, SEQUENCE_FINAL - 2),), (Output(amount_sat - fee_sat, key.script_pubkey),))
    return parse_transaction(draft.with_witnesses([key.witness(draft, 0, amount_sat)]))


def test_chain_info_describes_the_best_chain(remote: BitcoindChain, endpoint: Endpoint) -> None:
    info = ask(endpoint, ChainClient.chain_info)
    assert (info.network, info.best.height, info.best.hash) == ("regtest", remote.height(), remote.tip())
    assert info.headers == info.best.height
    assert info.median_time_past == remote.median_time_past()


def test_headers_tell_neighbours_and_whether_they_are_in_the_best_chain(
    remote: BitcoindChain, endpoint: Endpoint
) -> None:
    below, stale = remote.rpc.call("getbestblockhash"), remote.height() + 1
    remote.mine()
    stale_hash = remote.tip()
    remote.reorganise(1)

    async def look(client: ChainClient) -> None:
        header = await client.header(stale_hash)
        assert (header.active, header.ref.height, header.next) == (False, stale, None)
        assert header.previous is not None
        parent = await client.header(header.previous)
        assert parent.ref.hash[::-1].hex() == below
        assert parent.active
        assert parent.next == await client.block_hash(stale)
        genesis = await client.header(await client.block_hash(0))
        assert (genesis.previous, genesis.ref.height) == (None, 0)
        tip = await client.header(await client.best_hash())
        assert tip.next is None
        assert tip.active

    ask(endpoint, look)


def test_blocks_arrive_as_they_were_mined(remote: BitcoindChain, endpoint: Endpoint, key: SigningKey) -> None:
    spend = pay(key, remote.fund(key.script_pubkey, COIN_SAT))
    remote.mine(transactions=[spend.raw])
    block = ask(endpoint, lambda client: client.block(remote.tip()))
    assert block.hash == remote.tip()
    assert block.transactions[1] == spend
    found = ask(endpoint, lambda client: client.transaction(spend.txid, block.hash))
    assert found == spend


def test_unknown_things_are_lookup_errors_or_none(endpoint: Endpoint) -> None:
    async def look(client: ChainClient) -> None:
        for question in (
            client.header(NO_SUCH_HASH),
            client.block(NO_SUCH_HASH),
            client.transaction(Txid(NO_SUCH_HASH)),
            client.block_hash(10**6),
        ):
            with pytest.raises(LookupError):
                await question
        assert await client.utxo(NO_SUCH_OUTPUT) is None
        assert await client.mempool_entry(Txid(NO_SUCH_HASH)) is None

    ask(endpoint, look)


def test_utxo_knows_height_and_mempool(remote: BitcoindChain, endpoint: Endpoint, key: SigningKey) -> None:
    coin = remote.fund(key.script_pubkey, COIN_SAT)
    funded_at = remote.height()
    remote.mine(2)
    spend = pay(key, coin)

    async def look(client: ChainClient) -> None:
        confirmed = Utxo(COIN_SAT, key.script_pubkey, funded_at, coinbase=False)
        assert await client.utxo(coin) == await client.utxo(coin, mempool=True) == confirmed
        await client.send(spend.raw)
        assert await client.utxo(coin) == confirmed
        assert await client.utxo(coin, mempool=True) is None
        created = OutPoint(spend.txid, 0)
        assert await client.utxo(created) is None
        waiting = Utxo(COIN_SAT - FEE_SAT, key.script_pubkey, MEMPOOL_HEIGHT, coinbase=False)
        assert await client.utxo(created, mempool=True) == waiting

    ask(endpoint, look)


def test_sending_again_is_no_error_waiting_or_confirmed(
    remote: BitcoindChain, endpoint: Endpoint, key: SigningKey
) -> None:
    spend = pay(key, remote.fund(key.script_pubkey, COIN_SAT))
    for _ in range(2):
        assert ask(endpoint, lambda client: client.send(spend.raw)) == spend.txid
    remote.mine()
    assert ask(endpoint, lambda client: client.send(spend.raw)) == spend.txid


def test_refused_transactions_come_with_the_nodes_reason(
    remote: BitcoindChain, endpoint: Endpoint, key: SigningKey
) -> None:
    good = pay(key, remote.fund(key.script_pubkey, COIN_SAT))
    bad = good.raw.replace((COIN_SAT - FEE_SAT).to_bytes(8, "little"), (COIN_SAT - FEE_SAT - 1).to_bytes(8, "little"))
    for raw, reason in (
        (bad, "script-verify-flag-failed"),
        (pay(key, NO_SUCH_OUTPUT).raw, "missingorspent"),
        (good.raw[:-1], "decode failed"),
    ):
        with pytest.raises(TransactionRejected, match=reason):
            ask(endpoint, lambda client, raw=raw: client.send(raw))  # type: ignore[misc]


def test_acceptance_is_tested_without_consequence(remote: BitcoindChain, endpoint: Endpoint, key: SigningKey) -> None:
    parent = pay(key, remote.fund(key.script_pubkey, COIN_SAT))
    child = pay(key, OutPoint(parent.txid, 0), amount_sat=COIN_SAT - FEE_SAT)

    async def look(client: ChainClient) -> None:
        (alone,) = await client.test_acceptance(parent.raw)
        assert (alone.txid, alone.reason, alone.vsize, alone.fee_sat) == (parent.txid, None, parent.vsize, FEE_SAT)
        (orphan,) = await client.test_acceptance(child.raw)
        assert orphan.reason is not None
        both = await client.test_acceptance(parent.raw, child.raw)
        assert [each.reason for each in both] == [None, None]
        assert await client.mempool() == []

    ask(endpoint, look)


def test_package_enters_with_its_fees_told(remote: BitcoindChain, endpoint: Endpoint, key: SigningKey) -> None:
    parent = pay(key, remote.fund(key.script_pubkey, COIN_SAT))
    child = pay(key, OutPoint(parent.txid, 0), amount_sat=COIN_SAT - FEE_SAT)

    async def look(client: ChainClient) -> None:
        for _ in range(2):
            result = await client.submit_package(parent.raw, child.raw)
            assert result.accepted
            assert [(each.txid, each.fee_sat) for each in result.transactions] == [
                (parent.txid, FEE_SAT),
                (child.txid, FEE_SAT),
            ]
        assert sorted(await client.mempool()) == sorted([parent.txid, child.txid])
        entry = await client.mempool_entry(child.txid)
        assert entry is not None
        assert (entry.fee_sat, entry.ancestor_fees_sat, entry.ancestor_count) == (FEE_SAT, 2 * FEE_SAT, 2)
        assert (entry.vsize, entry.ancestor_vsize) == (child.vsize, parent.vsize + child.vsize)
        info = await client.mempool_info()
        assert (info.transactions, info.vsize) == (2, parent.vsize + child.vsize)

    ask(endpoint, look)


def test_package_in_the_wrong_order_is_not_accepted(remote: BitcoindChain, endpoint: Endpoint, key: SigningKey) -> None:
    parent = pay(key, remote.fund(key.script_pubkey, COIN_SAT))
    child = pay(key, OutPoint(parent.txid, 0), amount_sat=COIN_SAT - FEE_SAT)
    with pytest.raises(TransactionRejected, match="package topology disallowed"):
        ask(endpoint, lambda client: client.submit_package(child.raw, parent.raw))


def test_generate_pays_the_address(remote: BitcoindChain, endpoint: Endpoint, key: SigningKey) -> None:
    height = remote.height()
    hashes = ask(endpoint, lambda client: client.generate(3, address_of(key.script_pubkey, "regtest")))
    assert remote.height() == height + 3
    assert hashes[-1] == remote.tip()
    coinbase = parse_transaction(remote.block(height + 1)[0])
    assert coinbase.outputs[0].script_pubkey == key.script_pubkey


def test_many_calls_at_once_each_get_their_own_answer(remote: BitcoindChain, endpoint: Endpoint) -> None:
    async def look(client: ChainClient) -> None:
        heights = range(remote.height())
        hashes = await asyncio.gather(*(client.block_hash(height) for height in heights))
        headers = await asyncio.gather(*(client.header(each) for each in hashes))
        assert [header.ref.height for header in headers] == list(heights)

    ask(endpoint, look)


def test_errors_of_the_node_keep_their_code(endpoint: Endpoint) -> None:
    with pytest.raises(RpcError) as unknown:
        ask(endpoint, lambda client: client.call("nosuchmethod"))
    assert unknown.value.code == -32601


def test_wrong_credentials_are_told_apart_from_absence(endpoint: Endpoint) -> None:
    stranger = Endpoint(endpoint.port, credentials="somebody:else")
    with pytest.raises(CredentialsRefused, match="cookie file"):
        ask(stranger, ChainClient.best_hash)


def test_absent_node_is_told_with_its_place_and_what_to_do() -> None:
    endpoint = Endpoint(free_port(), credentials="user:password")
    with pytest.raises(ChainUnavailable, match=rf"getbestblockhash .* 127\.0\.0\.1:{endpoint.port}.*start the node"):
        ask(endpoint, ChainClient.best_hash)


def test_absent_cookie_file_is_told_with_its_path(tmp_path: Path) -> None:
    endpoint = Endpoint(free_port(), cookie=tmp_path / ".cookie")
    with pytest.raises(ChainUnavailable, match=r"\.cookie.*is it running with this data directory"):
        ask(endpoint, ChainClient.best_hash)


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "0.0.0.0", "::"])
def test_endpoint_must_be_on_the_loopback_interface(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Endpoint(18443, credentials="user:password", host=host)


def test_endpoint_takes_one_kind_of_credentials_and_does_not_show_them(tmp_path: Path) -> None:
    for wrong in ({}, {"cookie": tmp_path, "credentials": "a:b"}):
        with pytest.raises(ValueError, match="either a cookie file or user:password"):
            Endpoint(18443, **wrong)  # type: ignore[arg-type]
    assert "secret" not in repr(Endpoint(18443, credentials="user:secret"))


class FakeNode:
    """Answers requests with what the script says: bytes are sent as they are, None closes the connection."""

    def __init__(self, *script: bytes | None) -> None:
        self.script = list(script)
        self.methods: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.methods.append(json.loads(await reader.readexactly(length))["method"])
                answer = self.script.pop(0) if self.script else None
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def http(content: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content)


def answer(result: object = None, error: dict[str, object] | None = None) -> bytes:
    return http(json.dumps({"result": result, "error": error, "id": 0}).encode())


async def converse(fake: FakeNode, talk: Callable[[RpcConnections], Awaitable[Answer]]) -> Answer:
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    endpoint = Endpoint(server.sockets[0].getsockname()[1], credentials="user:password")
    connections = RpcConnections(endpoint, timeout_seconds=1)
    try:
        return await talk(connections)
    finally:
        await connections.close()
        server.close()
        await server.wait_closed()


def test_idempotent_call_survives_a_connection_that_the_node_closed() -> None:
    fake = FakeNode(answer(1), None, answer(2))

    async def talk(connections: RpcConnections) -> tuple[object, object]:
        return await connections.call("getblockcount"), await connections.call("getblockcount")

    assert asyncio.run(converse(fake, talk)) == (1, 2)
    assert fake.methods == ["getblockcount"] * 3


def test_call_that_must_not_be_repeated_is_sent_exactly_once() -> None:
    fake = FakeNode(answer(1), None, answer(2))

    async def talk(connections: RpcConnections) -> None:
        await connections.call("getblockcount")
        with pytest.raises(ChainUnavailable, match="not known whether it did what was asked"):
            await connections.call("generatetoaddress", idempotent=False)

    asyncio.run(converse(fake, talk))
    assert fake.methods == ["getblockcount", "generatetoaddress"]


def test_node_that_warms_up_is_awaited() -> None:
    warming = answer(error={"code": -28, "message": "Loading block index"})
    fake = FakeNode(warming, warming, answer(7))
    assert asyncio.run(converse(fake, lambda connections: connections.call("getblockcount"))) == 7


def test_node_that_never_answers_is_given_up() -> None:
    fake = FakeNode(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
    with pytest.raises(ChainUnavailable, match="did not answer getblockcount within 1 s"):
        asyncio.run(converse(fake, lambda connections: connections.call("getblockcount")))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (http(b"Work queue depth exceeded", b"503 Service Unavailable"), "work queue is full"),
        (http(b"<html>"), "is this the RPC port"),
        (http(b"[]"), "no JSON-RPC"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "-1 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "at most"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "limit"),
    ],
)
def test_answers_that_are_no_json_rpc_are_told_apart(wrong: bytes, told: str) -> None:
    fake = FakeNode(wrong)
    with pytest.raises(ChainUnavailable, match=told):
        asyncio.run(converse(fake, lambda connections: connections.call("getblockcount")))
