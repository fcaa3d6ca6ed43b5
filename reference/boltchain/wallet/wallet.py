"""The wallet: addresses, balances, and transactions that are stored before they are sent.

A payment goes in steps, so that a crash between any two of them loses nothing and pays nothing twice:

1. `prepare` chooses coins, signs, stores the transaction and takes the coins. Nothing may leave yet.
2. `send` stores that the transaction may be sent from now on, and gives its bytes; or `abandon` frees the coins.
3. `to_send` lists what is to be sent again, after a restart or whenever, until a block holds it.

The wallet never looks at the network: blocks are told to it (`connect`, `disconnect`), in the order of
`boltchain.client.follower`. Its position is stored with what the block changed, so the follower can start from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from boltchain.block import Block, BlockRef
from boltchain.transaction import OutPoint, Output, Transaction, Txid, display, parse_transaction
from boltchain.wallet import waiting
from boltchain.wallet.coins import Balance, Coin, Status, WalletTransaction
from boltchain.wallet.draft import (
    ChangeScript,
    Composition,
    ForeignInput,
    Parent,
    Request,
    compose,
    compose_all,
)
from boltchain.wallet.keys import Branch, KeyKind, KeyPath, WalletKeys
from boltchain.wallet.reserve import Reserve
from boltchain.wallet.selection import InsufficientFunds
from boltchain.wallet.state import WalletState
from boltchain.wallet.store import WalletStore
from boltchain.wallet.tracking import connect_block, disconnect_block, note_transaction


@dataclass(frozen=True, slots=True)
class Prepared:
    """A signed transaction that is stored and not sent."""

    transaction: Transaction
    fee_sat: int
    change_vout: int | None
    """Which output is change, if one is."""

    @property
    def txid(self) -> Txid:
        """The transaction's id."""
        return self.transaction.txid


class Wallet:
    """The wallet of a seed on a network, kept in `store`. For use by one thread.

    A new one starts at `birthday`: the block that its follower starts from. It knows no coins from before.
    """

    def __init__(
        self,
        seed: bytes,
        network: str,
        store: WalletStore,
        *,
        birthday: BlockRef | None = None,
        reserve: Reserve | None = None,
        change_kind: KeyKind = KeyKind.P2TR,
    ) -> None:
        self.keys = WalletKeys(seed, network)
        """The wallet's keys."""
        self.reserve = reserve or Reserve()
        """What is kept for raising fees; it may be set anew at any time. Coins that were set aside for a larger one
        are as free as others."""
        self._state = WalletState(self.keys, store)
        self._change_kind = change_kind
        if self._state.position is None and birthday is not None:
            self._state.move(birthday)
            self._state.save()

    # --- what there is

    @property
    def position(self) -> BlockRef | None:
        """The last block that the wallet was told; None before the first."""
        return self._state.position

    @property
    def coins(self) -> list[Coin]:
        """All coins that are not spent in the chain, oldest first; those of prepared transactions come with `send`."""
        return [coin for coin in self._state.coins.values() if coin.spent_height is None]

    @property
    def transactions(self) -> list[WalletTransaction]:
        """All transactions that the wallet has to do with."""
        return list(self._state.transactions.values())

    def transaction(self, txid: Txid) -> WalletTransaction | None:
        """A transaction that the wallet has to do with."""
        return self._state.transactions.get(txid)

    def owns(self, script_pubkey: bytes) -> bool:
        """Whether the wallet watches a script."""
        return script_pubkey in self._state.scripts

    def balance(self) -> Balance:
        """The wallet's money."""
        sums, kept = dict.fromkeys(Balance.__dataclass_fields__, 0), self._kept()
        for coin in self.coins:
            if coin.height is not None or coin.spent_by is None:
                sums[self._field(coin, kept)] += coin.amount_sat
        return Balance(**sums)

    def spendable(self, *, reserve: bool = False, unconfirmed: bool = False) -> list[Coin]:
        """The free coins that can be spent in the next block.

        With `reserve` also those that are set aside; with `unconfirmed` also change of payments that wait.
        """
        kept = frozenset[OutPoint]() if reserve else self._kept()
        return [
            coin
            for coin in self.coins
            if coin.spent_by is None
            and coin.outpoint not in kept
            and (coin.mature(self._height) or (unconfirmed and waiting.is_own_change(self._state, coin)))
        ]

    def is_kept(self, coin: Coin) -> bool:
        """Whether a coin belongs to the reserve as it is now."""
        return coin.outpoint in self._kept()

    def _kept(self) -> frozenset[OutPoint]:
        return self.reserve.kept(self.coins)

    # --- addresses

    def new_address(self, kind: KeyKind = KeyKind.P2TR) -> str:
        """An address that was never given out before."""
        return self.keys.address(self._new_path(kind, Branch.RECEIVE))

    def new_script(self, kind: KeyKind = KeyKind.P2TR) -> bytes:
        """A script of the wallet's that was never given out before: where others shall pay to without an address."""
        return self.keys.script(self._new_path(kind, Branch.RECEIVE))

    # --- paying

    def prepare(
        self,
        outputs: Sequence[Output],
        feerate_per_kw: int,
        *,
        label: str = "",
        foreign: Sequence[ForeignInput] = (),
        among: Sequence[Coin] | None = None,
        must_spend: Sequence[Coin] = (),
        unconfirmed: bool = False,
        use_reserve: bool = False,
        locktime: int = 0,
        replaceable: bool = True,
        replaces: Txid | None = None,
    ) -> Prepared:
        """Pay `outputs`, which come first and in this order, with free coins and `foreign` inputs; change comes back.

        The reserve is not touched, and is made complete; unless `use_reserve` says that this is what it is for, as when
        coins are added to a transaction with a foreign input to raise its fee. The coins are chosen `among` some, those
        that are free by default; `must_spend` are spent in any case. InsufficientFunds if the coins do not suffice,
        ValueError for outputs that are dust. `replaceable` off keeps `bump` away: for transactions whose id others rely
        on. With `replaces`, it takes the place of an earlier one: it spends the same coins of the wallet, and more if
        need be.
        """
        old = None if replaces is None else waiting.replaceable(self._state, replaces)
        request = Request(
            feerate_per_kw,
            tuple(outputs),
            tuple(foreign),
            must_spend=tuple(must_spend) if old is None else waiting.own_coins(self._state, old.transaction),
            replaces=_outbid(old),
            locktime=locktime,
            replaceable=replaceable,
        )
        usable = self.spendable(unconfirmed=unconfirmed, reserve=use_reserve) if among is None else among
        return self._prepare(request, usable, label, fill_reserve=not use_reserve, replaces=replaces)

    def prepare_all(
        self,
        script_pubkey: bytes,
        feerate_per_kw: int,
        *,
        label: str = "",
        coins: Sequence[Coin] | None = None,
        include_reserve: bool = False,
    ) -> Prepared:
        """Pay everything that is confirmed and free, or some `coins`, to one script; the reserve only if included."""
        self._state.check_running()
        extra = () if include_reserve else self._missing_reserve()
        coins = self.spendable(reserve=include_reserve) if coins is None else coins
        composition = compose_all(coins, self._state.script, script_pubkey, feerate_per_kw, extra)
        return self._sign(composition, (), label, reserve_vouts=tuple(range(1, 1 + len(extra))))

    def prepare_child(
        self,
        anchor: ForeignInput,
        parent: Parent,
        feerate_per_kw: int,
        *,
        label: str = "",
        replaces: Txid | None = None,
    ) -> Prepared:
        """Spend an anchor of an unconfirmed `parent`, so that both together pay the feerate; the rest comes back.

        Uses confirmed coins only, those of the reserve first. With `replaces`, the child takes the place of an earlier
        one, spends the same coins (and more if need be), and pays what replacing it costs.
        """
        old = None if replaces is None else waiting.replaceable(self._state, replaces)
        request = Request(
            feerate_per_kw,
            foreign=(anchor,),
            must_spend=() if old is None else waiting.own_coins(self._state, old.transaction),
            parent=parent,
            replaces=_outbid(old),
        )
        try:
            return self._prepare(request, self._reserve_coins(), label, replaces=replaces)
        except InsufficientFunds:
            return self._prepare(request, self.spendable(reserve=True), label, replaces=replaces)

    def sweep(
        self,
        inputs: Sequence[ForeignInput],
        feerate_per_kw: int,
        *,
        label: str = "",
        locktime: int = 0,
        replaces: Txid | None = None,
    ) -> Prepared:
        """Bring what foreign inputs hold into the wallet, in one output; they pay the fee.

        InsufficientFunds if the fee would leave less than dust.
        """
        old = None if replaces is None else waiting.replaceable(self._state, replaces)
        request = Request(feerate_per_kw, foreign=tuple(inputs), locktime=locktime, replaces=_outbid(old))
        return self._prepare(request, [], label, replaces=replaces)

    def bump(self, txid: Txid, feerate_per_kw: int) -> Prepared:
        """Prepare a replacement of an own, sent, unconfirmed payment that pays a higher feerate.

        It pays the same outputs; change shrinks, and further confirmed coins are added if need be. ValueError if the
        transaction is not of that kind, or if its change is spent already (raise the fee of what spends it).
        """
        old = waiting.replaceable(self._state, txid)
        if not old.own:
            msg = f"{display(txid)} has inputs that are not the wallet's: make it again with a higher fee"
            raise ValueError(msg)
        kept = [number for number in range(len(old.transaction.outputs)) if number != old.change_vout]
        request = Request(
            feerate_per_kw,
            tuple(old.transaction.outputs[number] for number in kept),
            must_spend=waiting.own_coins(self._state, old.transaction),
            replaces=_outbid(old),
            locktime=old.transaction.locktime,
        )
        reserve_vouts = tuple(kept.index(number) for number in old.reserve_vouts)
        return self._prepare(request, self.spendable(), old.label, replaces=txid, reserve_vouts=reserve_vouts)

    def send(self, txid: Txid) -> bytes:
        """Store that a prepared transaction may leave, and give its bytes. LookupError if it is unknown."""
        entry = waiting.known(self._state, txid)
        if entry.status is not Status.PREPARED:
            return entry.transaction.raw
        sent = replace(entry, status=Status.SENT)
        self._state.put_transaction(sent)
        if entry.replaces is not None and (old := self._state.transactions.get(entry.replaces)) is not None:
            for coin in self._state.made_by(old.transaction):
                self._state.drop_coin(coin.outpoint)
        self._state.add_outputs(sent)
        self._state.save()
        return entry.transaction.raw

    def abandon(self, txid: Txid) -> None:
        """Forget a prepared transaction and free its coins. ValueError if it may have been sent."""
        entry = waiting.known(self._state, txid)
        if entry.status is not Status.PREPARED:
            msg = f"{display(txid)} may have been sent: only another transaction in a block can undo it"
            raise ValueError(msg)
        self._state.drop_transaction(txid)
        self._state.save()

    def give_up(self, txid: Txid) -> None:
        """Forget a transaction that cannot be confirmed any more, for what it spends is gone; its coins are free.

        The wallet sees that by itself where a block spends the same; the caller knows it of inputs whose own
        transaction has lost a race. ValueError if a block holds it; LookupError if it is unknown.
        """
        if waiting.known(self._state, txid).status is Status.CONFIRMED:
            msg = f"{display(txid)} is confirmed"
            raise ValueError(msg)
        self._state.drop_transaction(txid)
        self._state.save()

    def to_send(self) -> list[bytes]:
        """Transactions that may leave and that no block holds, parents before children: send them again at will."""
        return waiting.to_send(self._state)

    # --- the chain

    def connect(self, position: BlockRef, block: Block) -> None:
        """The best chain has `block` on top of the wallet's position, which moves to `position`; stored at once."""
        self._state.check_running()
        connect_block(self._state, position, block)
        self._state.save()

    def disconnect(self, position: BlockRef, disconnected: BlockRef) -> None:
        """The wallet's position, `disconnected`, left the best chain; it moves to the parent, `position`."""
        self._state.check_running()
        disconnect_block(self._state, position, disconnected)
        self._state.save()

    def note(self, transaction: bytes) -> bool:
        """Tell the wallet of an unconfirmed transaction that somebody else made; whether it touches the wallet."""
        self._state.check_running()
        touched = note_transaction(self._state, parse_transaction(transaction))
        self._state.save()
        return touched

    # --- inside

    @property
    def _height(self) -> int:
        return 0 if self._state.position is None else self._state.position.height

    def _field(self, coin: Coin, kept: frozenset[OutPoint]) -> str:
        """Which field of the balance an unspent coin counts in."""
        if coin.height is None:
            return "unconfirmed_sat"
        if not coin.mature(self._height):
            return "immature_sat"
        if coin.spent_by is not None:
            return "committed_sat"
        return "reserve_sat" if coin.outpoint in kept else "spendable_sat"

    def _reserve_coins(self) -> list[Coin]:
        return [coin for coin in self.spendable(reserve=True) if coin.reserve]

    def _missing_reserve(self) -> tuple[Output, ...]:
        """Outputs that make the reserve complete."""
        amounts = self.reserve.missing(self.coins)
        # The first free index stays free for change.
        first = self._state.next_index(self._change_kind, Branch.CHANGE) + 1
        paths = (KeyPath(self._change_kind, Branch.CHANGE, first + number) for number in range(len(amounts)))
        return tuple(Output(amount, self.keys.script(path)) for path, amount in zip(paths, amounts, strict=True))

    def _new_path(self, kind: KeyKind, branch: Branch) -> KeyPath:
        self._state.check_running()
        path = KeyPath(kind, branch, self._state.next_index(kind, branch))
        self._state.issue(path)
        self._state.save()
        return path

    def _prepare(
        self,
        request: Request,
        usable: Sequence[Coin],
        label: str,
        *,
        fill_reserve: bool = False,
        replaces: Txid | None = None,
        reserve_vouts: tuple[int, ...] = (),
    ) -> Prepared:
        self._state.check_running()
        if fill_reserve:
            extra, first = self._missing_reserve(), len(request.outputs)
            reserve_vouts = tuple(range(first, first + len(extra)))
            request = replace(request, outputs=(*request.outputs, *extra))
        path = KeyPath(self._change_kind, Branch.CHANGE, self._state.next_index(self._change_kind, Branch.CHANGE))
        change = ChangeScript(path.kind, self.keys.script(path))
        composition = compose(request, usable, self._state.script, change)
        return self._sign(composition, request.foreign, label, replaces=replaces, reserve_vouts=reserve_vouts)

    def _sign(
        self,
        composition: Composition,
        foreign: Sequence[ForeignInput],
        label: str,
        *,
        replaces: Txid | None = None,
        reserve_vouts: tuple[int, ...] = (),
    ) -> Prepared:
        """Sign, store, take the coins."""
        draft, spent = composition.draft, composition.spent
        witnesses = [each.sign(draft, number, spent) for number, each in enumerate(foreign)]
        for number, coin in enumerate(composition.coins, start=len(foreign)):
            witnesses.append(self.keys.witness(coin.path, draft, number, spent))
        transaction = parse_transaction(draft.with_witnesses(witnesses))
        if transaction.weight > composition.weight:
            msg = f"a foreign witness weighs more than was said: {transaction.weight} instead of {composition.weight}"
            raise ValueError(msg)
        entry = WalletTransaction(
            transaction,
            Status.PREPARED,
            fee_sat=composition.fee_sat,
            own=not foreign,
            label=label,
            change_vout=composition.change_vout,
            reserve_vouts=reserve_vouts,
            replaces=replaces,
        )
        self._state.put_transaction(entry)
        for coin in composition.coins:
            self._state.put_coin(replace(coin, spent_by=entry.txid))
        for output in transaction.outputs:
            if (path := self._state.scripts.get(output.script_pubkey)) is not None:
                self._state.issue(path)
        self._state.save()
        return Prepared(transaction, composition.fee_sat, composition.change_vout)


def _outbid(old: WalletTransaction | None) -> Parent | None:
    """What a replacement of a payment has to outbid."""
    return None if old is None else Parent(old.transaction.weight, old.fee_sat or 0)


def outpoint_of(prepared: Prepared, script_pubkey: bytes) -> OutPoint:
    """The output of a prepared transaction that pays to a script. LookupError if there is none."""
    for vout, output in enumerate(prepared.transaction.outputs):
        if output.script_pubkey == script_pubkey:
            return OutPoint(prepared.txid, vout)
    msg = f"no output of {display(prepared.txid)} pays to {script_pubkey.hex()}"
    raise LookupError(msg)
