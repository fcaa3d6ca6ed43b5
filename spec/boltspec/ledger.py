"""A first ledger: the funding output, one commitment that spends it, and what becomes of its outputs.

The blockchain as arbiter, reduced to what one channel needs: heights, confirmed outputs and their spending conditions.
A commitment confirms in a block of its own; a spend goes into the block that is being built on ``height`` and
:func:`mine` closes it. Delay before that is part of how slowly an honest party reacts
(:class:`boltspec.scenario.Scenario`). Wallet fees, the mempool and reorganisations are not here yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from boltspec.htlc import Side
from boltspec.messages import CommitmentSigned
from boltspec.outputs import Kind, Need, Output, Path, Spender, outputs, second_stage
from boltspec.params import Params
from boltspec.units import Blocks, FeeratePerKw, Height, Sat


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An unspent output in the chain."""

    output: Output
    height: Height
    """Height of the block that confirmed it."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The commitment transaction that spent the funding output."""

    owner: int
    """Party (0 or 1) whose commitment it is."""
    number: int
    height: Height
    feerate_per_kw: FeeratePerKw
    """What its second-stage transactions pay too."""
    htlcs_signed: bool = True
    """The owner holds the peer's signatures for its second-stage transactions."""


@dataclass(frozen=True, slots=True)
class Payment:
    """An output that went to a party's wallet."""

    kind: Kind
    payee: int
    amount_sat: Sat
    by_revocation: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """The chain, as far as one channel is concerned."""

    height: Height
    """Height of the last closed block."""
    closing: Closing | None = None
    """``None`` while the funding output is unspent."""
    unspent: tuple[Confirmed, ...] = ()
    paid: tuple[Payment, ...] = ()


def confirm_commitment(ledger: Ledger, params: Params, party: int, owner: Side, held: CommitmentSigned) -> Ledger:
    """Confirm a commitment transaction of a party, in a block of its own.

    ``params`` and ``owner`` are from one node's point of view; ``party`` is the owner's seat in the world, ``held`` the
    message by which the peer signed it. ValueError if it signs nothing or the funding output is spent.
    """
    signed = held.signature.signed
    if ledger.closing is not None or signed is None:
        raise ValueError("the funding output is spent already, or the signature is valid for nothing")
    height = ledger.height + Blocks(1)
    made = tuple(Confirmed(output, height) for output in outputs(params, owner, signed))
    htlcs_signed = held.htlc_signatures.covers(signed)
    return Ledger(height, Closing(party, signed.number, height, signed.feerate_per_kw, htlcs_signed), made)


def is_open(path: Path, confirmed: Confirmed, height: Height, to_self_delay: Blocks) -> bool:
    """Say whether the chain's locks allow the path in the block that is built on ``height``."""
    following = height + Blocks(1)
    match path.need:
        case Need.EXPIRY:
            assert confirmed.output.htlc is not None
            # A transaction with this lock time fits into blocks above it.
            return following > confirmed.output.htlc.cltv_expiry
        case Need.DELAY:
            return following >= confirmed.height + to_self_delay
        case _:
            return True


def spend(ledger: Ledger, params: Params, confirmed: Confirmed, path: Path) -> Ledger:
    """Spend an output by a path that is open, in the block that is being built."""
    assert ledger.closing is not None
    rest = tuple(entry for entry in ledger.unspent if entry is not confirmed)
    if path.leads_to is not None:
        made = second_stage(params, ledger.closing.feerate_per_kw, confirmed.output, path.leads_to)
        return replace(ledger, unspent=(*rest, Confirmed(made, ledger.height + Blocks(1))))
    owner = ledger.closing.owner
    payee = owner if path.spender is Spender.OWNER else 1 - owner
    payment = Payment(confirmed.output.kind, payee, confirmed.output.amount_sat, path.need is Need.SECRET)
    paid = tuple(sorted((*ledger.paid, payment), key=lambda entry: (entry.kind, entry.payee, entry.amount_sat)))
    return replace(ledger, unspent=rest, paid=paid)


def mine(ledger: Ledger) -> Ledger:
    """Close the block that is being built."""
    return replace(ledger, height=ledger.height + Blocks(1))
