"""Theorems about the outputs of a commitment, for all amounts, feerates and limits (BOLT 3, Fees, Trimmed Outputs).

What a commitment pays is arithmetic, without a rule that could be switched off; that these claims can fail the tests
show, with arithmetic that is wrong on purpose.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from boltproofs.runs import RunClaim, RunTheorem, Values, choose
from boltspec.chain.conditions import Kind
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.fees import anchors_cost, commitment_fee, is_trimmed
from boltspec.htlc import LOCAL, REMOTE, Htlc, Side, Stage
from boltspec.outputs import has_output, main_outputs
from boltspec.params import MAX_ACCEPTED_HTLCS, Limits, Params
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat, floor_to_sat

SIDES = (LOCAL, REMOTE)
EXPIRY = Height(500)


def _params(values: Values) -> Params:
    """Return any constants that matter here."""
    return Params(
        funding_satoshis=Sat(values("funding_satoshis")),
        opener=choose(values, "opener", SIDES),
        feerate_per_kw=FeeratePerKw(values("first feerate_per_kw")),
        option_anchors=choose(values, "anchors", (False, True)),
        local=_limits(values("local dust_limit_satoshis")),
        remote=_limits(values("remote dust_limit_satoshis")),
    )


def _limits(dust_limit_satoshis: int) -> Limits:
    return Limits(Sat(dust_limit_satoshis), Msat(0), Sat(0), Msat(0), Blocks(0), MAX_ACCEPTED_HTLCS)


class _Trimmed(NamedTuple):
    """An HTLC in a commitment: whether each node leaves its output out."""

    by_owner: Any
    by_signer: Any
    has_output: Any


def _looked_at_by_both(values: Values) -> _Trimmed:
    """Return what the owner of a commitment, its signer, and the outputs of the transaction say of an HTLC."""
    params, rate = _params(values), FeeratePerKw(values("feerate_per_kw"))
    owner, offerer = choose(values, "owner", SIDES), choose(values, "offerer", SIDES)
    amount = Msat(values("amount_msat"))
    seen, mirrored = (Htlc(side, 0, amount, 0, EXPIRY, Stage.IRREVOCABLE) for side in (offerer, offerer.other))
    committed = CommittedHtlc(offerer is owner, 0, amount, 0, EXPIRY)
    paying = Commitment(0, rate, Msat(0), Msat(0), (committed,))
    return _Trimmed(
        is_trimmed(params, rate, owner, seen),
        is_trimmed(params.mirrored(), rate, owner.other, mirrored),
        has_output(params, owner, paying, committed),
    )


def _alike(trimmed: _Trimmed) -> bool:
    return _same(trimmed.by_owner, trimmed.by_signer)


def _without_output(trimmed: _Trimmed) -> bool:
    return not _same(trimmed.by_owner, trimmed.has_output)


def _same(one: bool, other: bool) -> bool:
    return bool(one) if other else not one


class _Paid(NamedTuple):
    """The two main outputs of a commitment."""

    opener_sat: Any
    """Before fee and anchors, rounded down."""
    other_sat: Any
    to_opener: Any
    """Amount of the opener's output; 0 if there is none."""
    to_other: Any
    dust_limit: Any
    """Of the commitment's owner."""
    cost: Any
    """Fee and anchors."""


def _paid(untrimmed: int) -> Any:
    def run(values: Values) -> _Paid:
        params, rate = _params(values), FeeratePerKw(values("feerate_per_kw"))
        owner: Side = choose(values, "owner", SIDES)
        opener_msat, other_msat = Msat(values("opener's balance_msat")), Msat(values("the other's balance_msat"))
        balances = (opener_msat, other_msat) if owner is params.opener else (other_msat, opener_msat)
        made = main_outputs(params, owner, Commitment(0, rate, *balances, ()), untrimmed)
        kinds = (Kind.TO_LOCAL, Kind.TO_REMOTE) if owner is params.opener else (Kind.TO_REMOTE, Kind.TO_LOCAL)
        to_opener, to_other = (_amount(made, kind) for kind in kinds)
        return _Paid(
            floor_to_sat(opener_msat), floor_to_sat(other_msat), to_opener, to_other,
            params.announced_by(owner).dust_limit_satoshis,
            commitment_fee(params, rate, untrimmed) + anchors_cost(params),
        )  # fmt: skip

    return run


def _amount(made: Any, kind: Kind) -> Any:
    return next((output.amount_sat for output in made if output.kind is kind), Sat(0))


def _whole_balance(paid: _Paid) -> bool:
    """Say whether the other gets all that it has, unless that is dust."""
    return bool(paid.to_other == _unless_dust(paid, paid.other_sat))


def _less_the_cost(paid: _Paid) -> bool:
    """Say whether the opener gets what fee and anchors leave of its balance, unless that is dust."""
    left = paid.opener_sat - paid.cost if paid.opener_sat > paid.cost else Sat(0)
    return bool(paid.to_opener == _unless_dust(paid, left))


def _unless_dust(paid: _Paid, amount: Any) -> Any:
    return amount if amount >= paid.dust_limit else Sat(0)


def _never_more(paid: _Paid) -> bool:
    """Say whether the fee gives way when the opener cannot pay it: the outputs never exceed the balances."""
    return bool(paid.to_opener <= paid.opener_sat) and bool(paid.to_other <= paid.other_sat)


NUMBERS_OF_HTLCS = (0, 2 * MAX_ACCEPTED_HTLCS)
UNBOUNDED = ("amounts", "feerates", "dust limits")

PAYOUT_THEOREMS: tuple[RunTheorem, ...] = (
    RunTheorem(
        name="DustConsistency",
        sentence="Owner and signer of a commitment trim the same HTLCs: just those that have no output in it.",
        claims=(
            RunClaim("both trim alike", _looked_at_by_both, _alike),
            RunClaim("what is trimmed has no output", _looked_at_by_both, _without_output),
        ),
        unbounded=(*UNBOUNDED, "HTLCs"),
        bounded="nothing: each HTLC is trimmed for itself",
    ),
    RunTheorem(
        name="FunderPays",
        sentence="Fee and anchors come out of the opener's balance alone, as far as it goes.",
        claims=tuple(
            RunClaim(f"{label}, with {untrimmed} HTLC outputs", _paid(untrimmed), goal)
            for untrimmed in NUMBERS_OF_HTLCS
            for label, goal in (
                ("the other gets its whole balance", _whole_balance),
                ("the opener gets what is left", _less_the_cost),
                ("the fee gives way", _never_more),
            )
        ),
        unbounded=UNBOUNDED,
        bounded=f"{' or '.join(map(str, NUMBERS_OF_HTLCS))} HTLC outputs: their number only changes the fee",
    ),
)
