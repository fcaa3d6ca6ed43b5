"""What a closing party may want to send: every sensible message, and for the tempted every kind of forbidden one.

Proposals know no rules. The sender's step decides; a corrupt party sends what its step refuses, within its budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from boltspec.closing import legacy, simple
from boltspec.closing.messages import (
    ClosingComplete,
    ClosingSig,
    ClosingSignature,
    ClosingSigned,
    ClosingTlvs,
    FundingMessage,
    Message,
    Shutdown,
)
from boltspec.closing.scenario import CloseScenario
from boltspec.closing.shutdown import owes_shutdown
from boltspec.closing.state import Closing
from boltspec.closing.transaction import ClosingDetails, Variant
from boltspec.commit import next_commitment_signed, next_revoke_and_ack
from boltspec.htlc import LOCAL, REMOTE, Stage
from boltspec.messages import UpdateAddHtlc, UpdateFee, UpdateFulfillHtlc
from boltspec.units import Height, Sat

NOTHING_SIGNED = ClosingSignature(None)
EXPIRY = Height(500)


class Progress(NamedTuple):
    """What a party has made true of its plans."""

    offers: int = 0
    """HTLCs offered."""
    bids: int = 0
    """``closing_complete`` sent."""
    feerates: int = 0
    """Feerates set."""


class Proposal(NamedTuple):
    """A message that a party may want to send."""

    label: str
    """Names it among the proposals of a state."""
    message: Message
    progress: Progress
    """How far the party is once this is sent."""


def proposals(
    closing: Closing, scenario: CloseScenario, party: int, progress: Progress, *, tempted: bool
) -> Iterator[Proposal]:
    """Yield the messages that the party may want to send now; ``tempted`` adds those that the rules forbid."""
    yield from _offers(closing, scenario, party, progress)
    yield from _bids(closing, scenario, party, progress)
    for label, message in _sensible(closing, scenario, party):
        yield Proposal(label, message, progress)
    if tempted:
        for messages in (_shutdowns, _fees, _completes, _sigs):
            for label, message in messages(closing, scenario):
                yield Proposal(label, message, progress)


def _offers(closing: Closing, scenario: CloseScenario, party: int, progress: Progress) -> Iterator[Proposal]:
    wishes = [offer for offer in scenario.offers if offer.offerer == party]
    if progress.offers < len(wishes):
        amount = wishes[progress.offers].amount_msat
        message = UpdateAddHtlc(closing.channel.next_local_htlc_id, amount, payment_hash=1, cltv_expiry=EXPIRY)
        yield Proposal("update_add_htlc", message, progress._replace(offers=progress.offers + 1))
    if party == 0 and progress.feerates < len(scenario.feerates_per_kw):
        feerate = UpdateFee(scenario.feerates_per_kw[progress.feerates])
        yield Proposal("update_fee", feerate, progress._replace(feerates=progress.feerates + 1))


def _bids(closing: Closing, scenario: CloseScenario, party: int, progress: Progress) -> Iterator[Proposal]:
    bids = scenario.bids[party]
    if closing.remote_script is not None and progress.bids < len(bids):
        bid = bids[progress.bids]
        details = ClosingDetails(bid.script, closing.remote_script, bid.fee_satoshis)
        message = ClosingComplete(details, simple.offer(closing, details))
        yield Proposal(f"closing_complete {progress.bids}", message, progress._replace(bids=progress.bids + 1))


def _sensible(closing: Closing, scenario: CloseScenario, party: int) -> Iterator[tuple[str, Message]]:
    if not closing.sent_funding and (closing.is_opener or closing.received_funding):
        yield "funding message", FundingMessage()
    yield from _dance(closing)
    if scenario.starts[party] or owes_shutdown(closing):
        yield "shutdown", Shutdown(closing.local_upfront or closing.local_script or closing.policy.script)
    if (answer := legacy.next_closing_signed(closing)) is not None:
        yield "closing_signed", answer
    if closing.owed is not None:
        yield "closing_sig", closing.owed


def _dance(closing: Closing) -> Iterator[tuple[str, Message]]:
    channel = closing.channel
    for htlc in channel.htlcs.items:
        if htlc.offerer is REMOTE and htlc.added is Stage.IRREVOCABLE and not htlc.removed:
            yield f"update_fulfill_htlc {htlc.id}", UpdateFulfillHtlc(htlc.id, htlc.payment_hash)
    yield "commitment_signed", next_commitment_signed(channel)
    yield "revoke_and_ack", next_revoke_and_ack(channel)


def _shutdowns(closing: Closing, scenario: CloseScenario) -> Iterator[tuple[str, Message]]:
    yield "shutdown anyway", Shutdown(closing.local_upfront or closing.policy.script)
    for script in scenario.menu.scripts:
        yield f"shutdown to {script.name}", Shutdown(script)


def _fees(closing: Closing, scenario: CloseScenario) -> Iterator[tuple[str, Message]]:
    menu = scenario.menu
    if closing.features.option_simple_close:
        return
    for fee in menu.fees:
        right = ClosingSigned(fee, ClosingSignature(legacy.transaction(closing, fee, LOCAL)))
        yield f"closing_signed {fee}", right
        yield f"closing_signed {fee} unsigned", replace(right, signature=NOTHING_SIGNED)
        for fee_range in menu.ranges:
            low, high = fee_range.min_fee_satoshis, fee_range.max_fee_satoshis
            yield f"closing_signed {fee} in {low}..{high}", replace(right, fee_range=fee_range)
        yield f"closing_signed {fee} high-S", replace(right, signature=replace(right.signature, low_s=False))
        omitted = legacy.transaction(closing, fee, LOCAL, own_output=False)
        yield f"closing_signed {fee} without own output", replace(right, signature=ClosingSignature(omitted))


def _completes(closing: Closing, scenario: CloseScenario) -> Iterator[tuple[str, Message]]:
    own, peer = closing.local_script, closing.remote_script
    if own is None or peer is None or not closing.features.option_simple_close:
        return
    for fee in scenario.menu.fees:
        details = ClosingDetails(own, peer, fee)
        for count in range(len(Variant) + 1):
            for variants in combinations(Variant, count):
                tlvs = simple.signatures(closing, LOCAL, details, variants)
                yield f"closing_complete {fee} {'+'.join(variants)}", ClosingComplete(details, tlvs)
        yield f"closing_complete {fee} unsigned", ClosingComplete(details, _spoilt(closing, details, None))
        yield f"closing_complete {fee} high-S", ClosingComplete(details, _spoilt(closing, details, False))
        for script in scenario.menu.scripts:
            for end, changed in (
                ("from", replace(details, closer_scriptpubkey=script)),
                ("to", replace(details, closee_scriptpubkey=script)),
            ):
                message = ClosingComplete(changed, simple.offer(closing, changed))
                yield f"closing_complete {fee} {end} {script.name}", message


def _spoilt(closing: Closing, details: ClosingDetails, low_s: bool | None) -> ClosingTlvs:
    """Return what the rules ask for, with bad signatures: for nothing at all if ``low_s`` is ``None``."""
    right = simple.offer(closing, details)
    return ClosingTlvs(
        **{variant.value: _bad(right.of(variant), low_s) for variant in right.present}
    )


def _bad(signature: ClosingSignature | None, low_s: bool | None) -> ClosingSignature:
    return NOTHING_SIGNED if signature is None or low_s is None else replace(signature, low_s=low_s)


def _sigs(closing: Closing, scenario: CloseScenario) -> Iterator[tuple[str, Message]]:
    own, peer = closing.local_script, closing.remote_script
    if own is None or peer is None or not closing.features.option_simple_close:
        return
    details = closing.owed.details if closing.owed is not None else ClosingDetails(peer, own, Sat(1_000))
    for count in (0, 1, 2):
        for variants in combinations(Variant, count):
            tlvs = simple.signatures(closing, REMOTE, details, variants)
            yield f"closing_sig {'+'.join(variants)}", ClosingSig(details, tlvs)
            if count == 1:
                (variant,) = variants
                for low_s, name in ((None, "unsigned"), (False, "high-S")):
                    bad = ClosingTlvs(**{variant.value: _bad(tlvs.of(variant), low_s)})
                    yield f"closing_sig {variant} {name}", ClosingSig(details, bad)
    for script in scenario.menu.scripts:
        changed = replace(details, closer_scriptpubkey=script)
        tlvs = simple.signatures(closing, REMOTE, changed, (Variant.CLOSER_AND_CLOSEE_OUTPUTS,))
        yield f"closing_sig for {script.name}", ClosingSig(changed, tlvs)
