"""Theorems about ``shutdown``: what may still change after it, with any number of HTLCs at any stages.

The states are any states, reachable or not. HTLCs matter here only by their stages, which the steps ask of all of them
together; so any number of them costs no more than one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from boltproofs.closing_states import SCRIPT_A, SCRIPT_B, SIMPLE, STRANGER, UNKNOWN_FORM, channel, policy, taken
from boltproofs.runs import RunClaim, RunTheorem, Values, choose
from boltspec.channel import Channel
from boltspec.closing import legacy, simple
from boltspec.closing.messages import ClosingComplete, ClosingSignature, ClosingSigned, Message, Shutdown
from boltspec.closing.party import receive, send
from boltspec.closing.state import Closing, ClosingFeatures
from boltspec.closing.transaction import ClosingDetails, Variant
from boltspec.feerates import Feerates, FeeUpdate
from boltspec.htlc import LOCAL, REMOTE, Event, Htlc, Stage, is_moved_by
from boltspec.htlcs import NO_HTLCS, Htlcs
from boltspec.messages import UpdateAddHtlc, UpdateFee
from boltspec.units import Height, Msat

OFFERS = ((Variant.CLOSER_AND_CLOSEE_OUTPUTS,), (Variant.CLOSER_OUTPUT_ONLY, Variant.CLOSER_AND_CLOSEE_OUTPUTS))
"""What the party with less and the one with more offer when no output is dust."""
PENDING_HTLC = Htlc(LOCAL, 0, Msat(1), 0, Height(1), Stage.IRREVOCABLE)
"""While it is there the feerate may still be changed."""
UPFRONT = ClosingFeatures(option_upfront_shutdown_script=True)


class Move(NamedTuple):
    """A node before and after a message that was taken."""

    before: Closing
    message: Message
    sending: bool
    after: Closing


def _any_channel(values: Values) -> Channel:
    """Return a channel with any HTLCs and changes of the feerate, in which any revocation may be owed."""
    stages = [FeeUpdate(values(f"fee update {stage}"), values(f"feerate {stage}")) for stage in range(5)]
    return replace(
        channel(values, LOCAL, values.htlcs()),
        feerates=Feerates((stages[0], stages[1], stages[2], stages[3], stages[4])),
        local_commitment_number=values("local_commitment_number"),
        local_revocations=values("local_revocations"),
        remote_commitment_number=values("remote_commitment_number"),
        remote_revocations=values("remote_revocations"),
    )


def _any_closing(values: Values, features: ClosingFeatures) -> Closing:
    """Return a node in which each ``shutdown`` may have been sent."""
    return Closing(
        channel=_any_channel(values),
        features=features,
        policy=policy(values, "ours", SCRIPT_A),
        sent_shutdown=choose(values, "sent_shutdown", (True, False)),
        received_shutdown=choose(values, "received_shutdown", (True, False)),
        local_script=SCRIPT_A,
        remote_script=SCRIPT_B,
        turn=choose(values, "turn", (LOCAL, REMOTE)),
    )


def _moved(node: Closing, message: Message, sending: bool) -> Move | None:
    after = taken(send(node, message) if sending else receive(node, message))
    return None if after is None else Move(node, message, sending, after)


def _proposes_fee(values: Values) -> Move | None:
    """A ``closing_signed`` with a good signature."""
    node, sending = _any_closing(values, ClosingFeatures()), choose(values, "sending", (True, False))
    tx = legacy.transaction(node, values("fee"), LOCAL if sending else REMOTE)
    return _moved(node, ClosingSigned(values("fee"), ClosingSignature(tx)), sending)


def _proposes_transaction(values: Values) -> Move | None:
    """A ``closing_complete`` with good signatures."""
    node, sending = _any_closing(values, SIMPLE), choose(values, "sending", (True, False))
    closer, (own, other) = (LOCAL, (SCRIPT_A, SCRIPT_B)) if sending else (REMOTE, (SCRIPT_B, SCRIPT_A))
    details = ClosingDetails(own, other, values("fee"))
    tlvs = simple.signatures(node, closer, details, choose(values, "variants", OFFERS))
    return _moved(node, ClosingComplete(details, tlvs), sending)


def _all_is_quiet(move: Move) -> bool:
    """Say whether both had sent ``shutdown``, nothing was under way, and nobody owed a revocation."""
    node, of = move.before, move.before.channel
    if not node.sent_shutdown or not node.received_shutdown or of.htlcs.any(lambda _: True):
        return False
    if of.feerates.at(Stage.PENDING).number != of.feerates.at(Stage.IRREVOCABLE).number:
        return False
    ours = of.local_commitment_number == of.local_revocations
    return ours and of.remote_commitment_number == of.remote_revocations


def _adds(values: Values) -> Move | None:
    """Any ``update_add_htlc``, sent or taken."""
    node, sending = _any_closing(values, ClosingFeatures()), choose(values, "sending", (True, False))
    node = replace(node, channel=replace(node.channel, htlcs=Htlcs((PENDING_HTLC,))))
    names = ("id", "amount_msat", "payment_hash", "cltv_expiry")
    return _moved(node, UpdateAddHtlc(**{name: values(f"add.{name}") for name in names}), sending)


def _nobody_had_said_shutdown(move: Move) -> bool:
    """Say whether the offerer had sent no ``shutdown``, nor, as far as the node knows, its peer."""
    if move.sending:
        return not move.before.sent_shutdown and not move.before.received_shutdown
    return not move.before.received_shutdown


def _changes_fee(values: Values) -> Move | None:
    """Any ``update_fee``, sent or taken, in a channel without HTLCs."""
    node, sending = _any_closing(values, ClosingFeatures()), choose(values, "sending", (True, False))
    of = replace(node.channel, htlcs=NO_HTLCS)
    if not sending:
        of = replace(of, params=replace(of.params, opener=REMOTE))
    return _moved(replace(node, channel=of), UpdateFee(values("feerate")), sending)


def _nobody_negotiates(move: Move) -> bool:
    """Say whether the sender had not said ``shutdown``, or the receiver had something left to do before it closes."""
    return not move.before.sent_shutdown if move.sending else not _all_is_quiet(move)


def _says_shutdown(values: Values) -> Move | None:
    """Any ``shutdown``, sent or taken, of a node that may have committed to a script."""
    node, sending = _any_closing(values, UPFRONT), choose(values, "sending", (True, False))
    committed = choose(values, "committed", (None, SCRIPT_A))
    node = replace(node, local_upfront=committed if sending else None, remote_upfront=None if sending else committed)
    funded = choose(values, "funded", (True, False))
    node = replace(node, sent_funding=funded, received_funding=funded)
    return _moved(node, Shutdown(choose(values, "script", (SCRIPT_A, STRANGER, UNKNOWN_FORM))), sending)


def _is_orderly(move: Move) -> bool:
    """Say whether it is the first one, names a permitted script that was committed to, and leaves nothing unsigned."""
    node, sending, message = move.before, move.sending, move.message
    assert isinstance(message, Shutdown)
    said, upfront, funded = (
        (node.sent_shutdown, node.local_upfront, node.sent_funding)
        if sending
        else (node.received_shutdown, node.remote_upfront, node.received_funding)
    )
    if said or not funded or message.scriptpubkey == UNKNOWN_FORM or upfront not in (None, message.scriptpubkey):
        return False
    return not sending or not _has_unsigned(node.channel)


def _has_unsigned(of: Channel) -> bool:
    """Say whether there is an update that we have yet to sign for: of an HTLC, or, as the opener, of the feerate."""
    if of.feerates.at(Stage.PENDING).number != of.feerates.at(Stage.COMMITTED).number:
        return True
    return of.htlcs.any(lambda htlc: is_moved_by(htlc, Event.SEND_COMMITMENT_SIGNED))


OF_ANY = ("balances", "fees", "feerates", "HTLCs", "commitment numbers")

NO_CLOSE_WITH_HTLCS = RunTheorem(
    name="NoCloseWithHtlcs",
    sentence="Nothing is proposed or taken for closing while an HTLC, a new feerate or a revocation is pending.",
    claims=(
        RunClaim("closing_signed", _proposes_fee, _all_is_quiet,
                 ("D02-closing-signed-s-01", "D02-closing-signed-r-01")),
        RunClaim("closing_complete", _proposes_transaction, _all_is_quiet,
                 ("D02-closing-complete-c-01", "D02-closing-complete-k-01")),
    ),
    unbounded=OF_ANY,
    bounded="any state, reachable or not; an answer, closing_sig, is owed to a closing_complete that was taken",
)  # fmt: skip

NO_UPDATE_AFTER_SHUTDOWN = RunTheorem(
    name="NoUpdateAfterShutdown",
    sentence="No HTLC is offered after a shutdown or taken from who sent one; with no HTLC left nothing is updated.",
    claims=(
        RunClaim("update_add_htlc", _adds, _nobody_had_said_shutdown,
                 ("B02-shutdown-s-06", "D02-shutdown-s-01", "D02-shutdown-r-02")),
        RunClaim("update_fee once nothing is left", _changes_fee, _nobody_negotiates,
                 ("B02-shutdown-s-07", "D02-shutdown-r-03")),
    ),
    unbounded=("balances", "fees", "feerates", "commitment numbers"),
    bounded="any state, reachable or not; one other HTLC for offers, none for feerates: rules of shutdown come first",
)  # fmt: skip

ORDERLY_SHUTDOWN = RunTheorem(
    name="OrderlyShutdown",
    sentence="A shutdown comes once, after the funding messages, to a lawful script, with every update signed for.",
    claims=(
        RunClaim("shutdown", _says_shutdown, _is_orderly, (
            "B02-shutdown-s-01", "B02-shutdown-s-03", "B02-shutdown-s-04", "B02-shutdown-s-09", "B02-shutdown-s-10",
            "B02-shutdown-r-01", "B02-shutdown-r-02", "B02-shutdown-r-06", "D02-shutdown-r-01",
        )),
    ),
    unbounded=OF_ANY,
    bounded="any state, reachable or not; scripts: the committed one, another one, one of no permitted form",
)  # fmt: skip

SHUTDOWN_THEOREMS: tuple[RunTheorem, ...] = (NO_CLOSE_WITH_HTLCS, NO_UPDATE_AFTER_SHUTDOWN, ORDERLY_SHUTDOWN)
"""All theorems about ``shutdown``."""
