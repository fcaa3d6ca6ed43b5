"""Closing negotiation with ``option_simple_close`` (BOLT 2, ``closing_complete`` and ``closing_sig``).

There is nothing to agree on: each side proposes a transaction whose fee it pays (the *closer*), and the other signs it
(the *closee*). A side may propose again, with another fee or script, once it has been answered.
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.closing.messages import ClosingComplete, ClosingSig, ClosingSignature, ClosingTlvs
from boltspec.closing.scripts import is_dust
from boltspec.closing.shutdown import is_committed_script, is_valid_script
from boltspec.closing.state import Closing, negotiates, with_published
from boltspec.closing.transaction import (
    ClosingDetails,
    ClosingTx,
    Variant,
    closee_amount,
    closer_amount,
    simple_transaction,
)
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.rules import Reaction, duty, require
from boltspec.units import floor_to_sat
from boltspec.verdict import receives, sends

WARN_OR_FAIL, WARN_AND_CLOSE = Reaction.WARN_OR_FAIL, Reaction.WARN_AND_CLOSE
ONLY_CLOSER, ONLY_CLOSEE, BOTH = Variant
ZEROED_BY = {LOCAL: "B02-closing-complete-c-11", REMOTE: "B02-closing-complete-k-08"}
"""By which rule we set the closer's ``OP_RETURN`` output to zero: as the closer, and as the closee."""
SIGNS = {
    ONLY_CLOSER: "B02-closing-complete-c-16",
    ONLY_CLOSEE: "B02-closing-complete-c-17",
    BOTH: "B02-closing-complete-c-18",
}
"""By which rule each field of ``closing_tlvs`` signs its variant."""


def may_propose(closing: Closing) -> bool:
    """Say whether ``closing_complete`` may be exchanged now (B02-closing-complete-b-01 says that it should be)."""
    return negotiates(closing) and closing.features.option_simple_close


def transaction(closing: Closing, closer: Side, details: ClosingDetails, variant: Variant) -> ClosingTx | None:
    """Return the transaction that a signature is for."""
    return simple_transaction(closing.channel, closer, details, variant, ZEROED_BY[closer])


def has_less(closing: Closing, side: Side) -> bool:
    """Say whether a side owns less than the other, in millisatoshis: only then may it leave its output out."""
    return closing.channel.settled_msat(side) < closing.channel.settled_msat(side.other)


@sends
def send_closing_complete(closing: Closing, message: ClosingComplete) -> Closing:
    """Propose a closing transaction that we pay for."""
    details, channel = message.details, closing.channel
    script = details.closer_scriptpubkey
    require(may_propose(closing), "D02-closing-complete-c-01")
    require(details.fee_satoshis <= floor_to_sat(channel.local_msat), "B02-closing-complete-c-01")
    require(not _all_dust(closing, details), "B02-closing-complete-c-02", fee_satoshis=details.fee_satoshis)
    # AMBIGUOUS: upfront-script-later: "desired" is what shutdown could name too, the upfront script if there is one:
    # the rationale lets the address change only without it.
    desired = closing.local_upfront in (None, script) and is_valid_script(closing, script)
    require(desired, "B02-closing-complete-c-03", closer_scriptpubkey=script)
    require(details.closee_scriptpubkey == closing.remote_script, "B02-closing-complete-c-04")
    if has_less(closing, LOCAL):
        _require_variants_of_lesser(closing, message)
    else:
        _require_variants_of_greater(closing, message)
    for variant in message.tlvs.present:
        signature, right = message.tlvs.of(variant), transaction(closing, LOCAL, details, variant)
        dusty = right is not None and any(payout.is_dust for payout in right.payouts)
        # AMBIGUOUS: dust-of-the-greater: the party with more cannot leave its output out. If the fee turned it into
        # dust, it pays less or uses OP_RETURN, as the rationale suggests.
        require(not dusty, "B02-channel-close-b-01", variant=variant)
        require(signature is not None and signature.covers(right) and signature.low_s, SIGNS[variant])
    require(closing.proposed is None, "B02-closing-complete-c-19")
    return replace(closing, proposed=message, local_script=script)


def _all_dust(closing: Closing, details: ClosingDetails) -> bool:
    ours = closer_amount(closing.channel, LOCAL, details, ZEROED_BY[LOCAL])
    theirs = closee_amount(closing.channel, LOCAL, details)
    return is_dust(details.closer_scriptpubkey, ours) and is_dust(details.closee_scriptpubkey, theirs)


def _require_variants_of_lesser(closing: Closing, message: ClosingComplete) -> None:
    script, tlvs = message.details.closer_scriptpubkey, message.tlvs
    amount = closer_amount(closing.channel, LOCAL, message.details, ZEROED_BY[LOCAL])
    dust = is_dust(script, amount)
    spared = amount < closing.policy.uneconomical_satoshis and not script.is_op_return
    require(tlvs.closer_output_only is None, "B02-closing-complete-c-06")
    require(not dust or tlvs.closee_output_only is not None, "B02-closing-complete-c-07", amount=amount)
    require(dust or spared or tlvs.closee_output_only is None, "B02-closing-complete-c-08", amount=amount)
    # AMBIGUOUS: lesser-keeping-its-output: no clause says so, but without a field there is nothing to sign.
    kept = not dust and tlvs.closee_output_only is None
    require(not kept or tlvs.closer_and_closee_outputs is not None, "D02-closing-complete-c-02", amount=amount)


def _require_variants_of_greater(closing: Closing, message: ClosingComplete) -> None:
    """Check the fields of the party with at least half.

    With an output that is not worth its cost it may switch to an ``OP_RETURN`` (B02-closing-complete-c-10).
    """
    details, tlvs = message.details, message.tlvs
    theirs = closee_amount(closing.channel, LOCAL, details)
    require(tlvs.closee_output_only is None, "B02-closing-complete-c-09")
    if is_dust(details.closee_scriptpubkey, theirs):
        require(tlvs.closer_output_only is not None, "B02-closing-complete-c-12", closee_amount=theirs)
        require(tlvs.closer_and_closee_outputs is None, "B02-closing-complete-c-13", closee_amount=theirs)
    else:
        both = tlvs.closer_output_only is not None and tlvs.closer_and_closee_outputs is not None
        require(both, "B02-closing-complete-c-14", present=tlvs.present)


@receives
def receive_closing_complete(closing: Closing, message: ClosingComplete) -> Closing:
    """Take the peer's proposal: choose a variant, countersign and broadcast it, and owe ``closing_sig``."""
    details = message.details
    require(may_propose(closing), "D02-closing-complete-k-01", WARN_OR_FAIL)
    affordable = details.fee_satoshis <= floor_to_sat(closing.channel.remote_msat)
    require(affordable, "B02-closing-complete-k-01", WARN_OR_FAIL, fee_satoshis=details.fee_satoshis)
    # Ignore, warn and close: B02-closing-complete-k-02, -k-03, -k-04, which one guard and its reaction stand for.
    require(details.closee_scriptpubkey == closing.local_script, "B02-closing-complete-k-02", WARN_AND_CLOSE)
    # The same with B02-closing-complete-k-05, -k-06, -k-07.
    script = details.closer_scriptpubkey
    valid = is_valid_script(closing, script) and is_committed_script(closing, script)
    require(valid, "B02-closing-complete-k-05", WARN_AND_CLOSE, closer_scriptpubkey=script)
    chosen = selected(closing, message)
    signature, right = message.tlvs.of(chosen), transaction(closing, REMOTE, details, chosen)
    require(signature is not None, "B02-closing-complete-k-14", WARN_OR_FAIL, variant=chosen)
    valid_signature = signature is not None and signature.covers(right)
    require(signature is None or valid_signature, "B02-closing-complete-k-15", WARN_OR_FAIL, variant=chosen)
    require(signature is None or signature.low_s, "B02-closing-complete-k-16", WARN_OR_FAIL, variant=chosen)
    final = right if duty("B02-closing-complete-k-17") else None
    heard = script if duty("B02-closing-complete-k-19") else closing.remote_script
    return with_published(replace(closing, owed=_answer(details, chosen, right), remote_script=heard), final)


def selected(closing: Closing, message: ClosingComplete) -> Variant:
    """Return the variant that the closee signs."""
    script = message.details.closee_scriptpubkey
    amount = closee_amount(closing.channel, REMOTE, message.details)
    if is_dust(script, amount) and duty("B02-closing-complete-k-10"):
        return ONLY_CLOSER
    spared = amount < closing.policy.uneconomical_satoshis and not script.is_op_return
    # AMBIGUOUS: uneconomical-but-not-offered: a closer with less never signs closer_output_only. To insist on it would
    # fail the channel between honest nodes; so an output that has to be there is not considered uneconomical.
    if spared and message.tlvs.closer_output_only is not None and duty("B02-closing-complete-k-11"):
        return ONLY_CLOSER
    if message.tlvs.closer_and_closee_outputs is not None and duty("B02-closing-complete-k-12"):
        return BOTH
    return ONLY_CLOSEE if duty("B02-closing-complete-k-13") else BOTH


def _answer(details: ClosingDetails, variant: Variant, right: ClosingTx | None) -> ClosingSig:
    return ClosingSig(details, ClosingTlvs(**{variant.value: ClosingSignature(right)}))


@sends
def send_closing_sig(closing: Closing, message: ClosingSig) -> Closing:
    """Give the signature that we owe: for the variant that we chose, in the same field (B02-closing-complete-k-18)."""
    require(closing.owed is not None, "D02-closing-complete-k-02")
    require(message == closing.owed, "B02-closing-complete-k-18")
    return replace(closing, owed=None)


@receives
def receive_closing_sig(closing: Closing, message: ClosingSig) -> Closing:
    """Take the peer's signature for our proposal, and broadcast. We may propose again (B02-closing-complete-c-27)."""
    proposed, present = closing.proposed, message.tlvs.present
    require(proposed is not None, "D02-closing-complete-c-03", WARN_OR_FAIL)
    same = proposed is None or message.details == proposed.details
    require(same, "B02-closing-complete-c-21", WARN_OR_FAIL)
    require(len(present) == 1, "B02-closing-complete-c-22", WARN_OR_FAIL, present=present)
    offered = proposed is None or any(variant in proposed.tlvs.present for variant in present)
    require(offered, "B02-closing-complete-c-23", WARN_OR_FAIL, present=present)
    published = replace(closing, proposed=None)
    for variant in present:
        signature, right = message.tlvs.of(variant), transaction(closing, LOCAL, message.details, variant)
        assert signature is not None
        require(signature.covers(right), "B02-closing-complete-c-24", WARN_OR_FAIL, variant=variant)
        require(signature.low_s, "B02-closing-complete-c-25", WARN_OR_FAIL, variant=variant)
        if duty("B02-closing-complete-c-26"):
            published = with_published(published, right)
    return published


def must_disconnect_in_time(closing: Closing) -> bool:
    """Say whether the connection is to be closed if no ``closing_sig`` comes in reasonable time."""
    return closing.proposed is not None and duty("B02-closing-complete-c-20")


def offer(closing: Closing, details: ClosingDetails) -> ClosingTlvs:
    """Return the signatures that the rules ask for, for a proposal of ours."""
    ours = closer_amount(closing.channel, LOCAL, details, ZEROED_BY[LOCAL])
    theirs = closee_amount(closing.channel, LOCAL, details)
    uneconomical = ours < closing.policy.uneconomical_satoshis and not details.closer_scriptpubkey.is_op_return
    if has_less(closing, LOCAL):
        left_out = is_dust(details.closer_scriptpubkey, ours) or uneconomical
        variants: tuple[Variant, ...] = (ONLY_CLOSEE,) if left_out else (BOTH,)
    elif is_dust(details.closee_scriptpubkey, theirs):
        variants = (ONLY_CLOSER,)
    else:
        variants = (ONLY_CLOSER, BOTH)
    return signatures(closing, LOCAL, details, variants)


def signatures(closing: Closing, closer: Side, details: ClosingDetails, variants: tuple[Variant, ...]) -> ClosingTlvs:
    """Return valid signatures for some variants of a proposal."""
    return ClosingTlvs(
        **{variant.value: ClosingSignature(transaction(closing, closer, details, variant)) for variant in variants}
    )
