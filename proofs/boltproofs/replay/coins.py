"""Real outputs of a channel: which one stands for which output of the model's ledger, and what the chain has of them.

The chain is asked from the funding output on: whatever is unspent of all that descends from it belongs to the channel.
So nothing is missed because the replay forgot about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boltchain.interface import Chain
from boltchain.transaction import OutPoint, Transaction, Txid, parse_transaction
from boltproofs.replay.disagreement import Disagreement
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.outputs import Kind, Output
from boltwire.commitment import BuiltCommitment, OutputRole
from boltwire.htlc_tx import HtlcTransaction
from boltwire.transaction import Outpoint, TxOutput
from boltwire.transaction import Transaction as SignedTransaction

ANCHORS = {OutputRole.TO_LOCAL_ANCHOR, OutputRole.TO_REMOTE_ANCHOR}
"""Outputs that the model leaves out."""


@dataclass(frozen=True, slots=True)
class Coin:
    """A real output that stands for one of the model's ledger."""

    kind: Kind
    vout: int
    """Output of the commitment transaction that it is, or comes from."""
    outpoint: Outpoint
    output: TxOutput
    second_stage: HtlcTransaction | None = None
    """The HTLC transaction that made it, for a second-stage output."""

    def moved(self, transaction: SignedTransaction) -> Coin:
        """The only output of a transaction that moved the coin elsewhere."""
        return Coin(self.kind, self.vout, Outpoint(transaction.txid(), 0), transaction.outputs[0])


def coins_of(built: BuiltCommitment, commitment: Commitment, modelled: Sequence[Output]) -> list[Coin]:
    """Pair the model's outputs of a commitment with the real ones, in the model's order.

    Raises :class:`Disagreement` unless they are the same, anchors left out.
    """
    left = {vout: output for vout, output in enumerate(built.outputs) if output.role not in ANCHORS}
    coins = []
    for output in modelled:
        vout = next((vout for vout in left if _stands_for(built, vout, commitment, output)), None)
        if vout is None:
            raise Disagreement("outputs of the commitment", f"there is {_shown(output)}", _list_of(built))
        coins.append(Coin(output.kind, vout, built.outpoint(vout), left.pop(vout).output))
    if left:
        raise Disagreement("outputs of the commitment", f"there are {list(map(_shown, modelled))}", _list_of(built))
    return coins


def _stands_for(built: BuiltCommitment, vout: int, commitment: Commitment, output: Output) -> bool:
    real = built.outputs[vout]
    htlc: CommittedHtlc | None = None if real.htlc_index is None else commitment.htlcs[real.htlc_index]
    return (real.role.value, real.output.amount_sat, htlc) == (output.kind, int(output.amount_sat), output.htlc)


def _shown(output: Output) -> str:
    return f"{output.kind} of {output.amount_sat} sat"


def _list_of(built: BuiltCommitment) -> str:
    return f"there are {[f'{output.role.value} of {output.output.amount_sat} sat' for output in built.outputs]}"


def on_chain(outpoint: Outpoint) -> OutPoint:
    """The chain's form of an outpoint: the same bytes."""
    return OutPoint(Txid(outpoint.txid), outpoint.vout)


@dataclass(frozen=True, slots=True)
class Unspent:
    """An unspent output, confirmed or in the block that is being built."""

    amount_sat: int
    script_pubkey: bytes
    height: int


class Descendants:
    """What descends from one output, as the chain tells it."""

    def __init__(self, chain: Chain, root: OutPoint) -> None:
        self._chain = chain
        self._root = root
        self._sizes: dict[Txid, int] = {}

    def unspent(self, pending: Sequence[bytes]) -> dict[OutPoint, Unspent]:
        """All unspent outputs that descend from the root, as if ``pending`` were the next block."""
        found: dict[OutPoint, Unspent] = {}
        open_ = [self._root]
        while open_:
            outpoint = open_.pop()
            utxo = self._chain.utxo(outpoint)
            if utxo is not None:
                found[outpoint] = Unspent(utxo.amount_sat, utxo.script_pubkey, utxo.height)
            elif (txid := self._chain.spender(outpoint)) is not None:
                open_ += [OutPoint(txid, vout) for vout in range(self._size(txid))]
        for raw in pending:
            self._apply(found, parse_transaction(raw))
        return found

    def _apply(self, found: dict[OutPoint, Unspent], transaction: Transaction) -> None:
        for spent in transaction.inputs:
            found.pop(spent.previous, None)
        for vout, output in enumerate(transaction.outputs):
            made = Unspent(output.amount_sat, output.script_pubkey, self._chain.height() + 1)
            found[OutPoint(transaction.txid, vout)] = made

    def _size(self, txid: Txid) -> int:
        """Number of outputs of a confirmed transaction."""
        if txid not in self._sizes:
            self._sizes[txid] = len(confirmed(self._chain, txid).outputs)
        return self._sizes[txid]


def confirmed(chain: Chain, txid: Txid) -> Transaction:
    """Read a transaction from the block that holds it; LookupError if there is none."""
    height = chain.transaction_height(txid)
    if height is None:
        raise LookupError(f"no block holds the transaction {txid[::-1].hex()}")
    transactions = map(parse_transaction, chain.block(height))
    return next(transaction for transaction in transactions if transaction.txid == txid)
