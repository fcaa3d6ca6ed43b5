"""Which transactions may wait: the checks of Bitcoin Core's mempool, in its order and with its words.

Amounts, time locks and what exists are compared here; scripts are run by the consensus library. Whatever passes here
and is not valid in a block after all is found by the library when a block is made (`boltchain.server.node`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from boltchain.block import MAX_MONEY_SAT
from boltchain.dust import dust_limit_sat
from boltchain.faucet import COINBASE_MATURITY
from boltchain.interface import Utxo
from boltchain.kernel import first_failing_script
from boltchain.server.books import Books
from boltchain.server.policy import (
    MAX_REPLACED,
    TRUC_CHILD_MAX_VSIZE,
    TRUC_MAX_VSIZE,
    Policy,
    fee_at,
)
from boltchain.server.pool import Pool, Waiting
from boltchain.server.standard import (
    MIN_STANDARD_NON_WITNESS_SIZE,
    TRUC_VERSION,
    input_scripts,
    nonstandard_inputs_reason,
    nonstandard_reason,
)
from boltchain.transaction import SEQUENCE_FINAL, OutPoint, Output, Transaction, Txid, display

LOCKTIME_THRESHOLD = 500_000_000
"""Lock times from here on are Unix seconds, below they are heights (BIP 65)."""

_SEQUENCE_DISABLED, _SEQUENCE_BY_TIME, _SEQUENCE_MASK, _SEQUENCE_UNIT = 1 << 31, 1 << 22, 0xFFFF, 512
_RELATIVE_LOCK_VERSION = 2
_MAX_WEIGHT = 4_000_000

MISSING_INPUTS = "bad-txns-inputs-missingorspent"
"""Reason of a transaction that spends what does not exist, or is spent already."""


class Refusal(Exception):
    """A transaction may not enter. `reason` is Bitcoin Core's word, `detail` says more."""

    def __init__(self, reason: str, detail: str = "", *, reconsiderable: bool = False) -> None:
        super().__init__(f"{reason}, {detail}" if detail else reason)
        self.reason = reason
        self.reconsiderable = reconsiderable
        """Whether the transaction may still enter when a child pays for it."""


class Pays(Enum):
    """What a transaction must pay to be relayed."""

    ALONE = "its own relay"
    TOGETHER = "its own relay, unless it is restricted: then what its package pays counts"
    NOTHING = "nothing: it was in a block before, and its family does not count either"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transaction that passed all checks that do not regard its fee: what it spends, displaces and builds on."""

    transaction: Transaction
    fee_sat: int
    spent: tuple[Output, ...]
    ancestors: tuple[Waiting, ...]
    direct: tuple[Waiting, ...]
    """Waiting transactions that spend what this one spends."""
    replaced: tuple[Waiting, ...]
    """Those and all their descendants."""

    @property
    def vsize(self) -> int:
        """Virtual size in vbytes."""
        return self.transaction.vsize


@dataclass(frozen=True, slots=True)
class _Company:
    """Transactions of the same package that are checked already, as if they waited."""

    candidates: Sequence[Candidate] = field(default_factory=tuple)

    def output(self, outpoint: OutPoint) -> Output | None:
        for candidate in self.candidates:
            transaction = candidate.transaction
            if transaction.txid == outpoint.txid and outpoint.vout < len(transaction.outputs):
                return transaction.outputs[outpoint.vout]
        return None

    def parents(self, transaction: Transaction) -> list[Transaction]:
        txids = {spent.previous.txid for spent in transaction.inputs}
        return [other.transaction for other in self.candidates if other.transaction.txid in txids]


class Gate:
    """Checks transactions against the chain that `books` describes and the `pool`; changes neither."""

    def __init__(self, books: Books, pool: Pool, policy: Policy) -> None:
        self._books = books
        self._pool = pool
        self._policy = policy

    def examine(
        self,
        transaction: Transaction,
        package: Sequence[Candidate] = (),
        *,
        may_replace: bool = True,
        pays: Pays = Pays.ALONE,
    ) -> Candidate:
        """All checks but those of scripts and of replacement; Refusal with the first reason against it.

        `package` holds those of the transactions before it in its package that do not wait yet.
        """
        company = _Company(package)
        self._check_form(transaction)
        self._check_final(transaction)
        self._check_known(transaction)
        direct = self._pool.conflicts(transaction)
        if direct and not may_replace:
            raise Refusal("bip125-replacement-disallowed")
        spent = self._spent(transaction, company)
        self._check_relative_locks(transaction, spent)
        fee_sat = self._fee_sat(transaction, spent)
        outputs = tuple(Output(utxo.amount_sat, utxo.script_pubkey) for utxo in spent)
        self._check_standard_inputs(transaction, outputs)
        self._check_dust(transaction, fee_sat)
        self._check_relay_fee(transaction, fee_sat, pays)
        ancestors = self._pool.ancestors(transaction)
        replaced = self._pool.with_descendants(direct)
        if pays is not Pays.NOTHING:
            self._check_family(transaction, ancestors, company, replaced)
        return Candidate(transaction, fee_sat, outputs, tuple(ancestors), tuple(direct), tuple(replaced))

    def recheck(self, transaction: Transaction) -> Candidate:
        """Whether a transaction that waited already is still valid after a reorganisation; Refusal if not.

        As in Bitcoin Core, rules of relay play no part: its parents may wait again that were confirmed when it came.
        """
        self._check_final(transaction)
        spent = self._spent(transaction, _Company())
        self._check_relative_locks(transaction, spent)
        outputs = tuple(Output(utxo.amount_sat, utxo.script_pubkey) for utxo in spent)
        ancestors = tuple(self._pool.ancestors(transaction))
        return Candidate(transaction, self._fee_sat(transaction, spent), outputs, ancestors, (), ())

    def check_room(self, candidate: Candidate) -> None:
        """Whether there is room for a transaction, and it pays for what it replaces; Refusal if not."""
        if self._pool.vsize + candidate.vsize > self._policy.max_pool_vsize:
            raise Refusal("mempool full")
        self.check_replacement([candidate])

    def check_package_fee(self, package: Sequence[Candidate]) -> None:
        """Whether the transactions together pay for their relay and what they replace; Refusal if not."""
        fees_sat, vsize = sum(each.fee_sat for each in package), sum(each.vsize for each in package)
        wanted_sat = fee_at(self._policy.min_relay_sat_per_kvb, vsize)
        if fees_sat < wanted_sat:
            raise Refusal("min relay fee not met", f"{fees_sat} < {wanted_sat}", reconsiderable=True)
        if any(each.direct for each in package):
            if len(package) != 2 or any(each.ancestors for each in package):
                raise Refusal("package RBF failed: package must be 1-parent-1-child")
            self.check_replacement(package)

    def check_scripts(self, candidate: Candidate) -> None:
        """Run the scripts of all inputs; Refusal if one does not hold."""
        spent = [(output.amount_sat, output.script_pubkey) for output in candidate.spent]
        failing = first_failing_script(candidate.transaction.raw, spent)
        if failing is not None:
            raise Refusal("mandatory-script-verify-flag-failed", f"the script of input {failing} does not hold")

    def check_replacement(self, package: Sequence[Candidate]) -> None:
        """BIP 125 without opting in: pay a higher feerate than each conflict and more than all that goes."""
        replaced = {entry.txid: entry for each in package for entry in each.replaced}
        if not replaced:
            return
        if len(replaced) > MAX_REPLACED:
            raise Refusal("too many potential replacements", f"{len(replaced)} > {MAX_REPLACED}")
        fees_sat, vsize = sum(each.fee_sat for each in package), sum(each.vsize for each in package)
        for old in (entry for each in package for entry in each.direct):
            if fees_sat * old.vsize <= old.fee_sat * vsize:
                detail = f"{fees_sat} sat for {vsize} vbytes against {old.fee_sat} sat for {old.vsize} vbytes"
                raise Refusal("insufficient fee", f"feerate not above the replaced transaction's: {detail}")
        wanted_sat = sum(old.fee_sat for old in replaced.values())
        wanted_sat += fee_at(self._policy.incremental_sat_per_kvb, vsize)
        if fees_sat < wanted_sat:
            raise Refusal("insufficient fee", f"replacement pays {fees_sat} sat of {wanted_sat} sat")

    def _check_form(self, transaction: Transaction) -> None:
        """What a transaction alone shows."""
        if (reason := malformed_reason(transaction)) is not None:
            raise Refusal(reason)
        if transaction.is_coinbase:
            raise Refusal("coinbase")
        if not self._policy.require_standard:
            return
        if (reason := nonstandard_reason(transaction, input_scripts(transaction))) is not None:
            raise Refusal(reason)
        if len(self._dust_outputs(transaction)) > 1:
            raise Refusal("dust")
        if _stripped_size(transaction) < MIN_STANDARD_NON_WITNESS_SIZE:
            raise Refusal("tx-size-small")

    def _check_known(self, transaction: Transaction) -> None:
        waiting = self._pool.get(transaction.txid)
        if waiting is None:
            return
        same = waiting.transaction.raw == transaction.raw
        raise Refusal("txn-already-in-mempool" if same else "txn-same-nonwitness-data-in-mempool")

    def _check_final(self, transaction: Transaction) -> None:
        """Absolute lock times, for the next block (BIP 113)."""
        lock, height = transaction.locktime, self._books.height
        clock = height + 1 if lock < LOCKTIME_THRESHOLD else self._books.median_time_past(height)
        if lock >= clock and lock and any(spent.sequence != SEQUENCE_FINAL for spent in transaction.inputs):
            raise Refusal("non-final")

    def _spent(self, transaction: Transaction, company: _Company) -> tuple[Utxo, ...]:
        """What the inputs spend. Unconfirmed outputs count as outputs of the next block."""
        found = [self._find(spent.previous, company) for spent in transaction.inputs]
        known = tuple(utxo for utxo in found if utxo is not None)
        if len(known) < len(found):
            if self._books.has_output_of(transaction):
                raise Refusal("txn-already-known")
            raise Refusal(MISSING_INPUTS)
        return known

    def _find(self, outpoint: OutPoint, company: _Company) -> Utxo | None:
        if (utxo := self._books.utxo(outpoint)) is not None:
            return utxo
        output = self._pool.output(outpoint) or company.output(outpoint)
        if output is None:
            return None
        return Utxo(output.amount_sat, output.script_pubkey, self._books.height + 1, coinbase=False)

    def _check_relative_locks(self, transaction: Transaction, spent: Sequence[Utxo]) -> None:
        """BIP 68, for the next block."""
        if transaction.version < _RELATIVE_LOCK_VERSION:
            return
        height = self._books.height
        for used, utxo in zip(transaction.inputs, spent, strict=True):
            delay = used.sequence & _SEQUENCE_MASK
            if used.sequence & _SEQUENCE_DISABLED:
                continue
            if used.sequence & _SEQUENCE_BY_TIME:
                since = self._books.median_time_past(max(utxo.height - 1, 0))
                locked = since + delay * _SEQUENCE_UNIT > self._books.median_time_past(height)
            else:
                locked = utxo.height + delay > height + 1
            if locked:
                raise Refusal("non-BIP68-final")

    def _fee_sat(self, transaction: Transaction, spent: Sequence[Utxo]) -> int:
        for utxo in spent:
            depth = self._books.height + 1 - utxo.height
            if utxo.coinbase and depth < COINBASE_MATURITY:
                detail = f"tried to spend coinbase at depth {depth}"
                raise Refusal("bad-txns-premature-spend-of-coinbase", detail)
        value_in, value_out = sum(utxo.amount_sat for utxo in spent), sum(out.amount_sat for out in transaction.outputs)
        if value_in < value_out:
            raise Refusal("bad-txns-in-belowout", f"value in ({value_in} sat) < value out ({value_out} sat)")
        return value_in - value_out

    def _check_standard_inputs(self, transaction: Transaction, spent: Sequence[Output]) -> None:
        if not self._policy.require_standard:
            return
        if (reason := nonstandard_inputs_reason(input_scripts(transaction), spent)) is not None:
            raise Refusal(reason)

    def _dust_outputs(self, transaction: Transaction) -> list[OutPoint]:
        limit = self._policy.dust_sat_per_kvb
        return [
            OutPoint(transaction.txid, vout)
            for vout, output in enumerate(transaction.outputs)
            if output.amount_sat < dust_limit_sat(output, limit)
        ]

    def _check_dust(self, transaction: Transaction, fee_sat: int) -> None:
        """One dust output may be there if the transaction pays nothing, so that a child must come and spend it."""
        if not self._policy.require_standard:
            return
        if fee_sat and self._dust_outputs(transaction):
            raise Refusal("dust")

    def _check_relay_fee(self, transaction: Transaction, fee_sat: int, pays: Pays) -> None:
        """Only topologically restricted transactions may leave their whole fee to a child."""
        wanted_sat = fee_at(self._policy.min_relay_sat_per_kvb, transaction.vsize)
        restricted = transaction.version == TRUC_VERSION
        if fee_sat < wanted_sat and pays is not Pays.NOTHING and not (restricted and pays is Pays.TOGETHER):
            raise Refusal("min relay fee not met", f"{fee_sat} < {wanted_sat}", reconsiderable=restricted)

    def _check_family(
        self,
        transaction: Transaction,
        ancestors: Sequence[Waiting],
        company: _Company,
        replaced: Sequence[Waiting],
    ) -> None:
        """What relatives demand of a transaction: limits of number and size, dust, restricted topology."""
        parents = [entry.transaction for entry in self._pool.parents(transaction)] + company.parents(transaction)
        self._check_replacement_family(transaction, parents, ancestors, replaced)
        self._check_truc(transaction, parents, ancestors, {entry.txid for entry in replaced})
        spent = {used.previous for used in transaction.inputs}
        for parent in parents:
            if self._policy.require_standard and not spent.issuperset(self._dust_outputs(parent)):
                raise Refusal("missing-ephemeral-spends", f"dust of {display(parent.txid)} is not spent")
        number = len(ancestors) + len(company.parents(transaction)) + 1
        vsize = sum(entry.vsize for entry in ancestors) + transaction.vsize
        if number > self._policy.max_ancestors or vsize > self._policy.max_relatives_vsize:
            raise Refusal("too-long-mempool-chain", f"{number} transactions of {vsize} vbytes in a line")
        for entry in ancestors:
            self._check_descendants(entry, transaction)

    def _check_descendants(self, ancestor: Waiting, transaction: Transaction) -> None:
        family = self._pool.with_descendants([ancestor])
        vsize = sum(entry.vsize for entry in family) + transaction.vsize
        if len(family) + 1 > self._policy.max_ancestors or vsize > self._policy.max_relatives_vsize:
            detail = f"{display(ancestor.txid)} would have {len(family)} descendants"
            raise Refusal("too-long-mempool-chain", detail)

    def _check_replacement_family(
        self,
        transaction: Transaction,
        parents: Sequence[Transaction],
        ancestors: Sequence[Waiting],
        replaced: Sequence[Waiting],
    ) -> None:
        """A replacement builds on nothing that it evicts, and on no unconfirmed output that was not built on before."""
        if not replaced:
            return
        doomed = {entry.txid for entry in replaced}
        if any(entry.txid in doomed for entry in ancestors):
            raise Refusal("bad-txns-spends-conflicting-tx")
        direct = self._pool.conflicts(transaction)
        known: set[Txid] = {used.previous.txid for entry in direct for used in entry.transaction.inputs}
        waiting = {parent.txid for parent in parents if parent.txid in self._pool}
        if not waiting <= known:
            raise Refusal("replacement-adds-unconfirmed")

    def _check_truc(
        self,
        transaction: Transaction,
        parents: Sequence[Transaction],
        ancestors: Sequence[Waiting],
        doomed: set[Txid],
    ) -> None:
        """Topologically restricted transactions (BIP 431): one unconfirmed parent, one child, no mixing of versions."""
        restricted = transaction.version == TRUC_VERSION
        mixed = [parent for parent in parents if (parent.version == TRUC_VERSION) != restricted]
        if mixed:
            raise Refusal("TRUC-violation", f"version {transaction.version} spends version {mixed[0].version}")
        if not restricted:
            return
        limit = TRUC_CHILD_MAX_VSIZE if parents else TRUC_MAX_VSIZE
        if transaction.vsize > limit:
            raise Refusal("TRUC-violation", f"{transaction.vsize} vbytes are too many, at most {limit}")
        if not parents:
            return
        generations = len({parent.txid for parent in parents} | {entry.txid for entry in ancestors})
        if generations > 1:
            raise Refusal("TRUC-violation", "more than one unconfirmed ancestor")
        siblings = {entry.txid for entry in self._pool.children(parents[0])} - doomed
        if siblings:
            raise Refusal("TRUC-violation", "the unconfirmed parent has another child")


def malformed_reason(transaction: Transaction) -> str | None:
    """What is wrong with a transaction whatever the chain holds; None if nothing is."""
    if not transaction.outputs:
        return "bad-txns-vout-empty"
    if 4 * _stripped_size(transaction) > _MAX_WEIGHT:
        return "bad-txns-oversize"
    if any(output.amount_sat < 0 for output in transaction.outputs):
        return "bad-txns-vout-negative"
    if any(output.amount_sat > MAX_MONEY_SAT for output in transaction.outputs):
        return "bad-txns-vout-toolarge"
    if sum(output.amount_sat for output in transaction.outputs) > MAX_MONEY_SAT:
        return "bad-txns-txouttotal-toolarge"
    spent = [used.previous for used in transaction.inputs]
    if len(set(spent)) < len(spent):
        return "bad-txns-inputs-duplicate"
    null = OutPoint(Txid(bytes(32)), 0xFFFFFFFF)
    return "bad-txns-prevout-null" if len(spent) > 1 and null in spent else None


def _stripped_size(transaction: Transaction) -> int:
    """Size without witnesses, in bytes: the weight is three of it and the full size."""
    return (transaction.weight - len(transaction.raw)) // 3
