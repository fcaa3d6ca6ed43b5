"""What a party may want to send: every sensible message, and for the tempted every kind of forbidden one.

Proposals know no rules. The sender's step decides; a corrupt party sends what its step refuses, within its budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from boltspec.channel import Channel
from boltspec.commit import next_commitment_signed, next_revoke_and_ack
from boltspec.htlc import REMOTE, Stage
from boltspec.messages import (
    BADONION,
    WRONG_SECRET,
    Message,
    RevokeAndAck,
    Signature,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.reestablish import last_secret, next_channel_reestablish, owes_reestablish
from boltspec.scenario import FeeWish, Scenario, Wish

WRONG_PREIMAGE = -1
"""A preimage of no hash."""
UNKNOWN_ID = 1_000_000
"""An id that no HTLC of a small world has."""
NOTHING_SIGNED = Signature(None)


class Proposal(NamedTuple):
    """A message that a party may want to send."""

    label: str
    """Names it among the proposals of a state."""
    message: Message
    offered: int
    """How many of its wishes the party is through with once this is sent."""


def proposals(channel: Channel, scenario: Scenario, party: int, offered: int, tempted: bool) -> Iterator[Proposal]:
    """Yield the messages that the party may want to send now.

    ``offered`` is how many of its wishes it is through with; ``tempted`` adds messages that the rules forbid.
    """
    yield from _wishes(channel, scenario, party, offered)
    may_be_lost = bool(scenario.disconnections or scenario.crashes or scenario.restores)
    lies = tempted and not scenario.lies_about_state
    for messages in (
        _removals(channel, scenario, lies),
        _commitments(channel, lies),
        _revocations(channel, lies),
        _reestablishing(channel, tempted and may_be_lost),
    ):
        for label, message in messages:
            yield Proposal(label, message, offered)


def _wishes(channel: Channel, scenario: Scenario, party: int, offered: int) -> Iterator[Proposal]:
    wishes = [wish for wish in scenario.wishes if wish.party == party]
    for index, wish in enumerate(wishes[offered:], start=offered):
        label, message = _wished(channel, wish)
        yield Proposal(f"{label} {index}", message, index + 1)


def _wished(channel: Channel, wish: Wish | FeeWish) -> tuple[str, Message]:
    if isinstance(wish, FeeWish):
        return "update_fee", UpdateFee(wish.feerate_per_kw)
    return "update_add_htlc", UpdateAddHtlc(
        id=channel.next_local_htlc_id + wish.id_offset,
        amount_msat=wish.amount_msat,
        payment_hash=wish.payment_hash,
        cltv_expiry=wish.cltv_expiry,
    )


def _removals(channel: Channel, scenario: Scenario, tempted: bool) -> Iterator[tuple[str, Message]]:
    for htlc in channel.htlcs.items:
        if htlc.offerer is REMOTE and (tempted or (htlc.added is Stage.IRREVOCABLE and not htlc.removed)):
            yield f"update_fulfill_htlc {htlc.id}", UpdateFulfillHtlc(htlc.id, htlc.payment_hash)
            yield f"update_fail_htlc {htlc.id}", UpdateFailHtlc(htlc.id)
            if scenario.malformed:
                yield f"update_fail_malformed_htlc {htlc.id}", UpdateFailMalformedHtlc(htlc.id, BADONION)
            if scenario.malformed and tempted:
                label = f"update_fail_malformed_htlc {htlc.id} without BADONION"
                yield label, UpdateFailMalformedHtlc(htlc.id, BADONION - 1)
            if tempted:
                yield f"update_fulfill_htlc {htlc.id} wrong preimage", UpdateFulfillHtlc(htlc.id, WRONG_PREIMAGE)
    if tempted:
        yield "update_fail_htlc unknown", UpdateFailHtlc(UNKNOWN_ID)


def _commitments(channel: Channel, tempted: bool) -> Iterator[tuple[str, Message]]:
    right = next_commitment_signed(channel)
    yield "commitment_signed", right
    if tempted:
        yield "commitment_signed bad signature", replace(right, signature=NOTHING_SIGNED)
        if right.num_htlcs:
            yield "commitment_signed bad htlc signatures", replace(right, htlc_signatures=NOTHING_SIGNED)
        yield "commitment_signed bad num_htlcs", replace(right, num_htlcs=right.num_htlcs + 1)


def _revocations(channel: Channel, tempted: bool) -> Iterator[tuple[str, Message]]:
    yield "revoke_and_ack", next_revoke_and_ack(channel)
    if tempted:
        yield "revoke_and_ack wrong secret", RevokeAndAck(WRONG_SECRET)


def _reestablishing(channel: Channel, tempted: bool) -> Iterator[tuple[str, Message]]:
    if not (owes_reestablish(channel) or tempted):
        return
    right = next_channel_reestablish(channel)
    yield "channel_reestablish", right
    if tempted:
        for field in ("next_commitment_number", "next_revocation_number"):
            for by in (-1, 1):
                if (number := getattr(right, field) + by) >= 0:
                    yield f"channel_reestablish {field}{by:+}", replace(right, **{field: number})
        yield "channel_reestablish zero", replace(right, next_commitment_number=0)
        if right.next_revocation_number > 0:
            earlier = right.next_revocation_number - 1
            yield "channel_reestablish of earlier", replace(
                right, next_revocation_number=earlier, your_last_per_commitment_secret=last_secret(earlier)
            )
        yield "channel_reestablish wrong secret", replace(right, your_last_per_commitment_secret=WRONG_SECRET)
