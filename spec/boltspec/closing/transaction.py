"""Closing transactions as facts (BOLT 3, Legacy Closing Transaction, Closing Transaction).

A closing transaction is what it pays, its lock time and whether it can be replaced. The input, the funding output, is
always the same one. Two nodes that mean the same transaction compute equal values. ``None`` stands for a transaction
that cannot exist: an output would be negative, or none would be left.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from boltspec.channel import Channel
from boltspec.closing.scripts import Script, is_dust
from boltspec.htlc import Side
from boltspec.rules import duty
from boltspec.units import Sat, floor_to_sat

NONE = Sat(0)


class Payout(NamedTuple):
    """One output."""

    amount_sat: Sat
    script: Script

    @property
    def is_dust(self) -> bool:
        """Whether the output keeps the transaction from being relayed."""
        return is_dust(self.script, self.amount_sat)


@dataclass(frozen=True, slots=True)
class ClosingTx:
    """A closing transaction."""

    payouts: tuple[Payout, ...]
    """In the order of BOLT 3: by amount, then by script."""
    locktime: int = 0
    """``nLockTime``; zero in the legacy transaction."""
    replaceable: bool = False
    """Its input has sequence 0xFFFFFFFD and not 0xFFFFFFFF."""

    def paid_to(self, script: Script) -> Sat:
        """Return what the script gets."""
        return sum((payout.amount_sat for payout in self.payouts if payout.script == script), NONE)

    @property
    def total_sat(self) -> Sat:
        """What all outputs have together; the rest of the funding output is fee."""
        return sum((payout.amount_sat for payout in self.payouts), NONE)


class Variant(StrEnum):
    """Which outputs a closing transaction of ``option_simple_close`` has: the fields of ``closing_tlvs``."""

    CLOSER_OUTPUT_ONLY = "closer_output_only"
    CLOSEE_OUTPUT_ONLY = "closee_output_only"
    CLOSER_AND_CLOSEE_OUTPUTS = "closer_and_closee_outputs"


@dataclass(frozen=True, slots=True)
class ClosingDetails:
    """What ``closing_complete`` proposes and ``closing_sig`` repeats."""

    closer_scriptpubkey: Script
    closee_scriptpubkey: Script
    fee_satoshis: Sat
    locktime: int = 0


def legacy_transaction(
    channel: Channel, scripts: tuple[Script | None, Script | None], fee: Sat, signer: Side, *, own_output: bool = True
) -> ClosingTx | None:
    """Return the transaction that a node signs in ``closing_signed``.

    ``scripts`` are the local and the remote one. Amounts are rounded down (B03-legacy-closing-tx-s-01); the signer may
    leave its own output out (B03-legacy-closing-tx-s-04).
    """
    dust_limit = channel.params.announced_by(signer).dust_limit_satoshis
    payouts = []
    for side in Side:
        script, amount = scripts[side], floor_to_sat(channel.settled_msat(side))
        if side is channel.params.opener and duty("B03-legacy-closing-tx-s-02"):
            amount = amount - fee
        if script is None or amount < NONE:
            return None
        left_out = (amount < dust_limit and duty("B03-legacy-closing-tx-s-03")) or (side is signer and not own_output)
        if not left_out:
            payouts.append(Payout(amount, script))
    return _transaction(payouts, 0, replaceable=False)


def closer_amount(channel: Channel, closer: Side, details: ClosingDetails, zeroed_by: str) -> Sat:
    """Return what the closer's output has: its balance less the fee; nothing if the script is an ``OP_RETURN``.

    ``zeroed_by`` is the rule by which the caller makes that zero: closer and closee have one each, both standing for
    B03-closing-tx-s-03. Rounding is down (B03-closing-tx-s-01).
    """
    if details.closer_scriptpubkey.is_op_return and duty(zeroed_by):
        return NONE
    balance = floor_to_sat(channel.settled_msat(closer))
    return balance - details.fee_satoshis if duty("B03-closing-tx-s-02") else balance


def closee_amount(channel: Channel, closer: Side, details: ClosingDetails) -> Sat:
    """Return what the closee's output has: all of its balance; nothing if the script is an ``OP_RETURN``."""
    if details.closee_scriptpubkey.is_op_return and duty("B03-closing-tx-s-03"):
        return NONE
    return floor_to_sat(channel.settled_msat(closer.other))


def simple_transaction(
    channel: Channel, closer: Side, details: ClosingDetails, variant: Variant, zeroed_by: str
) -> ClosingTx | None:
    """Return a closing transaction that the closer pays for (B02-closing-complete-c-15, B02-closing-complete-k-09).

    Its lock time is the one in the message (B02-closing-complete-c-05).
    """
    of_closer = Payout(closer_amount(channel, closer, details, zeroed_by), details.closer_scriptpubkey)
    of_closee = Payout(closee_amount(channel, closer, details), details.closee_scriptpubkey)
    match variant:
        case Variant.CLOSER_OUTPUT_ONLY:
            payouts = [of_closer]
        case Variant.CLOSEE_OUTPUT_ONLY:
            payouts = [of_closee]
        case Variant.CLOSER_AND_CLOSEE_OUTPUTS:
            payouts = [of_closer, of_closee]
    if floor_to_sat(channel.settled_msat(closer)) < details.fee_satoshis:
        return None
    return _transaction(payouts, details.locktime, replaceable=True)


def _transaction(payouts: list[Payout], locktime: int, *, replaceable: bool) -> ClosingTx | None:
    if not payouts:
        return None
    return ClosingTx(tuple(sorted(payouts)), locktime, replaceable)
