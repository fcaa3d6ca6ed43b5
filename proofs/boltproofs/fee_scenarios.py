"""Scenarios of fees and dust: the opener's means, the fee spike buffer, exposure to trimmed HTLCs, malformed onions.

Every limit has an offer or a feerate right at it and one just beyond it.
"""

from __future__ import annotations

from dataclasses import replace

from boltproofs.scenario_parts import (
    ANCHORS,
    FROM_A,
    FROM_B,
    HIGHER_FEERATE,
    PUSH,
    ROOMY,
    STATIC_REMOTEKEY,
    with_limits,
)
from boltspec.params import Params
from boltspec.scenario import FeeWish, Scenario, Wish, small_limits
from boltspec.units import FeeratePerKw, Height, Msat, Sat

BUFFER_AT_ONCE = Msat(600_000_000 - 10_000_000 - 660_000 - 1_468_000)
"""The most that A can offer if it keeps back one more HTLC at the same feerate: it has 600,000 sat, keeps 10,000, and
pays 660 for anchors and 1,468 for a commitment with two HTLCs (1,124 + 2 * 172 weight units at 1 sat each)."""
BUFFER_DOUBLED = BUFFER_AT_ONCE - Msat(1_468_000)
"""The same with a buffer for twice the feerate."""
MOST_DUST = Msat(400_000)
"""A limit on the exposure to trimmed HTLCs that one HTLC of a few hundred sat reaches."""
POOR = Msat(1_000_000_000 - 10_000_000 - 660_000 - 1_686_000)
"""What B has if A can just pay for a commitment without HTLCs at 1,500 sat per 1,000 weight units."""
TOO_POOR_FOR_AN_HTLC = Msat(1_000_000_000 - 10_000_000 - 660_000 - 1_296_000 + 1)
"""What B has if A lacks 1 msat to pay for a commitment with one HTLC at 1,000 sat."""
UNREASONABLE = (FeeWish(0, FeeratePerKw(252)), FeeWish(0, FeeratePerKw(50_001)))
"""One less and one more than what the policy finds reasonable."""
DEAR = (FeeWish(0, FeeratePerKw(1_501)), FeeWish(0, FeeratePerKw(1_500)))
"""One more than A can pay for, and all that it can pay for."""


def _from_a(amount_msat: Msat) -> Wish:
    return Wish(0, amount_msat, payment_hash=5, cltv_expiry=Height(6))


def _from_b(amount_msat: Msat) -> Wish:
    return Wish(1, amount_msat, payment_hash=6, cltv_expiry=Height(6))


def _exposed_to(params: Params, most: Msat) -> Params:
    return replace(params, policy=replace(params.policy, max_dust_htlc_exposure_msat=most))


_LESS, _MORE = small_limits(1), replace(small_limits(1), dust_limit_satoshis=Sat(500))
DUSTY_REMOTE = _exposed_to(replace(ANCHORS, local=_LESS, remote=_MORE), MOST_DUST)
"""An HTLC of 400 sat has no output in B's commitment only."""
DUSTY_LOCAL = _exposed_to(replace(ANCHORS, local=_MORE, remote=_LESS), MOST_DUST)
"""An HTLC of 400 sat has no output in A's commitment only."""
OVER_AND_AT_LIMIT = (_from_a(MOST_DUST + Msat(1)), _from_a(MOST_DUST))
TRIMMED_LATER = Msat(1_700_000)
DUSTY_FEE = _exposed_to(with_limits(STATIC_REMOTEKEY, _LESS), TRIMMED_LATER - Msat(1))
"""At twice the feerate an HTLC of 1,700 sat has no output in the commitment of the node that it is offered to."""


def _changes() -> list[Scenario]:
    """The opener changes the feerate while HTLCs come and go."""
    base = Scenario("fees", "A raises the feerate; an HTLC from B", ANCHORS, PUSH, (HIGHER_FEERATE, FROM_B))
    return [
        base,
        replace(base, name="careless-fee-change", title="A is tempted by feerates that are unreasonable, B by any",
                wishes=(*UNREASONABLE, FeeWish(1, FeeratePerKw(2_000))), careless=True),
        replace(base, name="careless-fee-means", title="A is tempted by a feerate that it cannot pay for",
                push_msat=POOR, wishes=DEAR, careless=True),
        replace(base, name="liar-fee-change", title="A lies once, and wants unreasonable feerates", wishes=UNREASONABLE,
                corrupt=(True, False), abuses=1),
        replace(base, name="liar-fee-means", title="A lies once, and wants a feerate that it cannot pay for",
                push_msat=POOR, wishes=DEAR, corrupt=(True, False), abuses=1),
        replace(base, name="liar-fee-of-B", title="B lies once, and wants to set the feerate, which A pays",
                wishes=(FeeWish(1, FeeratePerKw(2_000)),), corrupt=(False, True), abuses=1),
    ]


def _buffers() -> list[Scenario]:
    """What the opener keeps back covers what crosses its offers."""
    params = replace(ROOMY, policy=replace(ROOMY.policy, fee_spike_multiple=1))
    base = Scenario("fee-spike-htlc", "A offers all that it can, or 1 msat more; an HTLC of B crosses", params, PUSH,
                    (_from_a(BUFFER_AT_ONCE + Msat(1)), _from_a(BUFFER_AT_ONCE), FROM_B))
    doubled = (_from_a(BUFFER_DOUBLED + Msat(1)), _from_a(BUFFER_DOUBLED), HIGHER_FEERATE, FROM_B)
    return [
        base,
        replace(base, name="fee-spike", title="A offers all that it can, and doubles the feerate; an HTLC of B crosses",
                params=replace(params, policy=replace(params.policy, fee_spike_multiple=2)), wishes=doubled),
        replace(base, name="careless-poor-opener", title="B is tempted by an offer whose fee A cannot pay",
                push_msat=TOO_POOR_FOR_AN_HTLC, wishes=(FROM_B,)),
    ]  # fmt: skip


def _dust() -> list[Scenario]:
    """HTLCs without an output, at the limit of exposure."""
    base = Scenario("careless-dust-remote", "A offers dust up to the limit in B's commitment, or 1 msat more",
                    DUSTY_REMOTE, PUSH, OVER_AND_AT_LIMIT, careless=True)
    liar = replace(base, name="liar-dust-remote", title="A lies once, and offers dust beyond B's limit",
                   wishes=OVER_AND_AT_LIMIT[:1], careless=False, corrupt=(True, False), abuses=1)
    return [
        base,
        replace(base, name="careless-dust-local", title="the same in A's commitment", params=DUSTY_LOCAL),
        liar,
        replace(liar, name="liar-dust-local", title="the same in A's commitment", params=DUSTY_LOCAL),
        replace(base, name="careless-fee-dust-remote", title="a feerate would trim an HTLC of A in B's commitment",
                params=DUSTY_FEE, wishes=(_from_a(TRIMMED_LATER), HIGHER_FEERATE)),
        replace(base, name="careless-fee-dust-local", title="a feerate would trim an HTLC of B in A's commitment",
                params=DUSTY_FEE, wishes=(_from_b(TRIMMED_LATER), HIGHER_FEERATE)),
        replace(base, name="fee-dust-at-limit", title="a feerate trims an HTLC of A that is worth the limit",
                params=_exposed_to(DUSTY_FEE, TRIMMED_LATER), wishes=(_from_a(TRIMMED_LATER), HIGHER_FEERATE),
                careless=False),
    ]


def _malformed() -> list[Scenario]:
    """Recipients who cannot read an onion."""
    base = Scenario("careless-malformed", "B cannot read A's onion, and is tempted to give a wrong code", ANCHORS, PUSH,
                    (FROM_A,), careless=True, malformed=True)
    return [
        base,
        replace(base, name="liar-malformed", title="B lies once; onions may be malformed", careless=False,
                corrupt=(False, True), abuses=1),
    ]


FEE_SCENARIOS: tuple[Scenario, ...] = (*_changes(), *_buffers(), *_dust(), *_malformed())
"""All of them."""
