"""Claims about the transactions themselves: small enough for any node to relay, and without dust."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from boltproofs.security.claim import Claim, Condition, Predicate
from boltproofs.security.numbers import Numbers
from boltproofs.security.scene import params_of
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.establishment.limits import Policy, require_delay_and_count, require_keys_and_dust, require_own_limits
from boltspec.fees import second_stage_fee
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.outputs import has_output, htlc_output, main_outputs
from boltspec.params import ANCHOR_SAT, MAINNET_LIMITS, MAX_ACCEPTED_HTLCS, Limits
from boltspec.rules import RuleBroken
from boltspec.units import FeeratePerKw, Height, Msat, Sat
from boltspec.weights import MAX_STANDARD_WEIGHT, commitment_weight, penalty_weight

DUST = {"p2wpkh": Sat(294), "p2wsh": Sat(330), "unknown segwit": Sat(354)}
"""Below these amounts nodes do not relay an output (BOLT 3, Dust Limits)."""


def is_within_weight() -> Iterator[Claim]:
    """A commitment with all HTLCs there may be, and the penalty that takes all its outputs, are not too heavy."""
    for anchors in (True, False):
        note = "anchors" if anchors else "no anchors"
        yield Claim(f"a commitment is standard ({note})", _counts_agreed, _commitment_fits(anchors))
        yield Claim(f"one penalty takes everything ({note})", _counts_agreed, _penalty_fits(anchors))


def has_no_dust() -> Iterator[Claim]:
    """No output of a commitment or of a second stage is below what nodes relay."""
    for owner, agreed in ((LOCAL, _own_dust_limit), (REMOTE, _peers_dust_limit)):
        for anchors in (True, False):
            whose = "own" if owner is LOCAL else "peer's"
            note = f"{whose} commitment, {'anchors' if anchors else 'no anchors'}"
            yield Claim(f"balances are no dust ({note})", agreed, _mains_are_no_dust(owner, anchors))
            for offered in (True, False):
                which = "offered" if offered else "received"
                yield Claim(
                    f"HTLC outputs and their second stages are no dust ({which}, {note})",
                    agreed,
                    _htlcs_are_no_dust(owner, offered, anchors),
                )
    yield Claim("anchors are no dust", _own_dust_limit, lambda _: DUST["p2wsh"] <= ANCHOR_SAT)


# --- what was agreed on when the channel was opened ---


def _limits(dust_limit_satoshis: int = 354, max_accepted_htlcs: int = 0) -> Limits:
    dust_limit = Sat(dust_limit_satoshis)
    return replace(
        MAINNET_LIMITS,
        dust_limit_satoshis=dust_limit,
        channel_reserve_satoshis=dust_limit,
        max_accepted_htlcs=max_accepted_htlcs,
    )


def _passes(check: Callable[[], None]) -> bool:
    """Say whether no rule is broken."""
    try:
        check()
    except RuleBroken:
        return False
    return True


def _counts_agreed(numbers: Numbers) -> bool:
    """Each announced a limit that the specification allows; LimitsHold: neither has offered more HTLCs than that."""
    own = _limits(max_accepted_htlcs=numbers.local_max_accepted_htlcs)
    peers = _limits(max_accepted_htlcs=numbers.remote_max_accepted_htlcs)
    return (
        numbers.offered <= numbers.remote_max_accepted_htlcs
        and numbers.received <= numbers.local_max_accepted_htlcs
        and _passes(lambda: require_own_limits(own, Policy()))
        and _passes(lambda: require_delay_and_count(peers, Policy()))
    )


def _own_dust_limit(numbers: Numbers) -> bool:
    """The node announced it."""
    return _passes(lambda: require_own_limits(_limits(numbers.dust_limit_satoshis), Policy()))


def _peers_dust_limit(numbers: Numbers) -> bool:
    """The peer announced it, and the node did not fail the channel."""
    return _passes(lambda: require_keys_and_dust(_limits(numbers.dust_limit_satoshis), keys_valid=True))


def _one_too_many(numbers: Numbers) -> bool:
    return numbers.offered == MAX_ACCEPTED_HTLCS + 1 and numbers.received == MAX_ACCEPTED_HTLCS + 1


def _commitment_fits(anchors: bool) -> Predicate:
    return lambda numbers: commitment_weight(anchors, numbers.offered + numbers.received) <= MAX_STANDARD_WEIGHT


def _penalty_fits(anchors: bool) -> Predicate:
    return lambda numbers: penalty_weight(anchors, numbers.offered, numbers.received) <= MAX_STANDARD_WEIGHT


MOST_HTLCS = Condition(
    name="max_accepted_htlcs",
    text=f"max_accepted_htlcs <= {MAX_ACCEPTED_HTLCS}",
    needed_by=Claim("one penalty takes everything", lambda _: True, _penalty_fits(True)),
    just_missed=_one_too_many,
)
"""With anchors that is the greatest limit for which one penalty transaction takes everything."""


def _commitment(numbers: Numbers) -> Commitment:
    balances = Msat(numbers.to_owner_msat), Msat(numbers.to_other_msat)
    return Commitment(0, FeeratePerKw(numbers.feerate_per_kw), *balances, ())


def _mains_are_no_dust(owner: Side, anchors: bool) -> Predicate:
    def goal(numbers: Numbers) -> bool:
        made = main_outputs(params_of(numbers, anchors), owner, _commitment(numbers), numbers.untrimmed)
        return all(output.amount_sat >= DUST["p2wsh"] for output in made)

    return goal


def _htlcs_are_no_dust(owner: Side, offered_by_owner: bool, anchors: bool) -> Predicate:
    def goal(numbers: Numbers) -> bool:
        params = params_of(numbers, anchors)
        htlc = CommittedHtlc(offered_by_owner, 0, Msat(numbers.amount_msat), 0, Height(numbers.cltv_expiry))
        if not has_output(params, owner, _commitment(numbers), htlc):
            return True
        fee = second_stage_fee(params, FeeratePerKw(numbers.feerate_per_kw), offered_by_owner)
        return htlc_output(htlc).amount_sat - fee >= DUST["p2wsh"]

    return goal
