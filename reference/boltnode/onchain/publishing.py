"""From plans to transactions that may leave: fees, coins of the wallet, replacements.

What takes no coins is made anew each time, and is the same at the same height. What does is prepared by the wallet,
which stores it before it is sent; its label says for which plan and at which height it was made. So after a crash the
transaction that may have left is found again, and none is made twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from boltchain.spending import Draft
from boltchain.transaction import Input, OutPoint, Output, Txid, display
from boltchain.wallet.coins import Status, WalletTransaction
from boltchain.wallet.draft import ForeignInput, Parent
from boltchain.wallet.selection import InsufficientFunds
from boltchain.wallet.wallet import Prepared, Wallet
from boltnode.onchain.fees import (
    FLOOR_PER_KW,
    Estimate,
    affordable_per_kw,
    feerate_per_kw,
    most_per_kw,
    patience,
    raised_per_kw,
    relaxed_most_per_kw,
)
from boltnode.onchain.plans import ClaimPlan, CommitmentPlan, Complete, HtlcPlan, Plan
from boltwire.htlc_tx import HtlcTransaction
from boltwire.scripts import p2wsh
from boltwire.sighash import SegwitDigests, sign_for_witness
from boltwire.spend import Spend, build_spend
from boltwire.transaction import Outpoint, Transaction, TxInput, TxOutput
from boltwire.weights import (
    EXPECTED_SIGNATURE_SIZE,
    htlc_success_witness_weight,
    htlc_timeout_witness_weight,
    witness_weight,
)

_HTLC_WEIGHT = 1_300
"""More than an HTLC transaction weighs with an input and an output of the wallet."""


@dataclass(frozen=True, slots=True)
class Package:
    """Transactions that are to be broadcast together: a parent and the child that pays for it, or one alone."""

    key: str
    transactions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Unpaid:
    """A plan that cannot be broadcast as it should, and why."""

    key: str
    reason: str


class Publisher:
    """Makes transactions of plans, with a wallet and an estimate of fees."""

    def __init__(self, wallet: Wallet, estimate: Estimate) -> None:
        """Over the node's wallet."""
        self._wallet = wallet
        self._estimate = estimate

    def publish(self, plans: Iterable[Plan], height: int) -> tuple[list[Package], list[Unpaid]]:
        """What is to be broadcast when the chain has that height; the wallet has stored its part of it."""
        packages, unpaid = list[Package](), list[Unpaid]()
        for plan in plans:
            try:
                packages.append(self._package(plan, height))
            except InsufficientFunds as error:
                unpaid.append(Unpaid(plan.key, str(error)))
                if isinstance(plan, CommitmentPlan):
                    packages.append(Package(plan.key, (plan.transaction.serialize(),)))
        return packages, unpaid

    def _package(self, plan: Plan, height: int) -> Package:
        match plan:
            case Complete():
                return Package(plan.key, (plan.transaction,))
            case ClaimPlan():
                return Package(plan.key, (self._claim(plan, height),))
            case HtlcPlan():
                return Package(plan.key, (self._stored(plan, height),))
            case CommitmentPlan():
                return Package(plan.key, (plan.transaction.serialize(), self._stored(plan, height)))

    def _claim(self, plan: ClaimPlan, height: int) -> bytes:
        most = affordable_per_kw(plan.spends, plan.script, urgent=plan.deadline is not None)
        feerate = min(feerate_per_kw(plan, height, self._estimate), most)
        return build_spend(plan.spends, plan.script, feerate).serialize()

    # --- with coins of the wallet ---

    def _stored(self, plan: HtlcPlan | CommitmentPlan, height: int) -> bytes:
        """The transaction of a plan that was stored before, or a new one in its place if more is to be offered."""
        last = self.last_of(plan.key)
        if last is not None and last.status is not Status.SENT:
            return self._wallet.send(last.txid)
        feerate = feerate_per_kw(plan, height, self._estimate)
        if last is None:
            return self._wallet.send(self._prepare(plan, height, feerate, None).txid)
        if height - _height_of(last) < patience(plan):
            return last.transaction.raw
        offered = _feerate_of(last, plan)
        wanted = min(max(feerate, raised_per_kw(offered)), most_per_kw(plan, self._estimate))
        if wanted < offered + FLOOR_PER_KW:
            return last.transaction.raw  # no mempool would let a smaller step replace it
        try:
            return self._wallet.send(self._prepare(plan, height, wanted, last.txid).txid)
        except (InsufficientFunds, Uneconomical, ValueError):
            return last.transaction.raw  # what it offers is all that there is

    def _prepare(self, plan: HtlcPlan | CommitmentPlan, height: int, feerate: int, replaces: Txid | None) -> Prepared:
        label = f"{plan.key}@{height}"
        if isinstance(plan, CommitmentPlan):
            return self._prepare_child(plan, label, feerate, replaces)
        worth = min(feerate, plan.value_sat * 1000 // _HTLC_WEIGHT)
        prepared = self._prepare_htlc(plan, label, worth, replaces)
        if prepared.fee_sat <= plan.value_sat:
            return prepared
        self._wallet.abandon(prepared.txid)
        if replaces is not None:
            raise Uneconomical(f"{prepared.fee_sat} sat are too much for an HTLC of {plan.value_sat} sat")
        # Many coins would have to pay, each of which makes it heavier: as much as it is worth with that weight.
        worth = plan.value_sat * 1000 // prepared.transaction.weight
        if worth > FLOOR_PER_KW:
            prepared = self._prepare_htlc(plan, label, worth, None)
            if prepared.fee_sat <= plan.value_sat:
                return prepared
            self._wallet.abandon(prepared.txid)
        # Nothing comes back of one of them. So be it, for as little as is relayed: the HTLC has to end.
        return self._prepare_htlc(plan, label, FLOOR_PER_KW, None)

    def _prepare_child(self, plan: CommitmentPlan, label: str, feerate: int, replaces: Txid | None) -> Prepared:
        parent = Parent(plan.transaction.weight(), plan.fee_sat)
        child = self._wallet.prepare_child(foreign_spend(plan.anchor), parent, feerate, label=label, replaces=replaces)
        if replaces is None or child.fee_sat <= plan.at_stake_sat or feerate <= relaxed_most_per_kw(self._estimate):
            return child
        self._wallet.abandon(child.txid)  # it takes many coins, and weighs more for each
        raise Uneconomical(
            f"{child.fee_sat} sat are too much for a commitment where {plan.at_stake_sat} sat are at stake"
        )

    def _prepare_htlc(self, plan: HtlcPlan, label: str, feerate: int, replaces: Txid | None) -> Prepared:
        made = plan.htlc_transaction.transaction
        return self._wallet.prepare(
            [Output(output.amount_sat, output.script_pubkey) for output in made.outputs],
            feerate,
            label=label,
            foreign=[foreign_htlc(plan)],
            use_reserve=True,
            locktime=made.locktime,
            replaces=replaces,
        )

    def last_of(self, key: str) -> WalletTransaction | None:
        """The newest transaction that the wallet has for a plan, whether or not it was sent."""
        found = [entry for entry in self._wallet.transactions if entry.label.rpartition("@")[0] == key]
        replaced = {entry.replaces for entry in found}
        return next((entry for entry in found if entry.txid not in replaced), None)

    def give_up_losers(self, label: str, keys: Sequence[str]) -> list[str]:
        """Free the coins in transactions of a channel whose plans have come to nothing for good: not among ``keys``.

        They wait for an output that never came to be; the wallet cannot see that by itself.
        """
        lost = [
            entry
            for entry in self._wallet.transactions
            if entry.label.startswith(f"{label}/")
            and entry.status is not Status.CONFIRMED
            and entry.label.rpartition("@")[0] not in keys
        ]
        for entry in lost:
            if self._wallet.transaction(entry.txid) is not None:
                self._wallet.give_up(entry.txid)
        return [display(entry.txid) for entry in lost]


class Uneconomical(Exception):
    """More than is at stake would go to the miners, if more were offered for a transaction."""


def _height_of(entry: WalletTransaction) -> int:
    return int(entry.label.rpartition("@")[2])


def _feerate_of(entry: WalletTransaction, plan: HtlcPlan | CommitmentPlan) -> int:
    """What a stored transaction offers, together with its parent if it pays for one."""
    fee, weight = entry.fee_sat or 0, entry.transaction.weight
    if isinstance(plan, CommitmentPlan):
        fee, weight = fee + plan.fee_sat, weight + plan.transaction.weight()
    return fee * 1000 // weight


# --- inputs that the wallet cannot sign ---


def foreign_spend(spend: Spend) -> ForeignInput:
    """A claim as an input of one of the wallet's transactions."""

    def sign(draft: Draft, index: int, _: Sequence[Output]) -> list[bytes]:
        digest = SegwitDigests(_unsigned(draft)).digest(index, spend.script_code, spend.amount_sat)
        return [sign_for_witness(spend.key, digest), *spend.witness_tail]

    return ForeignInput(
        OutPoint(Txid(spend.outpoint.txid), spend.outpoint.vout),
        Output(spend.amount_sat, p2wsh(spend.script_code)),
        witness_weight((EXPECTED_SIGNATURE_SIZE, *map(len, spend.witness_tail))),
        sign,
        spend.sequence,
    )


def foreign_htlc(plan: HtlcPlan) -> ForeignInput:
    """The input of an HTLC transaction, for a transaction with further inputs behind it."""
    made: HtlcTransaction = plan.htlc_transaction
    size = len(made.spent_script)
    weight = htlc_timeout_witness_weight(size) if plan.preimage is None else htlc_success_witness_weight(size)

    def sign(draft: Draft, index: int, _: Sequence[Output]) -> list[bytes]:
        witness = made.witness(_unsigned(draft), index, plan.remote_signature, plan.htlc_key, plan.preimage)
        return list(witness)

    spent = made.transaction.inputs[0]
    return ForeignInput(
        OutPoint(Txid(spent.outpoint.txid), spent.outpoint.vout),
        Output(made.spent_amount_sat, p2wsh(made.spent_script)),
        weight,
        sign,
        spent.sequence,
    )


def _unsigned(draft: Draft) -> Transaction:
    """The wallet's draft in the form that signatures of BOLT 3 are made of."""
    return Transaction(
        tuple(_inputs(draft.inputs)),
        tuple(TxOutput(output.amount_sat, output.script_pubkey) for output in draft.outputs),
        draft.locktime,
    )


def _inputs(inputs: Sequence[Input]) -> Iterator[TxInput]:
    for entry in inputs:
        yield TxInput(Outpoint(entry.previous.txid, entry.previous.vout), entry.sequence)
