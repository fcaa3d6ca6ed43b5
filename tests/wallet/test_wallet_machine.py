"""Random life of a wallet: whatever happens, chain and wallet agree, and nothing that is stored is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from boltchain.block import Block, BlockRef
from boltchain.embedded import EmbeddedChain
from boltchain.interface import TransactionRejected
from boltchain.serialization import double_sha256
from boltchain.spending import SigningKey
from boltchain.transaction import OutPoint, Output, parse_transaction
from boltchain.wallet.coins import Coin, Status
from boltchain.wallet.keys import KeyKind
from boltchain.wallet.reserve import Reserve
from boltchain.wallet.selection import InsufficientFunds
from boltchain.wallet.store import MemoryStore
from boltchain.wallet.wallet import Prepared, Wallet

STRANGER = SigningKey(b"\x07" * 32).script_pubkey
feerates = st.integers(253, 5_000)


class DyingStore(MemoryStore):
    """Fails at one save, as a full disk does."""

    failing = False

    def save(self, changes: Any) -> None:
        if self.failing:
            raise OSError("no space left on device")
        super().save(changes)


class WalletLife(RuleBasedStateMachine):
    """Deposits, payments, replacements, blocks, reorganisations, restarts, full disks."""

    @initialize(reserve=st.integers(0, 2), kind=st.sampled_from(KeyKind))
    def start(self, reserve: int, kind: KeyKind) -> None:
        self.chain = EmbeddedChain()
        self.store = DyingStore()
        self.reserve = Reserve(reserve, 5_000)
        self.kind = kind
        self.told = [self.ref(self.chain.height())]
        self.wallet = self.open(self.told[0])
        self.prepared: dict[bytes, Prepared] = {}

    def open(self, birthday: BlockRef | None = None) -> Wallet:
        seed = b"\x05" * 32
        return Wallet(seed, "regtest", self.store, birthday=birthday, reserve=self.reserve, change_kind=self.kind)

    def ref(self, height: int) -> BlockRef:
        return BlockRef(height, double_sha256(b"".join(self.chain.block(height))))

    def catch_up(self) -> None:
        while self.told[-1].height > self.chain.height() or self.ref(self.told[-1].height) != self.told[-1]:
            left = self.told.pop()
            self.wallet.disconnect(self.told[-1], left)
        for height in range(self.told[-1].height + 1, self.chain.height() + 1):
            ref, previous = self.ref(height), self.told[-1].hash
            transactions = tuple(parse_transaction(raw) for raw in self.chain.block(height))
            self.wallet.connect(ref, Block(ref.hash, previous, 0, transactions, b""))
            self.told.append(ref)
        self.prepared = {
            txid: each
            for txid, each in self.prepared.items()
            if (entry := self.wallet.transaction(each.txid)) and entry.status is Status.PREPARED
        }

    @rule(amount_sat=st.integers(1_000, 100_000), kind=st.sampled_from(KeyKind))
    def deposit(self, amount_sat: int, kind: KeyKind) -> None:
        self.chain.fund(self.wallet.new_script(kind), amount_sat)
        self.catch_up()

    @rule(amount_sat=st.integers(400, 50_000), feerate=feerates, unconfirmed=st.booleans(), replaceable=st.booleans())
    def prepare(self, amount_sat: int, feerate: int, unconfirmed: bool, replaceable: bool) -> None:
        try:
            made = self.wallet.prepare(
                [Output(amount_sat, STRANGER)], feerate, unconfirmed=unconfirmed, replaceable=replaceable
            )
        except InsufficientFunds:
            return
        self.check_fee(made, feerate)
        self.prepared[made.txid] = made

    @rule(feerate=feerates, include_reserve=st.booleans())
    def prepare_all(self, feerate: int, include_reserve: bool) -> None:
        try:
            made = self.wallet.prepare_all(STRANGER, feerate, include_reserve=include_reserve)
        except InsufficientFunds:
            return
        self.check_fee(made, feerate)
        self.prepared[made.txid] = made

    def check_fee(self, made: Prepared, feerate: int) -> None:
        least = -(-feerate * made.transaction.weight // 1000)
        change = made.change_vout is not None or len(made.transaction.outputs) == 0
        assert made.fee_sat >= least
        if change:
            assert made.fee_sat == least
        assert made.fee_sat < least + 172 * feerate // 1000 + 331

    @precondition(lambda self: self.prepared)
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        made = self.prepared.pop(data.draw(st.sampled_from(sorted(self.prepared))))
        raw = self.wallet.send(made.txid)
        try:
            self.chain.submit(raw)
        except TransactionRejected as rejected:
            # Parents that wait nowhere, or a replacement of what is confirmed by now: nothing else may be refused.
            assert "missingorspent" in rejected.reason  # noqa: PT017

    @precondition(lambda self: self.prepared)
    @rule(data=st.data())
    def abandon(self, data: st.DataObject) -> None:
        self.wallet.abandon(self.prepared.pop(data.draw(st.sampled_from(sorted(self.prepared)))).txid)

    @rule(data=st.data(), feerate=feerates)
    def bump(self, data: st.DataObject, feerate: int) -> None:
        waiting = [entry.txid for entry in self.wallet.transactions if entry.status is Status.SENT]
        if not waiting:
            return
        try:
            made = self.wallet.bump(data.draw(st.sampled_from(waiting)), feerate)
        except (InsufficientFunds, ValueError):
            return
        self.prepared[made.txid] = made

    @rule()
    def send_all_again(self) -> None:
        for raw in self.wallet.to_send():
            if self.chain.transaction_height(parse_transaction(raw).txid) is None:
                self.chain.submit(raw)

    @rule(blocks=st.integers(1, 3))
    def mine(self, blocks: int) -> None:
        self.chain.mine(blocks)
        self.catch_up()

    @rule(depth=st.integers(1, 4))
    def reorganise(self, depth: int) -> None:
        if self.chain.height() - depth > self.told[0].height:
            self.chain.reorganise(depth)
            self.catch_up()

    @rule()
    def restart(self) -> None:
        coins, transactions, position = self.wallet.coins, self.wallet.transactions, self.wallet.position
        self.wallet = self.open()
        assert sorted(self.wallet.coins, key=str) == sorted(coins, key=str)
        assert sorted(self.wallet.transactions, key=str) == sorted(transactions, key=str)
        assert self.wallet.position == position

    @rule(amount_sat=st.integers(400, 5_000))
    def disk_is_full(self, amount_sat: int) -> None:
        """Nothing is signed for anybody once the store has failed; what was stored before counts."""
        before = dict(self.store.rows)
        self.store.failing = True
        with pytest.raises((OSError, InsufficientFunds)):
            self.wallet.prepare([Output(amount_sat, STRANGER)], 253)
        self.store.failing = False
        assert self.store.rows == before
        self.wallet = self.open()

    @invariant()
    def confirmed_coins_are_the_chains(self) -> None:
        if not hasattr(self, "wallet"):
            return
        confirmed = {coin.outpoint: coin for coin in self.wallet.coins if coin.height is not None}
        for coin in confirmed.values():
            assert_unspent(self.chain, coin)
        for height in range(self.told[0].height + 1, self.chain.height() + 1):
            for raw in self.chain.block(height):
                transaction = parse_transaction(raw)
                for vout, output in enumerate(transaction.outputs):
                    outpoint = OutPoint(transaction.txid, vout)
                    if self.wallet.owns(output.script_pubkey) and self.chain.utxo(outpoint) is not None:
                        assert outpoint in confirmed

    @invariant()
    def no_coin_is_spent_by_two_prepared_payments(self) -> None:
        if not hasattr(self, "wallet"):
            return
        spent = [
            used.previous
            for entry in self.wallet.transactions
            if entry.status is Status.PREPARED and entry.replaces is None
            for used in entry.transaction.inputs
        ]
        assert len(set(spent)) == len(spent)

    def teardown(self) -> None:
        if hasattr(self, "chain"):
            self.chain.close()


def assert_unspent(chain: EmbeddedChain, coin: Coin) -> None:
    utxo = chain.utxo(coin.outpoint)
    assert utxo is not None
    assert (utxo.amount_sat, utxo.height) == (coin.amount_sat, coin.height)


TestWalletLife = WalletLife.TestCase
TestWalletLife.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
