"""The money of a channel on the real chain, against the model of the chain: expected outputs and whose they are.

Loaded by conftest.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import facts  # type: ignore[import-not-found]
from agreement import mirrored  # type: ignore[import-not-found]
from mirror import Astray, Mirror  # type: ignore[import-not-found]

from boltchain.block import Block
from boltchain.server.books import Books
from boltchain.transaction import OutPoint, Txid
from boltspec.chain import ledger as chain
from boltspec.chain.conditions import Keys, Kind, Use, condition
from boltspec.chain.ledger import Ledger
from boltspec.chain.transactions import (
    ANY_TIME,
    FUNDING_OUTPOINT,
    NOBODY,
    Coin,
    Form,
    Input,
    Outpoint,
    Transaction,
    commitment_transaction,
    spending,
)
from boltspec.chain.transactions import Txid as Name
from boltspec.channel import opened
from boltspec.commitment import Commitment
from boltspec.htlc import LOCAL
from boltspec.lifetime.state import End
from boltspec.params import Params
from boltspec.units import Blocks, Height, Sat
from boltwire.claims import pair, use_of
from boltwire.transaction import Outpoint as RealOutpoint
from boltwire.transaction import Transaction as RealTransaction
from boltwire.transaction import parse_transaction

if TYPE_CHECKING:
    from collections.abc import Mapping


LONG: Final = Blocks(110)
"""Nothing of a claim is undecided after so many blocks."""


class Money:
    """The outputs that come of one channel, as both parties' mirrors and the blocks have it."""

    def __init__(self, mirrors: list[Mirror], height: int) -> None:
        self.mirrors = mirrors
        """By seat; what a party has signed for the other is in the other's."""
        self.params: Params = mirrored(mirrors[0].life.channel.params, 0)
        first = opened(self.params, mirrors[0].life.establishment.open_channel.push_msat)
        self.initial_msat = first.local_msat, first.remote_msat
        known = mirrors[0].known
        assert known.funding is not None
        self.funding = known.funding
        self.ledger: Ledger = chain.opened(self.params, Height(height - 1))
        self.places: dict[RealOutpoint, Outpoint] = {self.funding: FUNDING_OUTPOINT}
        self.closing: tuple[int, Commitment] | None = None
        """Owner's seat and the commitment that is on the chain."""
        self.height, self.tip = height - 1, b""

    def tells_of(self, mirrors: list[Mirror], blocks: Mapping[int, Block]) -> bool:
        """Whether what was told so far is still right."""
        same = all(mine is given for mine, given in zip(self.mirrors, mirrors, strict=True))
        return same and self.height in blocks and blocks[self.height].hash == self.tip

    def take(self, block: Block, height: int) -> None:
        """Go on by a block."""
        self.height, self.tip = height, block.hash
        if self.ledger.height < Height(height - 1):
            self.ledger = chain.mine(self.ledger, Height(height - 1))
        for entry in block.transactions[1:]:
            real = parse_transaction(entry.raw)
            if any(spent.outpoint in self.places for spent in real.inputs):
                self._spend(real)
        self.ledger = chain.mine(self.ledger, Height(height))

    def _spend(self, real: RealTransaction) -> None:
        for index, spent in enumerate(real.inputs):
            place = self.places.pop(spent.outpoint, None)
            if place == FUNDING_OUTPOINT:
                self._close(real)
            elif place is not None:
                self._claim(real, index, place)

    def _close(self, real: RealTransaction) -> None:
        found = self._commitment(real)
        if found is None:
            self._confirm(self._closing(real))
            return
        owner, fact = found
        self.closing = found
        built = self.mirrors[owner].known.build(LOCAL, fact)
        made = commitment_transaction(self.params, owner, fact, htlcs_signed=True)
        vouts = pair(made.outputs, fact, built)
        if vouts is None:
            raise Astray(f"commitment {fact} of seat {owner} has other outputs on the chain than in the model")
        self._confirm(made)
        for at, vout in enumerate(vouts):
            if chain.payee(made.outputs[at]) is None:
                self.places[built.outpoint(vout)] = Outpoint(made.txid, at)

    def _commitment(self, real: RealTransaction) -> tuple[int, Commitment] | None:
        for owner, mirror in enumerate(self.mirrors):
            for fact, _ in mirror.known.signed[LOCAL].values():
                if mirror.known.build(LOCAL, fact).txid == real.txid():
                    return owner, fact
        return None

    def _closing(self, real: RealTransaction) -> Transaction:
        """A transaction that both have signed, as the specification published it."""
        for seat, mirror in enumerate(self.mirrors):
            closing = mirror.life.closing
            assert closing is not None
            for fact in closing.published:
                if facts.closing_real(mirror.known, fact).txid() == real.txid():
                    ours = closing.local_script
                    coins = tuple(
                        Coin(Kind.WALLET, p.amount_sat, seat if p.script == ours else 1 - seat) for p in fact.payouts
                    )
                    fee = self.params.funding_satoshis - fact.total_sat
                    taken = (Input(FUNDING_OUTPOINT, Use.CLOSING, Blocks(0)),)
                    return Transaction(Name(Form.CLOSING), taken, coins, ANY_TIME, fee, NOBODY)
        raise Astray("the funding output is spent by what nobody has published")

    def _claim(self, real: RealTransaction, index: int, place: Outpoint) -> None:
        confirmed = chain.find(self.ledger, place)
        assert confirmed is not None
        coin = confirmed.coin
        way = condition(coin.kind, use_of(coin.kind, real.inputs[index].witness))
        signer = 1 - coin.seat if way.keys in (Keys.OTHER, Keys.ANYONE) else coin.seat
        made = spending(self.params, place, coin, way, signer)
        self._confirm(made)
        if way.leads_to is not Kind.WALLET:
            self.places[RealOutpoint(real.txid(), index)] = Outpoint(made.txid, 0)

    def _confirm(self, made: Transaction) -> None:
        if not chain.is_valid(self.ledger, made):
            raise Astray(f"the chain has taken {made.txid}, which the model would not yet")
        self.ledger = chain.confirm(self.ledger, made)

    # --- judging ---

    def require_unspent(self, books: Books) -> None:
        """The chain's unspent outputs are the model's."""
        unspent = {entry.outpoint: entry.coin for entry in self.ledger.unspent}
        for real, place in self.places.items():
            utxo = books.utxo(OutPoint(Txid(real.txid), real.vout))
            coin = unspent.get(place)
            same = utxo is not None and coin is not None and utxo.amount_sat == int(coin.amount_sat)
            if not same:
                raise Astray(f"the chain has {utxo} where the model has {coin}")
        if set(self.places.values()) != set(unspent):
            raise Astray(f"the model has outputs that the chain has not: {set(unspent) - set(self.places.values())}")

    def require_justified(self, corrupt: frozenset[int]) -> None:
        """Nobody honest has published what is revoked; what was published by agreement is the agreed one."""
        if self.closing is None:
            return
        owner, fact = self.closing
        mirror = self.mirrors[owner]
        assert mirror.life.channel is not None
        if owner not in corrupt and fact.number < mirror.life.channel.local_revocations:
            raise Astray(f"seat {owner} has published its revoked commitment {fact.number}")
        if owner not in corrupt and mirror.life.end is End.NONE:
            raise Astray("a commitment is on the chain, and its owner does not know")

    def left(self) -> Mapping[RealOutpoint, Coin]:
        """What nobody has taken."""
        unspent = {entry.outpoint: entry.coin for entry in self.ledger.unspent}
        return {real: unspent[place] for real, place in self.places.items()}

    def costs_sat(self, seat: int) -> int:
        """What a party may have lost at most by the way in which the channel has ended."""
        trimmed = sum(int(entry.amount_sat) for entry in self.ledger.closing.trimmed) if self.ledger.closing else 0
        return int(self.ledger.fees_sat) + int(self.ledger.charged[seat]) + trimmed

    def belongs_to(self, coin: Coin, seat: int) -> bool:
        """Whether an output that nobody has taken is a loss of a party: anchors, left for others, are none."""
        if coin.kind in (Kind.FUNDING, Kind.TO_LOCAL_ANCHOR, Kind.TO_REMOTE_ANCHOR):
            return coin.kind is Kind.FUNDING
        return coin.kind is Kind.TO_LOCAL and coin.seat == seat

    def worthless(self, limit_sat: int) -> list[Coin]:
        """The HTLC outputs that are left, if nothing else is and all of them are below a limit."""
        htlcs = [coin for coin in self.left().values() if coin.kind in (Kind.OFFERED_HTLC, Kind.RECEIVED_HTLC)]
        others = [coin for coin in self.left().values() if self.belongs_to(coin, 0) or self.belongs_to(coin, 1)]
        return htlcs if not others and all(int(coin.amount_sat) < limit_sat for coin in htlcs) else []

    def is_old(self, coins: list[Coin]) -> bool:
        """Whether HTLC outputs have been there for long after their expiry."""
        return all(coin.htlc is not None and coin.htlc.cltv_expiry + LONG < self.ledger.height for coin in coins)

    def received_sat(self) -> tuple[Sat, Sat]:
        """What has reached each party."""
        return self.ledger.received
