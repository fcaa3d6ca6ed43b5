"""The ways in which a channel ends on chain, each with its transactions: made by the specification for one example.

The example is a channel with anchors, of *the node* and *its peer*, with one HTLC of each. What spends the funding
output is confirmed in block 100. From there everything is computed: the outputs, by whom, by which way and from which
block each can be spent, what the node does about it and by which rule, and before which block the other could.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from boltproofs.docs.markdown import code, table
from boltproofs.docs.requirement_links import rule_links
from boltspec.chain.conditions import CONDITIONS, Condition, Keys, Kind, Lock, Use, first_block, relative_lock
from boltspec.chain.deadlines import Timing, fulfilment_deadline, timeout_deadline
from boltspec.chain.enforcement import RESOLUTIONS, Situation
from boltspec.chain.transactions import (
    Coin,
    Outpoint,
    Transaction,
    closing_transaction,
    commitment_transaction,
    side,
    spending,
)
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.fees import commitment_fee
from boltspec.scenario import small_limits, small_params
from boltspec.units import Blocks, Height, Msat, Sat

NODE, PEER = 0, 1
"""Seats."""
WHO = ("the node", "its peer")
PARAMS = small_params(small_limits())
TIMING = Timing(reorg_depth=Blocks(2), grace=Blocks(2), confirmation=Blocks(4))
CONFIRMED = Height(100)
"""Block that holds what spends the funding output."""
OFFERED, RECEIVED = Height(130), Height(120)
"""``cltv_expiry`` of the HTLC that the node offers, and of the one that it receives."""
NEWEST, REVOKED = 7, 3
"""Numbers of commitments."""


class Branch(NamedTuple):
    """One way in which an output can go on."""

    spender: int | None
    """Seat; ``None`` for anybody."""
    way: Condition
    first: Height
    """First block that can hold the spend."""
    needs: tuple[str, ...]
    amount_sat: Sat
    """What it makes of the output."""
    rules: tuple[str, ...]
    """The rules by which the node spends it like that; empty if it does not, or is not the spender."""
    preferred: bool
    """No other way of the node's goes before it."""
    further: tuple[Branch, ...]
    """What can become of its output, if that is no wallet's yet."""


class Output(NamedTuple):
    """An output of what spends the funding output."""

    coin: Coin
    branches: tuple[Branch, ...]


class Close(NamedTuple):
    """A close, as far as it is certain from the start."""

    situation: Situation
    transaction: Transaction
    outputs: tuple[Output, ...]


@cache
def close(case: Situation) -> Close:
    """Return a close of a kind."""
    made = _transaction(case)
    outputs = (
        Output(coin, tuple(_branches(case, Outpoint(made.txid, at), coin, CONFIRMED)))
        for at, coin in enumerate(made.outputs)
    )
    return Close(case, made, tuple(outputs))


def _transaction(case: Situation) -> Transaction:
    if case is Situation.MUTUAL:
        fee = commitment_fee(PARAMS, PARAMS.feerate_per_kw, 0)
        return closing_transaction(PARAMS, (Sat(600_000), Sat(400_000)), PARAMS.local.dust_limit_satoshis, fee)
    owner = NODE if case is Situation.LOCAL else PEER
    number = REVOKED if case is Situation.REVOKED else NEWEST
    return commitment_transaction(PARAMS, owner, _commitment(owner, number), htlcs_signed=True)


def _commitment(owner: int, number: int) -> Commitment:
    """A commitment in which the node has 300,000 sat and offers 250,000, its peer 200,000 and 250,000."""
    balances = (Msat(300_000_000), Msat(200_000_000))
    htlcs = (
        CommittedHtlc(owner == NODE, 0, Msat(250_000_000), 0, OFFERED),
        CommittedHtlc(owner == PEER, 0, Msat(250_000_000), 1, RECEIVED),
    )
    return Commitment(number, PARAMS.feerate_per_kw, balances[owner], balances[1 - owner], htlcs)


def _branches(case: Situation, outpoint: Outpoint, coin: Coin, confirmed: Height) -> Iterator[Branch]:
    """Yield the ways to spend an output; those by revocation only where the commitment is revoked."""
    for way in CONDITIONS[coin.kind]:
        if way.secret and case is not Situation.REVOKED:
            continue
        spender = None if way.keys is Keys.ANYONE else 1 - coin.seat if way.keys is Keys.OTHER else coin.seat
        made = spending(PARAMS, outpoint, coin, way, coin.seat if spender is None else spender)
        first = first_block(confirmed, made.inputs[0].sequence, made.locktime)
        left = made.outputs[0]
        further = () if left.kind is Kind.WALLET else tuple(_branches(case, Outpoint(made.txid), left, first))
        rules = _rules(case, coin.kind, way.use) if spender == NODE else ()
        preferred = bool(rules) and RESOLUTIONS[case, coin.kind][0][1] is way.use
        yield Branch(spender, way, first, _needs(way, coin), left.amount_sat, rules, preferred, further)


def _rules(case: Situation, kind: Kind, use: Use) -> tuple[str, ...]:
    return next((rules for rules, listed in RESOLUTIONS.get((case, kind), ()) if listed is use), ())


def _needs(way: Condition, coin: Coin) -> tuple[str, ...]:
    """Return what a way needs besides a signature, in words."""
    needs = []
    if way.keys is Keys.BOTH:
        needs.append("both signatures, made in advance")
    if way.secret:
        needs.append("the secret of this commitment")
    if way.preimage:
        needs.append("the preimage")
    if way.expiry and coin.htlc is not None:
        needs.append(f"cltv_expiry {coin.htlc.cltv_expiry} reached")
    delay = PARAMS.binding(side(coin.seat)).to_self_delay
    blocks = relative_lock(way.lock, PARAMS.option_anchors, delay)
    if way.lock is Lock.TO_SELF_DELAY:
        needs.append(f"to_self_delay: {blocks} blocks old")
    elif blocks > Blocks(0):
        needs.append(f"{blocks} block{'s' if blocks > Blocks(1) else ''} old")
    return tuple(needs)


# --- tables ---


def spends(case: Situation) -> str:
    """Return the table of all spends, with what the node does and before when."""
    headings = ("output", "spent by", "way", "needs", "from block", "what the node does", "before")
    return table(headings, _rows(case))


def _rows(case: Situation) -> Iterator[tuple[str, ...]]:
    for output in close(case).outputs:
        name = f"{code(output.coin.kind.name.lower())} {output.coin.amount_sat:,} sat"
        if not output.branches:
            yield name, WHO[output.coin.seat], "", "nothing: it is in its wallet", f"{CONFIRMED}", "", ""
        yield from _rows_of(name, output.branches)


def _rows_of(name: str, branches: tuple[Branch, ...]) -> Iterator[tuple[str, ...]]:
    for branch in branches:
        who = "anybody" if branch.spender is None else WHO[branch.spender]
        does = ""
        if branch.rules:
            how = "spends it like that" if branch.preferred else "failing the other way"
            does = f"{how}: {rule_links(branch.rules)}"
        needs = ", ".join(branch.needs) or "its signature"
        before = _before(branch, branches) if branch.rules else ""
        yield name, who, code(branch.way.use.value), needs, f"{branch.first}", does, before
        if branch.further:
            stage = f"{code(branch.way.leads_to.name.lower())} {branch.amount_sat:,} sat"
            yield from _rows_of(stage, branch.further)


def _before(branch: Branch, branches: tuple[Branch, ...]) -> str:
    """Return from when on somebody else could take the output: until then the node has time."""
    others = [other for other in branches if other.spender != branch.spender]
    with_preimage = [other for other in others if other.way.preimage]
    surely = [other.first for other in others if not other.way.preimage]
    parts = [f"block {min(surely)}, its peer's first"] if surely else []
    parts += ["the peer shows the preimage"] if with_preimage else []
    return ", and before ".join(parts)


def deadlines() -> str:
    """Return until when the node fails the channel because of the two HTLCs of the example."""
    rows = (
        ("it offers", f"{OFFERED}", "its peer has not removed it", f"{timeout_deadline(OFFERED, TIMING)}"),
        ("it receives", f"{RECEIVED}", "it has the preimage", f"{fulfilment_deadline(RECEIVED, TIMING)}"),
    )
    return table(("HTLC that", "cltv_expiry", "and", "it fails the channel at height"), rows)
