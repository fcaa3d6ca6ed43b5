"""Wallet, follower, client and server together, as a node has them: nothing is lost on the way, restarts included."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from boltchain.addresses import script_of
from boltchain.bitcoind import BitcoindChain
from boltchain.client.connection import Endpoint
from boltchain.client.fees import FeeEstimator, FeePolicy
from boltchain.client.follower import BlockConnected, BlockFollower
from boltchain.client.node import ChainClient
from boltchain.spending import SigningKey
from boltchain.transaction import Output
from boltchain.wallet.coins import Balance, Status
from boltchain.wallet.wallet import Wallet

SEED = b"\x0b" * 32
FEERATE = 1_000


class SqliteStore:
    """The rows of a wallet in a database, as a node keeps them."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.execute("create table if not exists wallet (key text primary key, value text not null)")

    def load(self) -> Mapping[str, str]:
        return dict(self._database.execute("select key, value from wallet"))

    def save(self, changes: Mapping[str, str | None]) -> None:
        with self._database:
            for key, value in changes.items():
                if value is None:
                    self._database.execute("delete from wallet where key = ?", (key,))
                else:
                    self._database.execute("replace into wallet values (?, ?)", (key, value))

    def close(self) -> None:
        self._database.close()


async def follow(wallet: Wallet, client: ChainClient) -> None:
    assert wallet.position is not None
    async for event in BlockFollower(client, wallet.position).catch_up():
        if isinstance(event, BlockConnected):
            wallet.connect(event.position, event.block)
        else:
            wallet.disconnect(event.position, event.disconnected)


def test_payment_survives_restarts_and_a_reorganisation(
    remote: BitcoindChain, endpoint: Endpoint, key: SigningKey, tmp_path: Path
) -> None:
    def open_wallet(store: SqliteStore) -> Wallet:
        return Wallet(SEED, "regtest", store)

    async def life() -> None:
        store = SqliteStore(tmp_path / "wallet.sqlite3")
        async with ChainClient(endpoint) as client:
            wallet = Wallet(SEED, "regtest", store, birthday=(await client.chain_info()).best)
            remote.fund(script_of(wallet.new_address(), "regtest"), 200_000)
            await follow(wallet, client)
            assert wallet.balance() == Balance(spendable_sat=200_000)
            feerate = await FeeEstimator(client, FeePolicy(forced_per_kw=FEERATE)).feerate_per_kw(6)
            prepared = wallet.prepare([Output(50_000, key.script_pubkey)], feerate)
            wallet.send(prepared.txid)

            wallet = open_wallet(store)  # the process died before the bytes left
            (raw,) = wallet.to_send()
            assert await client.send(raw) == prepared.txid
            remote.mine()
            await follow(wallet, client)
            settled = Balance(spendable_sat=150_000 - prepared.fee_sat)
            assert wallet.balance() == settled

            remote.reorganise(1)
            wallet = open_wallet(store)  # it died before it saw that the block is gone
            assert wallet.balance() == settled
            await follow(wallet, client)
            entry = wallet.transaction(prepared.txid)
            assert entry is not None
            assert entry.status is Status.SENT
            for again in wallet.to_send():
                await client.send(again)
            remote.mine()
            await follow(wallet, client)
            assert wallet.balance() == settled
            assert (await client.chain_info()).best == wallet.position
        store.close()

    asyncio.run(life())
