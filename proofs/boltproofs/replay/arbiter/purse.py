"""Real coins that pay fees: those of the model's wallets by name, and one more for what claims pay.

With ``option_anchors`` an HTLC transaction gets an input and an output of the wallet (B05-htlc-tx-l-02), a commitment a
child that spends its anchor with a coin. The model counts what such a transaction does with the channel's money only;
so change goes to keys of its own, by which it is told apart on the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from boltchain.interface import Chain
from boltspec.chain.bidding import coin
from boltspec.chain.mempool import Market, Pooled
from boltspec.chain.transactions import Outpoint
from boltwire.hashes import sha256
from boltwire.scripts import p2wpkh, p2wpkh_script_code
from boltwire.secp256k1 import PrivateKey
from boltwire.spend import Spend, sign_spends
from boltwire.transaction import Outpoint as RealOutpoint
from boltwire.transaction import Transaction, TxInput, TxOutput

COIN_SAT = 1_000_000
"""What each coin holds at first."""
PADDING_SAT = 1_000
"""What each output holds that makes a transaction heavier."""
PADDING_SIZE = 31
"""Virtual bytes of such an output."""
SPARE = 100
"""Index of the coin that claims are paid with, which need none of the wallet's coins in the model."""

Make = Callable[[tuple[TxOutput, ...]], Transaction]
"""Makes a signed transaction that has these outputs besides its own."""


@dataclass(frozen=True, slots=True)
class Fare:
    """What a transaction is paid with."""

    name: Outpoint
    spend: Spend
    """The coin."""
    script: bytes
    """Where its change goes."""
    feerate: int
    """Satoshis per virtual byte."""
    times_as_heavy: int
    """How heavy it is made, as a multiple of what it need be."""


    def pays_for(self, transaction: Transaction) -> bool:
        """Whether its coin is among the inputs of a transaction."""
        return any(spent.outpoint == self.spend.outpoint for spent in transaction.inputs)


class Purse:
    """The coins of both parties, as they are when everything that was paid for so far is confirmed."""

    def __init__(self, chain: Chain, seed: bytes, market: Market | None) -> None:
        """Fund the coins that the market asks for; none without a market."""
        self._keys = tuple(PrivateKey(sha256(b"%s/%d/purse" % (seed, seat))) for seat in (0, 1))
        self._coins: dict[Outpoint, tuple[RealOutpoint, int]] = {}
        for seat in (0, 1) if market is not None else ():
            assert market is not None
            for index in (*range(max(market.coins, market.submissions + 1)), SPARE):
                outpoint = chain.fund(self.script(seat), COIN_SAT)
                self._coins[coin(seat, index)] = RealOutpoint(outpoint.txid, outpoint.vout), COIN_SAT

    @property
    def scripts(self) -> frozenset[bytes]:
        """The scripts that hold both parties' coins."""
        return frozenset((self.script(0), self.script(1)))

    def script(self, seat: int) -> bytes:
        """The script of a party's coins."""
        return p2wpkh(self._keys[seat].public_key.encoded)

    def fare(self, entry: Pooled) -> Fare:
        """What pays for a transaction of the mempool."""
        signer = entry.transaction.signer
        name = entry.coins[0] if entry.coins else coin(signer, SPARE)
        outpoint, amount = self._coins[name]
        key = self._keys[signer].public_key.encoded
        spend = Spend(outpoint, amount, p2wpkh_script_code(key), self._keys[signer], (key,))
        heavier = entry.weight // max(len(entry.transaction.inputs), 1)
        return Fare(name, spend, self.script(signer), entry.feerate, heavier)

    def state(self) -> Mapping[Outpoint, tuple[RealOutpoint, int]]:
        """Where all coins are now."""
        return dict(self._coins)

    def restore(self, state: Mapping[Outpoint, tuple[RealOutpoint, int]]) -> None:
        """Go back to where the coins were."""
        self._coins = dict(state)

    def spent(self, fare: Fare, transaction: Transaction) -> None:
        """Remember that a transaction will be confirmed, and its change."""
        vout = next(at for at, output in enumerate(transaction.outputs) if output.script_pubkey == fare.script)
        self._coins[fare.name] = RealOutpoint(transaction.txid(), vout), transaction.outputs[vout].amount_sat


def paid(make: Make, fare: Fare, parent_size: int = 0, extra_sat: int = 0) -> Transaction:
    """The transaction that ``make`` makes, with the change of its coin: it pays the fare's feerate.

    A child pays for its parent, of ``parent_size`` virtual bytes, as well; ``extra_sat`` is what it takes besides the
    coin.
    """
    whole = fare.spend.amount_sat + extra_sat
    needed = virtual_size(make((TxOutput(whole, fare.script),)))
    number = -(-needed * (fare.times_as_heavy - 1) // PADDING_SIZE)
    padding = (TxOutput(PADDING_SAT, fare.script),) * number
    left = whole - PADDING_SAT * number
    size = virtual_size(make((TxOutput(left, fare.script), *padding)))
    return make((TxOutput(left - fare.feerate * (size + parent_size), fare.script), *padding))


def withdrawn(fare: Fare) -> Transaction:
    """A transaction that spends the coin and nothing else."""

    def make(change: tuple[TxOutput, ...]) -> Transaction:
        return sign_spends(Transaction((TxInput(fare.spend.outpoint, fare.spend.sequence),), change, 0), [fare.spend])

    return paid(make, fare)


def virtual_size(transaction: Transaction) -> int:
    """The size that feerates are counted by: a quarter of the weight, rounded up."""
    return -(-transaction.weight() // 4)
