"""Any state of a node that closes a channel: where runs of cooperative close start.

Balances, dust limits, fees and what a node finds acceptable are unknown numbers. Scripts are chosen from the forms that
differ in what the rules say of them: two with different dust thresholds, one of them worthless by nature.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

from boltproofs.runs import Values, choose
from boltspec.channel import Channel
from boltspec.closing.messages import FeeRange
from boltspec.closing.scripts import Form, Script, p2wpkh, p2wsh
from boltspec.closing.state import Closing, ClosingFeatures, ClosingPolicy
from boltspec.closing.transaction import ClosingTx, Payout
from boltspec.feerates import constant
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.htlcs import NO_HTLCS, Htlcs
from boltspec.params import Limits, Params
from boltspec.verdict import Accepted

S = TypeVar("S")

SCRIPT_A, SCRIPT_B = p2wpkh("A"), p2wsh("B")
STRANGER = p2wpkh("stranger")
BURN_A, BURN_B = Script(Form.OP_RETURN, 6, "A burns"), Script(Form.OP_RETURN, 6, "B burns")
UNKNOWN_FORM = Script(Form.OTHER, 9, "no permitted form")
SIMPLE = ClosingFeatures(option_simple_close=True)


def taken(verdict: Accepted[S] | Any) -> S | None:
    """Return the state after a step; ``None`` if its message was not taken."""
    return verdict.state if isinstance(verdict, Accepted) else None


def limits(values: Values, name: str) -> Limits:
    """Return any limits."""
    return Limits(**{entry.name: values(f"{name}.{entry.name}") for entry in fields(Limits)})


def channel(values: Values, opener: Side, htlcs: Htlcs = NO_HTLCS) -> Channel:
    """Return any channel with these HTLCs, in which nobody owes a revocation."""
    params = Params(
        funding_satoshis=values("funding_satoshis"),
        opener=opener,
        feerate_per_kw=values("feerate_per_kw"),
        option_anchors=True,
        local=limits(values, "local"),
        remote=limits(values, "remote"),
    )
    feerates = constant(params.feerate_per_kw)
    return Channel(params, values("local_msat"), values("remote_msat"), feerates, htlcs)


def mirrored(of: Channel) -> Channel:
    """Return a channel without HTLCs as the other node sees it."""
    return Channel(of.params.mirrored(), of.remote_msat, of.local_msat, of.feerates)


def policy(values: Values, name: str, script: Script, sends_fee_range: bool = True) -> ClosingPolicy:
    """Return anything that a node may want."""
    return ClosingPolicy(
        script=script,
        fee_satoshis=values(f"{name}.fee"),
        fee_range=fee_range(values, f"{name}.acceptable"),
        sends_fee_range=sends_fee_range,
        uneconomical_satoshis=values(f"{name}.uneconomical"),
    )


def fee_range(values: Values, name: str) -> FeeRange:
    """Return any range, empty ones too."""
    return FeeRange(values(f"{name}.min"), values(f"{name}.max"))


def legacy_closing(values: Values) -> Closing:
    """Return any state in which fees may be proposed, of the funder or of the fundee, that announces ranges."""
    return _closing(values, ClosingFeatures(), choose(values, "opener", (LOCAL, REMOTE)), (SCRIPT_A, SCRIPT_B))


def simple_closing(values: Values) -> Closing:
    """Return any state in which ``closing_complete`` may be sent. Who opened the channel does not matter."""
    scripts = choose(values, "script", (SCRIPT_A, BURN_A)), choose(values, "remote script", (SCRIPT_B, BURN_B))
    return _closing(values, SIMPLE, LOCAL, scripts)


def _closing(values: Values, features: ClosingFeatures, opener: Side, scripts: tuple[Script, Script]) -> Closing:
    local_script, remote_script = scripts
    return Closing(
        channel=channel(values, opener),
        features=features,
        policy=policy(values, "ours", local_script),
        sent_shutdown=True,
        received_shutdown=True,
        local_script=local_script,
        remote_script=remote_script,
    )


def peer_of(node: Closing, of_peer: ClosingPolicy) -> Closing:
    """Return the same moment as the peer sees it: without any message that was not sent yet."""
    return replace(
        node,
        channel=mirrored(node.channel),
        policy=of_peer,
        local_script=node.remote_script,
        remote_script=node.local_script,
    )


def stolen(node: Closing, side: Side) -> ClosingTx:
    """Return a transaction that pays everything to one side: what a thief would want signed."""
    script = node.scripts[side]
    return ClosingTx((Payout(node.channel.params.funding_satoshis, script if script is not None else STRANGER),))
