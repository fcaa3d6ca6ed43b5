"""How runs of the chain world are shown: messages as in the dance, then heights, transactions and where money goes."""

from __future__ import annotations

from typing import Any

from boltproofs.explorer.family import Property, Rung, World
from boltproofs.families.dance_shown import DanceShown
from boltspec.chain.properties.payout import entitlement, payout
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Transaction
from boltspec.chain.world import ChainWorld
from boltspec.move import Move
from boltspec.scenario import NAMES


class OnchainShown:
    """Messages, blocks and transactions."""

    def __init__(self) -> None:
        self._dance = DanceShown()

    def rung(self, scenario: Any, before: World, move: Move, after: World) -> Rung:
        """Return a move as lines."""
        if move.action in ("send", "deliver", "disconnect", "crash", "restore"):
            rung = self._dance.rung(scenario.talk(before.corrupt), before.talk, move, after.talk)
            return (
                rung
                if after.status == before.status
                else Rung(rung.left, (*rung.middle, *_gives_up(after)), rung.right)
            )
        lines = [f"# {move}", *_status(before, after), *_ledger(before, after)]
        return Rung(middle=tuple(lines))

    def numbers(self, scenario: Any, before: World, move: Move | None, after: World, broken: Property) -> list[str]:
        """Return what is on chain, and what each party has and ought to have."""
        del before, move, broken
        return [*_closing(after), *_accounts(scenario, after), *_unspent(after)]


def _gives_up(after: ChainWorld) -> list[str]:
    return [f"# status {' '.join(status.name.lower() for status in after.status)}"]


def _status(before: ChainWorld, after: ChainWorld) -> list[str]:
    lines = []
    for party, name in enumerate(NAMES):
        if before.status[party] is not after.status[party]:
            lines.append(f"  {name}: {before.status[party].name.lower()} > {after.status[party].name.lower()}")
    for index, (was, now) in enumerate(zip(before.payments, after.payments, strict=True)):
        if was != now:
            lines.append(f"  payment {index}: known to {_names(now.known)}; upstream {now.upstream.name.lower()},")
            lines.append(f"    downstream {now.downstream.name.lower()}{', disclosed' * now.disclosed}")
    return lines


def _names(flags: tuple[bool, bool]) -> str:
    return " and ".join(name for name, flag in zip(NAMES, flags, strict=True) if flag) or "nobody"


def _ledger(before: ChainWorld, after: ChainWorld) -> list[str]:
    lines = []
    if before.ledger.height != after.ledger.height:
        lines.append(f"  height {after.ledger.height}")
    if before.ledger.closing is None and after.ledger.closing is not None:
        lines += [f"  {line}" for line in _closing(after)]
    known = {entry.outpoint for entry in before.ledger.unspent}
    for entry in after.ledger.unspent:
        if entry.outpoint not in known:
            lines.append(f"  + {entry.coin.kind.name.lower()} {entry.coin.amount_sat} sat")
    for party, name in enumerate(NAMES):
        gained = after.ledger.received[party] - before.ledger.received[party]
        if gained:
            lines.append(f"  {name} receives {gained} sat")
    waiting = {pooled.transaction.txid for pooled in before.pool}
    new = [pooled.transaction for pooled in after.pool if pooled.transaction.txid not in waiting]
    return [*lines, *(f"  {NAMES[entry.signer]} broadcasts {_transaction(entry)}" for entry in new)]


def _transaction(transaction: Transaction) -> str:
    uses = ", ".join(sorted({str(spent.use) for spent in transaction.inputs}))
    return f"{transaction.txid.form.name.lower()} ({uses})"


def _closing(world: ChainWorld) -> list[str]:
    closing = world.ledger.closing
    if closing is None:
        return ["the funding output is unspent"]
    whose = NAMES[closing.txid.seat] if closing.txid.seat in (0, 1) else "both"
    return [f"{closing.txid.form.name.lower()} {closing.txid.number} of {whose} in block {closing.height}"]


def _accounts(scenario: ChainScenario, world: ChainWorld) -> list[str]:
    return [
        f"{name}: received {world.ledger.received[party]} sat, with what it paid {payout(world, party)};"
        f" ought to have {entitlement(world, scenario, party)}"
        for party, name in enumerate(NAMES)
        if not world.corrupt[party]
    ]


def _unspent(world: ChainWorld) -> list[str]:
    return [
        f"unspent: {entry.coin.kind.name.lower()} {entry.coin.amount_sat} sat since block {entry.height}"
        for entry in world.ledger.unspent
    ]
