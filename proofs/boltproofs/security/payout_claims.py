"""Claims about amounts: what a commitment's outputs are worth to an honest party, and what is taken off on the way.

Balances and HTLCs of a commitment are those of a view of the honest party's books (:mod:`boltproofs.security.sums` has
any number of HTLCs). Here it is shown what the outputs make of them: fee and anchors come off the opener's balance,
what is below the dust limit is trimmed, amounts are rounded down to satoshis, and the owner's second stage pays a fee.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from boltproofs.security.claim import Claim, Predicate
from boltproofs.security.numbers import Numbers, is_timed
from boltproofs.security.scene import HONEST, PEER, SECOND_STAGE, Shape, after_closing, params_of
from boltspec.chain.conditions import CONDITIONS, Kind, Use, condition
from boltspec.chain.ledger import HTLC_OUTPUTS
from boltspec.chain.transactions import spending
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.fees import anchors_cost, commitment_fee, second_stage_fee
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.outputs import has_output, htlc_output, main_outputs
from boltspec.params import Params
from boltspec.units import FeeratePerKw, Height, Msat, Sat, floor_to_sat, to_msat

MAIN = {LOCAL: Kind.TO_LOCAL, REMOTE: Kind.TO_REMOTE}
"""The output of the honest party's balance, by the owner of the commitment."""


def pays_balance() -> Iterator[Claim]:
    """The honest party's balance is its main output, less fee and anchors if it is the opener, unless it is trimmed."""
    for owner in Side:
        for opener in Side:
            for anchors in (True, False):
                terms = _terms(owner, opener, anchors)
                yield Claim(f"the balance is paid: {terms}", is_timed, _balance_is_paid(owner, opener, anchors))
                yield Claim(f"nobody is paid more: {terms}", _opener_can_pay(owner, opener, anchors),
                            _no_more_than_there_is(owner, opener, anchors))


def pays_htlcs() -> Iterator[Claim]:
    """An HTLC output is worth the HTLC in whole satoshis; its owner's second stage takes its fee off, nothing else."""
    for offered in (True, False):
        for anchors in (True, False):
            note = f"{'offered' if offered else 'received'}, {'anchors' if anchors else 'no anchors'}"
            yield Claim(f"an untrimmed HTLC is worth its amount: {note}", is_timed, _htlc_is_paid(offered, anchors))
    for kind in (Kind.TO_LOCAL, *HTLC_OUTPUTS, *SECOND_STAGE):
        for use in (way.use for way in CONDITIONS[kind]):
            yield Claim(f"{use} takes all of {kind.name.lower()}", is_timed, _spend_keeps_all(kind, use))


def _terms(owner: Side, opener: Side, anchors: bool) -> str:
    whose = "own commitment" if owner is LOCAL else "peer's commitment"
    return f"{whose}, {'opener' if opener is LOCAL else 'accepter'}, {'anchors' if anchors else 'no anchors'}"


def _params(numbers: Numbers, opener: Side, anchors: bool) -> Params:
    return replace(params_of(numbers, anchors), opener=opener)


def _commitment(numbers: Numbers) -> Commitment:
    return Commitment(
        numbers.number,
        FeeratePerKw(numbers.feerate_per_kw),
        Msat(numbers.to_owner_msat),
        Msat(numbers.to_other_msat),
        (),
    )


def cost(numbers: Numbers, params: Params) -> Sat:
    """Return what the opener pays for a commitment with that many HTLC outputs."""
    return commitment_fee(params, FeeratePerKw(numbers.feerate_per_kw), numbers.untrimmed) + anchors_cost(params)


def _balance_is_paid(owner: Side, opener: Side, anchors: bool) -> Predicate:
    def goal(numbers: Numbers) -> bool:
        params = _params(numbers, opener, anchors)
        made = main_outputs(params, owner, _commitment(numbers), numbers.untrimmed)
        balance = floor_to_sat(Msat(numbers.to_owner_msat if owner is LOCAL else numbers.to_other_msat))
        due = balance - cost(numbers, params) if opener is LOCAL else balance
        paid = [output.amount_sat for output in made if output.kind is MAIN[owner]]
        return paid[0] >= due if paid else due < params.announced_by(owner).dust_limit_satoshis

    return goal


def _opener_can_pay(owner: Side, opener: Side, anchors: bool) -> Predicate:
    """FeeAffordable: the opener's balance covers fee and anchors."""

    def premise(numbers: Numbers) -> bool:
        opener_msat = numbers.to_owner_msat if opener is owner else numbers.to_other_msat
        return is_timed(numbers) and floor_to_sat(Msat(opener_msat)) >= cost(numbers, _params(numbers, opener, anchors))

    return premise


def _no_more_than_there_is(owner: Side, opener: Side, anchors: bool) -> Predicate:
    def goal(numbers: Numbers) -> bool:
        params = _params(numbers, opener, anchors)
        made = main_outputs(params, owner, _commitment(numbers), numbers.untrimmed)
        paid = sum((output.amount_sat for output in made), cost(numbers, params))
        return to_msat(paid) <= Msat(numbers.to_owner_msat) + Msat(numbers.to_other_msat)

    return goal


def _htlc_is_paid(offered_by_owner: bool, anchors: bool) -> Predicate:
    def goal(numbers: Numbers) -> bool:
        params = _params(numbers, LOCAL, anchors)
        htlc = CommittedHtlc(offered_by_owner, 0, Msat(numbers.amount_msat), 0, Height(numbers.cltv_expiry))
        fee = second_stage_fee(params, FeeratePerKw(numbers.feerate_per_kw), offered_by_owner)
        if not has_output(params, LOCAL, _commitment(numbers), htlc):
            return floor_to_sat(htlc.amount_msat) < params.local.dust_limit_satoshis + fee
        output = htlc_output(htlc)
        whole = to_msat(output.amount_sat)
        is_whole = whole <= htlc.amount_msat and htlc.amount_msat < whole + Msat(1000)
        return is_whole and output.amount_sat - fee >= params.local.dust_limit_satoshis

    return goal


def _spend_keeps_all(kind: Kind, use: Use) -> Predicate:
    def goal(numbers: Numbers) -> bool:
        scene = after_closing(numbers, Shape(kind, PEER))
        coin, way = scene.confirmed.coin, condition(kind, use)
        spent = spending(scene.scenario.params, scene.confirmed.outpoint, coin, way, HONEST)
        fee = coin.second_stage_fee_sat if way.leads_to is not Kind.WALLET else Sat(0)
        return spent.outputs[0].amount_sat + fee == coin.amount_sat

    return goal


