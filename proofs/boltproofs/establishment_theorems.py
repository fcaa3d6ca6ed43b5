"""Theorems about opening a channel: its terms, its funding, and the way out, for all amounts and all policies.

Terms: the opener proposes anything that its rules let pass and takes any answer that it must; the accepter takes any
proposal that it must and answers anything that it may. Funding: the state is any state in that phase, reachable or not,
with any numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from boltproofs.runs import Run, RunClaim, RunTheorem, Values, choose
from boltspec.channel import Link, opened
from boltspec.commitment import View, commitment
from boltspec.establishment.accepter import next_funding_signed, received_by_push
from boltspec.establishment.channel_type import ANCHORS, STATIC_REMOTEKEY, ChannelType, Feature
from boltspec.establishment.funding import FundingOutput, FundingSeen, Outpoint, Script, Transaction
from boltspec.establishment.good_terms import first_commitment_payable, limits_sane, reserve_above_dust
from boltspec.establishment.limits import Policy
from boltspec.establishment.messages import (
    AcceptChannel,
    ChannelReady,
    ChannelReestablish,
    FundingCreated,
    FundingSignature,
    FundingSigned,
    Message,
    OpenChannel,
)
from boltspec.establishment.opener import publish_funding_transaction
from boltspec.establishment.ready import established
from boltspec.establishment.state import (
    ACCEPTER,
    OPENER,
    OUR_TURN,
    Awaited,
    Establishment,
    Node,
    Role,
    first_commitment,
    params_of,
)
from boltspec.establishment.steps import receive, send
from boltspec.outputs import outputs
from boltspec.params import Limits
from boltspec.units import Blocks, Msat, Sat
from boltspec.verdict import Accepted

FEATURES = frozenset({Feature.OPTION_ANCHORS})
TYPES: dict[str, ChannelType] = {"static_remotekey": STATIC_REMOTEKEY, "anchors": ANCHORS}
WISHES = ("wants_public", "trusts_unconfirmed")
NUMBERS_OF_POLICY = tuple(entry.name for entry in fields(Policy) if entry.name not in WISHES)
NOWHERE = Outpoint(Transaction(()), 0)


def _node(values: Values) -> Node:
    policy = Policy(**{name: values(f"policy.{name}") for name in NUMBERS_OF_POLICY})
    return Node(features=FEATURES, peer_features=FEATURES, policy=policy)


def _limits(values: Values, name: str) -> Limits:
    return Limits(**{entry.name: values(f"{name}.{entry.name}") for entry in fields(Limits)})


def _open_channel(values: Values, kind: ChannelType) -> OpenChannel:
    return OpenChannel(
        chain_hash=0,
        temporary_channel_id=1,
        funding_satoshis=values("funding_satoshis"),
        push_msat=values("push_msat"),
        limits=_limits(values, "open"),
        feerate_per_kw=values("feerate_per_kw"),
        channel_flags=0,
        channel_type=kind,
    )


def _accept_channel(values: Values, kind: ChannelType) -> AcceptChannel:
    return AcceptChannel(1, _limits(values, "accept"), values("minimum_depth"), kind)


# --- terms ---


def _proposed(role: Role, kind: ChannelType) -> Run:
    """The node sends or takes ``open_channel``."""

    def run(values: Values) -> Establishment | None:
        step = send if role is OPENER else receive
        return _state_of(step(Establishment(_node(values)), _open_channel(values, kind)))

    return run


def _agreed(role: Role, kind: ChannelType) -> Run:
    """After that, it takes or sends ``accept_channel``."""

    def run(values: Values) -> Establishment | None:
        proposed = _proposed(role, kind)(values)
        if proposed is None:
            return None
        step = receive if role is OPENER else send
        return _state_of(step(proposed, _accept_channel(values, kind)))

    return run


def _state_of(verdict: Any) -> Establishment | None:
    return verdict.state if isinstance(verdict, Accepted) else None


RUNS: dict[tuple[Role, bool], tuple[str, Callable[[Role, ChannelType], Run]]] = {
    (OPENER, False): ("the opener that sends open_channel", _proposed),
    (OPENER, True): ("the opener that takes accept_channel", _agreed),
    (ACCEPTER, False): ("the accepter that takes open_channel", _proposed),
    (ACCEPTER, True): ("the accepter that sends accept_channel", _agreed),
}
"""By role, and whether both have named their terms."""


def _terms(goal: Callable[[Any], bool], rules: dict[tuple[Role, bool], tuple[str, ...]]) -> tuple[RunClaim, ...]:
    """Return the claims on the terms that ``rules`` has entries for, with the rules that each needs."""
    return tuple(
        RunClaim(f"{RUNS[key][0]}, {name}", RUNS[key][1](key[0], kind), goal, needed if kind is ANCHORS else ())
        for key, needed in rules.items()
        for name, kind in TYPES.items()
    )


def _each_first_commitment_pays(state: Establishment) -> bool:
    """Say whether the first commitment of either node has an output, and what all have is no more than the capacity."""
    if state.open_channel is None or state.accept_channel is None or state.role is None:
        return False
    opening, kind = state.open_channel, state.open_channel.channel_type or STATIC_REMOTEKEY
    params = params_of(opening, state.accept_channel, kind, state.role)
    channel = opened(params, opening.push_msat)
    for view in (View.LOCAL_LATEST, View.REMOTE_LATEST):
        found = outputs(params, view.owner, commitment(channel, view))
        if not found or sum((output.amount_sat for output in found), Sat(0)) > opening.funding_satoshis:
            return False
    return True


OPENS, OPENED = (OPENER, False), (OPENER, True)
ACCEPTS, ACCEPTED = (ACCEPTER, False), (ACCEPTER, True)
OF_TERMS = ("amounts", "feerates", "limits", "policies")
OF_ONE = "both commitment formats; the messages of one establishment"

TERMS = (
    RunTheorem(
        name="ReserveAboveDust",
        sentence="The reserve of each side is at least the dust limit of either.",
        claims=_terms(reserve_above_dust, {
            OPENS: ("B02-open-channel-s-08",),
            OPENED: ("B02-accept-channel-r-02", "B02-accept-channel-r-03", "B02-open-channel-r-19"),
            ACCEPTS: ("B02-open-channel-r-19",),
            ACCEPTED: ("B02-accept-channel-s-04", "B02-accept-channel-s-05"),
        }),
        unbounded=OF_TERMS,
        bounded=OF_ONE,
    ),
    RunTheorem(
        name="LimitsSane",
        sentence="Terms are within the protocol's limits and the node's own.",
        claims=_terms(limits_sane, {
            OPENS: (
                "D02-open-channel-s-01", "B02-open-channel-s-04", "B02-open-channel-s-18", "B02-open-channel-s-19",
                "B02-open-channel-s-20",
            ),
            OPENED: ("B02-accept-channel-r-01",),
            ACCEPTS: (
                "B02-open-channel-r-07", "B02-open-channel-r-08", "B02-open-channel-r-09", "B02-open-channel-r-10",
                "B02-open-channel-r-11", "B02-open-channel-r-12", "B02-open-channel-r-15", "B02-open-channel-r-16",
                "B02-open-channel-r-17", "B02-open-channel-r-20", "B02-open-channel-r-23",
            ),
            ACCEPTED: (),
        }),
        unbounded=OF_TERMS,
        bounded=OF_ONE,
    ),
    RunTheorem(
        name="FirstCommitmentPayable",
        sentence="The opener can pay for what it pushes and for fee and anchors, and one side is above the reserve.",
        claims=_terms(first_commitment_payable, {
            OPENS: ("D02-open-channel-s-02", "D02-open-channel-s-03"),
            ACCEPTS: ("B02-open-channel-r-21", "B02-open-channel-r-22"),
        }),
        unbounded=OF_TERMS,
        bounded=OF_ONE,
    ),
    RunTheorem(
        name="FirstCommitmentsPay",
        sentence="Each first commitment has an output that is not dust, and all outputs are within the capacity.",
        claims=_terms(_each_first_commitment_pays, {
            OPENED: ("D02-open-channel-s-03", "B02-accept-channel-r-03"),
            ACCEPTED: ("B02-open-channel-r-22",),
        }),
        unbounded=OF_TERMS,
        bounded=OF_ONE,
    ),
)  # fmt: skip


# --- funding ---


def _waiting(values: Values, *, ready_sent: bool = False) -> Establishment:
    """Return any state in which ``channel_ready`` is awaited: any output, any depth, either role."""
    output = FundingOutput(values("output.amount_sat"), choose(values, "output.script", tuple(Script)))
    state = _established_terms(values, output, choose(values, "coinbase", (False, True)))
    return replace(state, ready_sent=ready_sent, ready_received=choose(values, "ready_received", (False, True)))


def _established_terms(values: Values, output: FundingOutput, coinbase: bool) -> Establishment:
    """Return a state with terms and a funding output that has been seen."""
    return Establishment(
        _node(values),
        role=choose(values, "role", (OPENER, ACCEPTER)),
        awaited=Awaited.CHANNEL_READY,
        open_channel=_open_channel(values, ANCHORS),
        accept_channel=_accept_channel(values, ANCHORS),
        funding=Outpoint(Transaction((output,), coinbase=coinbase), 0),
        seen=FundingSeen(output, values("confirmations"), coinbase),
    )


def _sends_ready(values: Values) -> Establishment | None:
    state = _waiting(values)
    alias = choose(values, "alias", (None, 7))
    return _state_of(send(state, ChannelReady(state.funding or NOWHERE, values("point"), alias)))


def _is_backed(state: Establishment) -> bool:
    """Say whether the output pays the agreed amount to the agreed script, and consensus lets it be spent."""
    opening, output = state.open_channel, state.seen.output
    if opening is None or output is None or output.script is not Script.FUNDING:
        return False
    mature = not state.seen.coinbase or state.seen.confirmations >= Blocks(100)
    return mature and output.amount_sat == opening.funding_satoshis


def _is_backed_and_deep(state: Establishment) -> bool:
    """Say so, and that there are as many confirmations as the accepter asked for."""
    accepting = state.accept_channel
    return accepting is not None and state.seen.confirmations >= accepting.minimum_depth and _is_backed(state)


def _is_verified(state: Establishment) -> bool:
    """Say what ``channel_ready`` needs. An opener with an alias does not wait: only it could double-spend."""
    waits = state.role is ACCEPTER or not state.aliases_sent
    return _is_backed_and_deep(state) if waits else _is_backed(state)


def _counts_push(values: Values) -> Establishment | None:
    state = _waiting(values)
    return state if received_by_push(state) > Msat(0) else None


def _uses_channel(values: Values) -> Establishment | None:
    state = _waiting(values, ready_sent=choose(values, "ready_sent", (False, True)))
    return state if established(state) is not None else None


def _both_ready(state: Establishment) -> bool:
    return state.ready_sent and state.ready_received


def _takes_another_step(values: Values) -> Establishment | None:
    """Any message in any phase, sent or received, but for sending ``channel_ready``."""
    state = _established_terms(values, FundingOutput(values("output.amount_sat"), Script.FUNDING), False)
    state = replace(state, awaited=choose(values, "awaited", tuple(Awaited)))
    funding = state.funding or NOWHERE
    known = state.awaited in (Awaited.FUNDING_CREATED, Awaited.FUNDING_SIGNED)
    good = FundingSignature(first_commitment(state, funding, choose(values, "owner", tuple(Role)), OUR_TURN))
    signature = good if known else FundingSignature(None)
    ready = ChannelReady(funding, values("point"), None)
    messages: tuple[Message, ...] = (
        _open_channel(values, ANCHORS),
        _accept_channel(values, ANCHORS),
        FundingCreated(1, funding.funding_txid, 0, signature),
        FundingSigned(funding, signature),
    )
    link = choose(values, "link", (Link.UP, Link.DOWN))
    if link is Link.DOWN:
        messages = (ChannelReestablish(funding, values("number")),)
    state = replace(state, link=link)
    if choose(values, "sending", (False, True)):
        return _state_of(send(state, choose(values, "message", messages)))
    return _state_of(receive(state, choose(values, "message", (*messages, ready))))


def _not_ready(state: Establishment) -> bool:
    return not state.ready_sent


FUNDING_VERIFIED = RunTheorem(
    name="FundingVerified",
    sentence="Nobody is ready, credits a push or uses the channel before amount, script, depth and maturity are known.",
    claims=(
        RunClaim("who sends channel_ready has verified the funding output", _sends_ready, _is_verified, (
            "B02-channel-ready-s-01", "B02-channel-ready-e-01", "B02-channel-ready-s-11", "D02-channel-ready-s-01",
        )),
        RunClaim("a push that counts is in a verified, deep output", _counts_push, _is_backed_and_deep,
                 ("B02-open-channel-r-26",)),
        RunClaim("a channel in use was called ready by both", _uses_channel, _both_ready, ("D02-channel-ready-b-01",)),
        RunClaim("no other message makes a node ready", _takes_another_step, _not_ready),
    ),
    unbounded=("amounts", "depths", "limits", "policies"),
    bounded="any state in each phase, reachable or not; the chain is not reorganised",
)  # fmt: skip


# --- the way out ---


def _before_signatures(values: Values, role: Role, awaited: Awaited) -> Establishment:
    output = FundingOutput(values("output.amount_sat"), choose(values, "output.script", tuple(Script)))
    return replace(_established_terms(values, output, False), role=role, awaited=awaited, seen=FundingSeen())


def _signature(values: Values, state: Establishment, funding: Outpoint) -> FundingSignature:
    """Return any signature: for either first commitment, for nothing, high or low."""
    signed = [first_commitment(state, funding, owner, OUR_TURN) for owner in Role]
    return FundingSignature(choose(values, "signed", (None, *signed)), choose(values, "low_s", (True, False)))


def _publishes(values: Values) -> Establishment | None:
    """The opener takes ``funding_signed``, or none, and publishes."""
    state = _before_signatures(values, OPENER, Awaited.FUNDING_SIGNED)
    funding = state.funding or NOWHERE
    if choose(values, "answered", (True, False)):
        answered = _state_of(receive(state, FundingSigned(funding, _signature(values, state, funding))))
        if answered is None:
            return None
        state = answered
    return _state_of(publish_funding_transaction(state, funding))


def _signs(values: Values) -> Establishment | None:
    """The accepter takes ``funding_created`` and answers it: from here on the opener may publish."""
    state = _before_signatures(values, ACCEPTER, Awaited.FUNDING_CREATED)
    funding = state.funding or NOWHERE
    created = FundingCreated(1, funding.funding_txid, 0, _signature(values, state, funding))
    taken = _state_of(receive(replace(state, funding=None), created))
    return None if taken is None else _state_of(send(taken, next_funding_signed(taken)))


def _holds_way_out(state: Establishment) -> bool:
    """Say whether the node holds a valid signature for its own first commitment, spending that very output."""
    if state.signature is None or state.funding is None or state.role is None:
        return False
    ours = first_commitment(state, state.funding, state.role, OUR_TURN)
    return state.signature.low_s and state.signature.signed == ours


WAY_OUT = RunTheorem(
    name="WayOutBeforeFunding",
    sentence="Whoever publishes the funding, or lets the other do so, can already publish its own first commitment.",
    claims=(
        RunClaim("the opener that publishes", _publishes, _holds_way_out,
                 ("B02-funding-signed-f-01", "B02-funding-signed-f-02")),
        RunClaim("the accepter that signs", _signs, _holds_way_out, ("B02-funding-created-e-01",)),
    ),
    unbounded=("amounts", "feerates", "limits", "policies"),
    bounded="a signature is for one of the two first commitments or for nothing",
)  # fmt: skip

ESTABLISHMENT_THEOREMS: tuple[RunTheorem, ...] = (*TERMS, FUNDING_VERIFIED, WAY_OUT)
"""All theorems about opening a channel."""
