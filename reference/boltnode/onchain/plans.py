"""Transactions that are wanted and still lack a fee: what they spend, and until when they are to be confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from boltnode.onchain.defence import Step
from boltnode.onchain.naming import PEER
from boltnode.onchain.reading import Story
from boltnode.onchain.record import Defended
from boltspec.chain.conditions import Use, condition, first_block
from boltspec.chain.deadlines import timeout_deadline
from boltspec.chain.ledger import Confirmed, find
from boltspec.chain.transactions import ANY_TIME, Form, Input, Transaction, side
from boltspec.chain.worth import LEAST_WORTH
from boltspec.commitment import CommittedHtlc
from boltspec.htlc import LOCAL
from boltspec.units import Sat
from boltwire.claims import Target, claim
from boltwire.commitment import OutputRole
from boltwire.commitment_signatures import complete_commitment
from boltwire.htlc_tx import HtlcTransaction
from boltwire.secp256k1 import PrivateKey
from boltwire.spend import Spend
from boltwire.sweep import sweep_anchor
from boltwire.transaction import Transaction as RealTransaction
from boltwire.transaction import txid_to_hex


@dataclass(frozen=True, slots=True)
class Complete:
    """A transaction that is as it is: its fee was agreed on when it was signed."""

    key: str
    """Names what it does, the same whenever it is planned."""
    transaction: bytes


@dataclass(frozen=True, slots=True)
class CommitmentPlan:
    """Our commitment, for which a child can pay that spends our anchor."""

    key: str
    transaction: RealTransaction
    fee_sat: int
    anchor: Spend
    deadline: int | None
    """Height by which it should be confirmed; None if nothing is lost by waiting."""
    at_stake_sat: int
    """What can be lost if it is confirmed later: nothing without deadline."""
    opens: int
    """The first height at which it could have been."""


@dataclass(frozen=True, slots=True)
class HtlcPlan:
    """An HTLC transaction with anchors: it pays no fee and is given further inputs."""

    key: str
    htlc_transaction: HtlcTransaction
    remote_signature: bytes
    htlc_key: PrivateKey
    preimage: bytes | None
    deadline: int | None
    opens: int

    @property
    def value_sat(self) -> int:
        """What it brings."""
        return self.htlc_transaction.spent_amount_sat


@dataclass(frozen=True, slots=True)
class ClaimPlan:
    """Outputs that we take to our wallet; the fee comes out of them."""

    key: str
    spends: tuple[Spend, ...]
    script: bytes
    deadline: int | None
    opens: int


Plan = Complete | CommitmentPlan | HtlcPlan | ClaimPlan


def plans(record: Defended, step: Step) -> tuple[Plan, ...]:
    """What is to be broadcast now."""
    planner = _Planner(record, step.story)
    return (*map(planner.plan, step.wanted), *planner.own_outputs())


def is_settled(record: Defended, step: Step, height: int) -> bool:
    """Whether what spent the funding output stays, so that what waited for another commitment waits in vain."""
    story = step.story
    return story.closing_txid is not None and height >= story.closing_height + int(record.timing.reorg_depth)


@dataclass(frozen=True, slots=True)
class _Planner:
    record: Defended
    story: Story

    def plan(self, wanted: Transaction) -> Plan:
        match wanted.txid.form:
            case Form.CLOSING:
                assert self.record.closing is not None, "it was planned from it"
                return Complete(self._key("closing"), self.record.closing)
            case Form.COMMITMENT:
                return self._commitment()
            case Form.SECOND_STAGE:
                return self._second_stage(wanted)
            case _:
                return self._claim(wanted)

    def own_outputs(self) -> Iterator[ClaimPlan]:
        """Balances of ours in the peer's commitment: they pay a key that the wallet does not have.

        The model counts them as received when they are confirmed (ambiguity to-remote-resolved).
        """
        for entry in self.story.own:
            if Sat(entry.spend.amount_sat) < LEAST_WORTH:
                continue
            lock = entry.spend.sequence if self.record.channel.params.option_anchors else 0
            opens = entry.height + lock
            if not entry.is_spent and opens <= int(self.story.ledger.height) + 1:
                key = self._key(f"{entry.spend.outpoint}/direct")
                yield ClaimPlan(key, (entry.spend,), self.record.sweep_script, None, opens)

    def _key(self, what: str) -> str:
        return f"{self.record.label}/{what}"

    # --- commitment ---

    def _commitment(self) -> Plan:
        record, held = self.record, self.record.held
        built = record.terms.build(LOCAL, held.commitment, record.point(held.commitment.number))
        signed = complete_commitment(built, held.signatures.signature, record.claimant.funding_key)
        key = self._key(f"commitment/{held.commitment.number}")
        if not record.channel.params.option_anchors:
            return Complete(key, signed.serialize())
        anchor = sweep_anchor(built, OutputRole.TO_LOCAL_ANCHOR, record.claimant.funding_key)
        if anchor is None:
            return Complete(key, signed.serialize())
        opens = int(self.story.ledger.height) + 1
        ours = [htlc for htlc in held.commitment.htlcs if htlc.offered_by_owner or htlc.id in record.preimages]
        at_stake_sat = sum(int(htlc.amount_msat) for htlc in ours) // 1000
        return CommitmentPlan(key, signed, built.fee_sat, anchor, self._deadline_of(ours), at_stake_sat, opens)

    def _deadline_of(self, ours: Sequence[CommittedHtlc]) -> int | None:
        """The first height at which an HTLC of our commitment can be lost, with room for the claim on it."""
        timing = self.record.timing
        heights = [
            int(timeout_deadline(htlc.cltv_expiry, timing) + timing.confirmation)
            if htlc.offered_by_owner
            else int(htlc.cltv_expiry)
            for htlc in ours
        ]
        return min(heights) - 1 if heights else None

    # --- what spends a commitment ---

    def _target(self, spent: Input) -> tuple[Target, Confirmed]:
        confirmed = find(self.story.ledger, spent.outpoint)
        assert confirmed is not None, "only what is there is wanted"
        return self.story.targets[spent.outpoint], confirmed

    def _second_stage(self, wanted: Transaction) -> Plan:
        spent, record = wanted.inputs[0], self.record
        target, confirmed = self._target(spent)
        made = target.htlc_transaction()
        signature = record.held.signatures.htlc_signature[target.built.htlc_vouts().index(target.vout)]
        preimage = self._preimage(confirmed) if spent.use is Use.HTLC_SUCCESS else None
        htlc_key = record.claimant.htlc_key(target.built)
        key = self._key(f"{target.outpoint}/{spent.use}")
        if not record.channel.params.option_anchors:
            return Complete(key, made.complete(signature, htlc_key, preimage).serialize())
        deadline, opens = self._deadline(spent, confirmed), self._opens(spent, confirmed)
        return HtlcPlan(key, made, signature, htlc_key, preimage, deadline, opens)

    def _claim(self, wanted: Transaction) -> ClaimPlan:
        found = [(spent, *self._target(spent)) for spent in wanted.inputs]
        secret = None if self.story.opened is None else self.story.opened.secret
        spends = tuple(
            claim(
                target,
                spent.use,
                self.record.claimant,
                preimage=self._preimage(confirmed) if spent.use is Use.CLAIM_WITH_PREIMAGE else None,
                secret=secret,
            )
            for spent, target, confirmed in found
        )
        names = "+".join(f"{txid_to_hex(each.outpoint.txid)}:{each.outpoint.vout}" for each in spends)
        deadlines = [at for spent, _, confirmed in found if (at := self._deadline(spent, confirmed)) is not None]
        return ClaimPlan(
            self._key(f"{names}/{found[0][0].use}"),
            spends,
            self.record.sweep_script,
            min(deadlines, default=None),
            max(self._opens(spent, confirmed) for spent, _, confirmed in found),
        )

    def _preimage(self, confirmed: Confirmed) -> bytes:
        htlc = confirmed.coin.htlc
        assert htlc is not None, "only HTLCs have preimages"
        return self.record.preimages[htlc.id]

    def _opens(self, spent: Input, confirmed: Confirmed) -> int:
        htlc = confirmed.coin.htlc
        way = condition(confirmed.coin.kind, spent.use)
        locktime = htlc.cltv_expiry if way.expiry and htlc is not None else ANY_TIME
        return int(first_block(confirmed.height, spent.sequence, locktime))

    def _deadline(self, spent: Input, confirmed: Confirmed) -> int | None:
        """The last height at which nobody else can take the output, or another one for what depends on it."""
        htlc, params = confirmed.coin.htlc, self.record.channel.params
        match spent.use:
            case Use.HTLC_SUCCESS | Use.CLAIM_WITH_PREIMAGE if htlc is not None:
                return int(htlc.cltv_expiry)
            case Use.HTLC_TIMEOUT | Use.CLAIM_EXPIRED if htlc is not None:
                # From its expiry on the peer can take it as well as we, if it learns the preimage.
                return int(timeout_deadline(htlc.cltv_expiry, self.record.timing) + self.record.timing.confirmation)
            case Use.REVOCATION:
                delay = params.binding(side(PEER)).to_self_delay
                return int(confirmed.height + delay) - 1
            case _:
                return None
