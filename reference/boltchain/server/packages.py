"""Packages: a child with its unconfirmed parents, which are judged together so that the child may pay for them.

As in Bitcoin Core, each transaction is first tried alone. What fails alone only for its fee, or for parents that are
not there yet, is then judged as one package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boltchain.server.acceptance import MISSING_INPUTS, Candidate, Pays, Refusal
from boltchain.server.node import RegtestNode
from boltchain.transaction import Transaction, Txid

MAX_PACKAGE_COUNT = 25
"""Most transactions in a package."""

MAX_PACKAGE_WEIGHT = 404_000
"""Heaviest package, in weight units."""


class MalformedPackage(Exception):
    """The transactions do not form a package; the message is Bitcoin Core's word for why."""


@dataclass(frozen=True, slots=True)
class Member:
    """What became of one transaction of a package."""

    transaction: Transaction
    fee_sat: int
    """Its own fee, if it was taken."""
    refusal: Refusal | None
    """Why it was not taken."""
    company: tuple[Transaction, ...] = ()
    """The transactions whose fees were counted together with its own, itself included; empty if it was tried alone."""


def check_package(transactions: Sequence[Transaction]) -> None:
    """MalformedPackage unless the transactions can be judged together, in this order."""
    if len(transactions) > MAX_PACKAGE_COUNT:
        raise MalformedPackage("package-too-many-transactions")
    if len(transactions) > 1 and sum(each.weight for each in transactions) > MAX_PACKAGE_WEIGHT:
        raise MalformedPackage("package-too-large")
    txids = [each.txid for each in transactions]
    if len(set(txids)) < len(txids):
        raise MalformedPackage("package-contains-duplicates")
    later: set[Txid] = set()
    for each in reversed(transactions):
        later.add(each.txid)
        if any(used.previous.txid in later for used in each.inputs):
            raise MalformedPackage("package-not-sorted")
    spent = [used.previous for each in transactions for used in each.inputs]
    if len(set(spent)) < len(spent):
        raise MalformedPackage("conflict-in-package")


def is_child_with_parents(transactions: Sequence[Transaction]) -> bool:
    """Whether the last transaction spends an output of each other one, and these none of each other."""
    *parents, child = transactions
    txids = {parent.txid for parent in parents}
    related = any(used.previous.txid in txids for parent in parents for used in parent.inputs)
    return not related and txids <= {used.previous.txid for used in child.inputs}


def check_all_parents(node: RegtestNode, transactions: Sequence[Transaction]) -> None:
    """MalformedPackage if the child spends what is neither in the chain nor in the package.

    So Bitcoin Core has it up to version 29, even for parents that wait; later versions let those be left out.
    """
    *parents, child = transactions
    txids = {parent.txid for parent in parents}
    others = [used.previous for used in child.inputs if used.previous.txid not in txids]
    if parents and any(node.chain.utxo(outpoint) is None for outpoint in others):
        raise MalformedPackage("package-not-child-with-unconfirmed-parents")


def submit_package(node: RegtestNode, transactions: Sequence[Transaction]) -> list[Member]:
    """Offer a child with its parents to the pool; what became of each, in order. MalformedPackage if they are none."""
    check_package(transactions)
    check_all_parents(node, transactions)
    alone: dict[Txid, Member] = {}
    held: list[Transaction] = []
    for transaction in transactions:
        member = _alone(node, transaction)
        alone[transaction.txid] = member
        if member.refusal is None:
            continue
        if not (member.refusal.reconsiderable or member.refusal.reason == MISSING_INPUTS):
            return _in_order(transactions, alone)
        held.append(transaction)
    if len(held) > 1:
        alone |= {member.transaction.txid: member for member in _together(node, held)}
    return _in_order(transactions, alone)


def _in_order(transactions: Sequence[Transaction], members: dict[Txid, Member]) -> list[Member]:
    not_judged = Refusal("package-not-validated")
    return [members.get(each.txid, Member(each, 0, not_judged)) for each in transactions]


def _alone(node: RegtestNode, transaction: Transaction) -> Member:
    waiting = node.pool.get(transaction.txid)
    if waiting is not None:
        return Member(transaction, waiting.fee_sat, None)
    try:
        return Member(transaction, node.accept(transaction).fee_sat, None)
    except Refusal as refusal:
        return Member(transaction, 0, refusal)


def _together(node: RegtestNode, held: Sequence[Transaction]) -> list[Member]:
    candidates: list[Candidate] = []
    failing = held[0]
    try:
        for failing in held:
            candidates.append(node.gate.examine(failing, candidates, pays=Pays.TOGETHER))
        failing = held[-1]
        node.gate.check_package_fee(candidates)
        for candidate in candidates:
            failing = candidate.transaction
            node.gate.check_scripts(candidate)
    except Refusal as refusal:
        other = Refusal("package-not-validated")
        return [Member(each, 0, refusal if each is failing else other) for each in held]
    node.enter(candidates)
    return [Member(each.transaction, each.fee_sat, None, tuple(held)) for each in candidates]


def try_package(node: RegtestNode, transactions: Sequence[Transaction]) -> dict[Txid, Member]:
    """Whether the pool would take the transactions one after the other; it stays as it is.

    Gives those that were judged: as in Bitcoin Core, up to the first that is refused, and scripts are looked at when
    all else is fine. Each must pay for itself, and of several none may replace anything. MalformedPackage if they
    cannot be judged together.
    """
    check_package(transactions)
    candidates: list[Candidate] = []
    judged: list[Member] = []
    failing = transactions[0]
    try:
        for failing in transactions:
            candidates.append(_paying(node, failing, candidates, alone=len(transactions) == 1))
        for candidate in candidates:
            failing = candidate.transaction
            node.gate.check_scripts(candidate)
            judged.append(Member(failing, candidate.fee_sat, None))
    except Refusal as refusal:
        judged.append(Member(failing, 0, refusal))
    return {member.transaction.txid: member for member in judged}


def _paying(node: RegtestNode, transaction: Transaction, before: Sequence[Candidate], *, alone: bool) -> Candidate:
    """A transaction that is fine but for its scripts; Refusal otherwise."""
    candidate = node.gate.examine(transaction, before, may_replace=alone)
    node.gate.check_room(candidate)
    return candidate
