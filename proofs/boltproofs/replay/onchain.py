"""The on-chain half of a replay: commitments, spends and blocks of the model made real on a given chain.

A commitment is confirmed in a block of its own. Spends wait in the block that is being built until the model closes
it; consensus is asked about each at once, behind those that wait already.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltchain.interface import Chain, TransactionRejected
from boltchain.transaction import Txid
from boltproofs.replay.claims import Impossible, claim, second_stage_coin
from boltproofs.replay.coins import Coin, coins_of, confirmed, on_chain
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.party import Party
from boltproofs.replay.terms import Funding
from boltspec.commitment import Commitment
from boltspec.ledger import Closing, Confirmed, Ledger
from boltspec.outputs import Kind, Path
from boltspec.scenario import NAMES
from boltspec.units import Height
from boltwire.commitment import BuiltCommitment
from boltwire.funding import read_commitment_number
from boltwire.transaction import Transaction, parse_transaction

MOST_BLOCKS = 20_000
"""How far the chain is taken for one commitment: mining must end."""


@dataclass(frozen=True, slots=True)
class Swept:
    """A coin that went to a wallet."""

    kind: Kind
    payee: int
    coin: Coin
    """The wallet's output."""


class OnChain:
    """One channel on a real chain: what was confirmed, what waits, and which coin stands for which of the model's."""

    def __init__(self, chain: Chain, parties: tuple[Party, Party], funding: Funding) -> None:
        self.chain = chain
        self.parties = parties
        self.funding = funding
        self.closing: Closing | None = None
        self.coins: list[Coin] = []
        """In the order of the model's ``ledger.unspent``."""
        self.swept: list[Swept] = []
        self.pending: list[bytes] = []
        """Transactions of the block that is being built."""
        self._built: tuple[BuiltCommitment, BuiltCommitment] | None = None

    # --- the commitment ---

    def publish(self, party: int, index: int, commitment: Commitment, after: Ledger) -> Transaction:
        """Confirm a party's signed commitment in a block of its own, at the height that the model gives it."""
        try:
            transaction = self.parties[party].complete(index)
        except LookupError as missing:
            raise Disagreement(f"commitment {index}", "that it can be published", str(missing)) from missing
        self._reach(after.height)
        try:
            self.chain.mine(transactions=[transaction.serialize()])
        except TransactionRejected as refused:
            raise Disagreement(f"commitment {index}", "that it confirms", f"consensus: {refused.reason}") from refused
        self.closing = after.closing
        self._built = self._recognised(party, index, transaction)
        modelled = [entry.output for entry in after.unspent]
        self.coins = coins_of(self._built[party], commitment, modelled)
        return transaction

    def _reach(self, height: Height) -> None:
        """Mine empty blocks until the next block is that of the model's height."""
        missing = self.funding.real_height(height) - 1 - self.chain.height()
        if not 0 <= missing <= MOST_BLOCKS:
            raise Disagreement("height", f"that {height} comes next", f"{missing} blocks are missing before it")
        for _ in range(missing):
            self.chain.mine(transactions=[])

    def _recognised(self, owner: int, index: int, published: Transaction) -> tuple[BuiltCommitment, BuiltCommitment]:
        """What each party knows of the confirmed commitment: its owner, and the other from the chain alone."""
        held = self.parties[owner].held[index]
        assert held is not None, "it was published"
        other = self.parties[1 - owner]
        seen = parse_transaction(confirmed(self.chain, Txid(published.txid())).raw)
        number = read_commitment_number(seen, other.terms.obscuring_factor)
        built = None if number is None else other.signed.get(number)
        if built is None or built.txid != published.txid():
            reality = f"{NAMES[1 - owner]} reads the number {number} and finds nothing like it that it signed"
            raise Disagreement(f"commitment {index} on the chain", "that the peer signed it", reality)
        return (held.built, built) if owner == 0 else (built, held.built)

    def built(self, party: int) -> BuiltCommitment:
        """The confirmed commitment as a party rebuilt it."""
        assert self._built is not None, "no commitment is confirmed"
        return self._built[party]

    # --- spends and blocks ---

    def claim(self, party: int, index: int, entry: Confirmed, path: Path) -> Transaction:
        """The party's transaction that takes coin ``index`` by a path; :class:`Impossible` if it has none."""
        return claim(self.parties[party], self.built(party), self.coins[index], path, entry.output.htlc)

    def refusal(self, transaction: Transaction) -> str | None:
        """Why consensus would refuse a transaction in the block that is being built; ``None`` if it would not."""
        return self.chain.check(transaction.serialize(), self.pending)

    def spend(self, party: int, index: int, entry: Confirmed, path: Path) -> Transaction:
        """Put a party's spend into the block that is being built; consensus must take it."""
        what = f"{NAMES[party]} spends {entry.output.kind} by {path.use}"
        try:
            transaction = self.claim(party, index, entry, path)
        except Impossible as missing:
            raise Disagreement(what, "that it can", str(missing)) from missing
        if (reason := self.refusal(transaction)) is not None:
            raise Disagreement(what, "that it can", f"consensus: {reason}")
        self.pending.append(transaction.serialize())
        coin = self.coins.pop(index)
        if path.leads_to is not None:
            self.coins.append(second_stage_coin(self.built(party), coin, path.leads_to, transaction))
        else:
            self.swept.append(Swept(coin.kind, party, coin.moved(transaction)))
        return transaction

    def mine(self) -> None:
        """Close the block that is being built."""
        try:
            self.chain.mine(transactions=self.pending)
        except TransactionRejected as refused:
            raise Disagreement("a block", "that its transactions confirm", f"consensus: {refused.reason}") from refused
        self.pending = []

    def wallet(self, party: int) -> int:
        """What a party owns alone in confirmed outputs, in satoshis: what it swept, and its ``to_remote``."""
        own = [swept.coin for swept in self.swept if swept.payee == party]
        if self.closing is not None and self.closing.owner != party:
            own += [coin for coin in self.coins if coin.kind is Kind.TO_REMOTE]
        found = (self.chain.utxo(on_chain(coin.outpoint)) for coin in own)
        return sum(utxo.amount_sat for utxo in found if utxo is not None)
