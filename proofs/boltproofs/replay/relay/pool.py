"""A mempool by the model's rules: what it refuses and why, in the words of Bitcoin Core; what waits, and what leaves.

Amounts, scripts and signatures are the node's to check; everything offered here is right in that respect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from boltspec.chain.conditions import first_block
from boltspec.chain.policy import (
    CARVE_OUT_SIZE,
    LARGEST_CLUSTER_REPLACED,
    MOST_REPLACED,
    Priced,
    brings_no_new_parents,
    dust_limit_sat,
    has_higher_feerate,
    has_room,
    is_relayed,
    least_replacement_fee,
    may_replace,
)
from boltspec.units import Blocks, Height
from boltwire.transaction import Outpoint, Transaction, TxOutput

LOCKTIME_THRESHOLD = 500_000_000
"""A lock time from here on is a time: that of a commitment, which hides its number there, is long past."""
RELATIVE_LOCK_OFF = 1 << 31
"""An input's sequence from here on holds no relative lock (BIP 68)."""

DUST = "dust"
NOT_FINAL = "non-final"
TOO_YOUNG = "non-BIP68-final"
MISSING = "missing-inputs"
PAYS_TOO_LITTLE = "min relay fee not met"
TOO_MANY_RELATIVES = "too-long-mempool-chain"
SPENDS_WHAT_IT_REPLACES = "bad-txns-spends-conflicting-tx"
NEW_PARENTS = "replacement-adds-unconfirmed"
TOO_MANY_REPLACED = "too many potential replacements"
REPLACES_FOR_TOO_LITTLE = "insufficient fee"
OTHER_PARENTS = "package-not-child-with-unconfirmed-parents"
PACKAGE_PAYS_TOO_LITTLE = "package RBF failed: insufficient anti-DoS fees"
CHILD_PAYS_TOO_LITTLE = "package RBF failed: package feerate is less than or equal to parent feerate"
CLUSTER_TOO_LARGE = "package RBF failed"
NO_BETTER = "package RBF failed: insufficient feerate: does not improve feerate diagram"


@dataclass(frozen=True, slots=True)
class Offer:
    """A transaction that is offered to the mempool."""

    name: str
    transaction: Transaction
    fee_sat: int
    txid: bytes = field(init=False)
    size: int = field(init=False)
    """In virtual bytes."""

    def __post_init__(self) -> None:
        """Compute what is asked for often."""
        object.__setattr__(self, "txid", self.transaction.txid())
        object.__setattr__(self, "size", -(-self.transaction.weight() // 4))

    @property
    def priced(self) -> Priced:
        """Fee and size."""
        return Priced(self.fee_sat, self.size)

    @property
    def spent(self) -> frozenset[Outpoint]:
        """What it spends."""
        return frozenset(entry.outpoint for entry in self.transaction.inputs)

    def outputs(self) -> dict[Outpoint, TxOutput]:
        """Return what it makes."""
        return {Outpoint(self.txid, at): made for at, made in enumerate(self.transaction.outputs)}


class Made(NamedTuple):
    """A confirmed output."""

    output: TxOutput
    height: int


class Pool:
    """The confirmed outputs of a few transactions, and what waits."""

    def __init__(self, height: int) -> None:
        """Begin with nothing, on a chain of that height."""
        self.height = height
        self.confirmed: dict[Outpoint, Made] = {}
        """Unspent ones."""
        self.waiting: dict[bytes, Offer] = {}

    # --- families ---

    def parents(self, offer: Offer) -> set[bytes]:
        """Return which of those that wait it spends outputs of."""
        return {outpoint.txid for outpoint in offer.spent} & self.waiting.keys()

    def ancestors(self, offer: Offer) -> set[bytes]:
        """Return its parents that wait, and theirs."""
        found, open_ = set[bytes](), self.parents(offer)
        while open_:
            found |= open_
            open_ = {txid for parent in open_ for txid in self.parents(self.waiting[parent])} - found
        return found

    def descendants(self, txids: Iterable[bytes]) -> set[bytes]:
        """Return what descends from any of these, themselves included."""
        found = set(txids)
        while True:
            more = {txid for txid, other in self.waiting.items() if txid not in found and self.parents(other) & found}
            if not more:
                return found
            found |= more

    def rivals(self, offer: Offer) -> set[bytes]:
        """Return those that spend what it spends."""
        return {txid for txid, other in self.waiting.items() if txid != offer.txid and other.spent & offer.spent}

    # --- judging ---

    def refusal(self, offer: Offer) -> str | None:
        """Return why a transaction is not let in; ``None`` if it is."""
        reason = self._unfit(offer)
        if reason is not None:
            return reason
        if not is_relayed(*offer.priced):
            return PAYS_TOO_LITTLE
        rivals = self.rivals(offer)
        if not self._has_room(offer, rivals):
            return TOO_MANY_RELATIVES
        return self._replacement_refusal(offer, rivals) if rivals else None

    def _unfit(self, offer: Offer) -> str | None:
        """Return what is wrong with a transaction whatever it pays."""
        following = Height(self.height + 1)
        locktime = offer.transaction.locktime
        if locktime < LOCKTIME_THRESHOLD and first_block(Height(0), Blocks(0), Height(locktime)) > following:
            return NOT_FINAL
        if not all(self._is_there(outpoint) for outpoint in offer.spent):
            return MISSING
        for entry in offer.transaction.inputs:
            since = self.confirmed[entry.outpoint].height if entry.outpoint in self.confirmed else int(following)
            lock = 0 if entry.sequence >= RELATIVE_LOCK_OFF else entry.sequence
            if first_block(Height(since), Blocks(lock), Height(-1)) > following:
                return TOO_YOUNG
        return DUST if self.has_dust(offer) else None

    def has_dust(self, offer: Offer) -> bool:
        """Say whether an output is not worth having."""
        return any(made.amount_sat < dust_limit_sat(len(made.serialize())) for made in offer.transaction.outputs)

    def _is_there(self, outpoint: Outpoint) -> bool:
        parent = self.waiting.get(outpoint.txid)
        return outpoint in self.confirmed or (parent is not None and outpoint in parent.outputs())

    def _has_room(self, offer: Offer, rivals: set[bytes]) -> bool:
        """Say whether its family stays within the limits; what it replaces, if it is one, does not count."""
        return self._fits(offer, *self._spared(rivals)) or self._fits_as_one_more(offer, rivals)

    def is_carved_out(self, offer: Offer) -> bool:
        """Say whether a transaction is let in only as the one child more."""
        rivals = self.rivals(offer)
        return not self._fits(offer, *self._spared(rivals)) and self._fits_as_one_more(offer, rivals)

    def _spared(self, rivals: set[bytes]) -> tuple[int, int]:
        """Return by how many members, and by how many virtual bytes, a family is wider for a replacement."""
        return (1, self._size(rivals)) if len(rivals) == 1 else (0, 0)

    def _fits_as_one_more(self, offer: Offer, rivals: set[bytes]) -> bool:
        """Say whether it is a small child of a single ancestor, for which there is room for one more."""
        more, larger = self._spared(rivals)
        is_small = offer.size <= CARVE_OUT_SIZE and len(self.ancestors(offer)) == 1
        return is_small and self._fits(offer, more + 1, larger + CARVE_OUT_SIZE)

    def _fits(self, offer: Offer, more: int, larger: int) -> bool:
        """Say whether ancestors and descendants stay within the limits, the latter being so much wider."""
        ancestors = self.ancestors(offer)
        if not has_room(len(ancestors) + 1, self._size(ancestors) + offer.size):
            return False
        below = [self.descendants({txid}) for txid in ancestors]
        return all(has_room(len(down) + 1 - more, self._size(down) + offer.size - larger) for down in below)

    def _size(self, txids: Iterable[bytes]) -> int:
        return sum(self.waiting[txid].size for txid in txids)

    def _priced(self, txids: Iterable[bytes]) -> list[Priced]:
        return [self.waiting[txid].priced for txid in txids]

    def _replacement_refusal(self, offer: Offer, rivals: set[bytes]) -> str | None:
        if rivals & self.ancestors(offer):
            return SPENDS_WHAT_IT_REPLACES
        conflicting, descendants = self._priced(rivals), self._priced(self.descendants(rivals) - rivals)
        grandparents = {parent for txid in rivals for parent in self.parents(self.waiting[txid])}
        if may_replace(offer.priced, conflicting, descendants) and brings_no_new_parents(
            self.parents(offer), grandparents
        ):
            return None
        if not has_higher_feerate(offer.priced, conflicting):
            return REPLACES_FOR_TOO_LITTLE
        if len(conflicting) + len(descendants) > MOST_REPLACED:
            return TOO_MANY_REPLACED
        if not brings_no_new_parents(self.parents(offer), grandparents):
            return NEW_PARENTS
        return REPLACES_FOR_TOO_LITTLE

    # --- packages ---

    def package_refusal(self, parent: Offer, child: Offer) -> str | None:
        """Return why a parent and a child, which pays for it as well, are not let in together.

        That is asked of a parent alone in the way of which others are, for its fee.
        """
        if any(outpoint not in self.confirmed and outpoint.txid != parent.txid for outpoint in child.spent):
            return OTHER_PARENTS
        if not (is_relayed(*parent.priced) and is_relayed(*child.priced)):
            return PAYS_TOO_LITTLE
        rivals = self.rivals(parent) | self.rivals(child)
        replaced = self._priced(self.descendants(rivals))
        together = Priced(parent.fee_sat + child.fee_sat, parent.size + child.size)
        if together.fee < least_replacement_fee(together.size, replaced):
            return PACKAGE_PAYS_TOO_LITTLE
        if not has_higher_feerate(together, [parent.priced]):
            return CHILD_PAYS_TOO_LITTLE
        if any(len(self._cluster(txid)) > LARGEST_CLUSTER_REPLACED for txid in rivals):
            return CLUSTER_TOO_LARGE
        return None if has_higher_feerate(together, self._chunks(rivals)) else NO_BETTER

    def _cluster(self, txid: bytes) -> set[bytes]:
        """Return what is related to a transaction that waits, over any number of steps; itself included."""
        found = {txid}
        while True:
            more = self.descendants(found).union(*(self.ancestors(self.waiting[one]) for one in found))
            if more <= found:
                return found
            found |= more

    def _chunks(self, rivals: set[bytes]) -> list[Priced]:
        """Return what would be replaced, in the parts that miners take it in: a child that pays for its parent with it.

        Families here have two members at most.
        """
        chunks = []
        for family in {frozenset(self._cluster(txid)) for txid in rivals}:
            members = sorted((self.waiting[txid] for txid in family), key=lambda offer: len(self.ancestors(offer)))
            whole = Priced(sum(one.fee_sat for one in members), sum(one.size for one in members))
            pays = has_higher_feerate(members[-1].priced, [one.priced for one in members[:-1]])
            chunks += [whole] if pays else [one.priced for one in members]
        return chunks

    # --- changing ---

    def take(self, *offers: Offer) -> None:
        """Let transactions in that were not refused; what they replace leaves."""
        for offer in offers:
            for txid in self.descendants(self.rivals(offer)):
                del self.waiting[txid]
        for offer in offers:
            self.waiting[offer.txid] = offer

    def confirm(self, offers: Sequence[Offer]) -> None:
        """Close a block of these transactions: they leave, and all that conflicts with them."""
        self.height += 1
        for offer in offers:
            for txid in self.descendants(self.rivals(offer)):
                del self.waiting[txid]
            self.waiting.pop(offer.txid, None)
            for outpoint in offer.spent:
                self.confirmed.pop(outpoint, None)
            self.confirmed |= {at: Made(output, self.height) for at, output in offer.outputs().items()}
