"""The funding output: what a transaction says of it, and what the chain shows (BOLT 3, Funding Transaction Output).

A ``txid`` stands for its transaction, since a hash names only one. Who receives a txid may compare it, but sees the
transaction's outputs only once the transaction has been published (:func:`look`). The script of the funding output,
two signatures of the keys exchanged in ``open_channel`` and ``accept_channel``, is a fact: right or foreign.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from boltspec.units import Blocks, Sat

COINBASE_MATURITY = Blocks(100)
"""Confirmations before an output of a coinbase transaction can be spent (a consensus rule of Bitcoin)."""


class Script(StrEnum):
    """What an output pays to, as far as it matters."""

    FUNDING = "2-of-2 of both funding_pubkeys"
    FOREIGN = "something else"


@dataclass(frozen=True, slots=True)
class FundingOutput:
    """An output of a transaction."""

    amount_sat: Sat
    script: Script


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction of the opener that may or may not fund a channel; also its own txid."""

    outputs: tuple[FundingOutput, ...]
    malleable: bool = False
    """Someone else can change its txid without making it invalid: it has inputs that are not segwit."""
    coinbase: bool = False
    malleated: bool = False
    """It is the same transaction as another one, but for the txid."""


@dataclass(frozen=True, slots=True)
class Outpoint:
    """``funding_txid`` and ``funding_output_index``; also the ``channel_id`` that is made of them."""

    funding_txid: Transaction
    funding_output_index: int

    def output(self) -> FundingOutput | None:
        """Return what the outpoint refers to, for those who have the transaction."""
        outputs = self.funding_txid.outputs
        return outputs[self.funding_output_index] if self.funding_output_index < len(outputs) else None


@dataclass(frozen=True, slots=True)
class FundingSeen:
    """What a node has seen of the funding output."""

    output: FundingOutput | None = None
    """What the outpoint pays; ``None`` while no published transaction has it."""
    confirmations: Blocks = Blocks(0)  # noqa: RUF009  # a plain integer
    coinbase: bool = False
    short_channel_id: int | None = None
    """The real one: the place of the output in the chain, known from the first confirmation on."""

    @property
    def spendable(self) -> bool:
        """Whether consensus lets the output be spent now."""
        return not self.coinbase or self.confirmations >= COINBASE_MATURITY


NOT_SEEN = FundingSeen()
"""No published transaction has the outpoint."""


def look(outpoint: Outpoint | None, published: Transaction | None, confirmations: Blocks, scid: int) -> FundingSeen:
    """Return what a node sees of an outpoint when a transaction is published and has so many confirmations.

    ``scid`` is the ``short_channel_id`` that the output gets once it is confirmed.
    """
    if outpoint is None or published != outpoint.funding_txid or outpoint.output() is None:
        return NOT_SEEN
    real = scid if confirmations > Blocks(0) else None
    return FundingSeen(outpoint.output(), confirmations, published.coinbase, real)
