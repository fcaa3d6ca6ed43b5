"""``commitment_signed`` and ``revoke_and_ack``: every rule of sender and receiver at its boundary."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltspec.channel import Channel, opened
from boltspec.commit import (
    next_commitment_signed,
    next_revoke_and_ack,
    owes_revocation,
    receive_commitment_signed,
    receive_revoke_and_ack,
    send_commitment_signed,
    send_revoke_and_ack,
)
from boltspec.htlc import Stage
from boltspec.messages import WRONG_SECRET, CommitmentSigned, RevokeAndAck, Signature, UpdateAddHtlc
from boltspec.rules import Reaction
from boltspec.scenario import small_limits, small_params
from boltspec.units import Height, Msat
from boltspec.update import receive_update_add_htlc, send_update_add_htlc
from boltspec.verdict import Accepted, Refused, Rejected

PARAMS = small_params(small_limits())
OFFER = UpdateAddHtlc(0, Msat(50_000_000), payment_hash=1, cltv_expiry=Height(500))
INVALID = Signature(None)


def taken(verdict: Accepted[Channel] | Refused | Rejected) -> Channel:
    assert isinstance(verdict, Accepted), verdict
    return verdict.state


def after_offer() -> tuple[Channel, Channel]:
    """Offerer and recipient once the offer has arrived."""
    offerer, recipient = opened(PARAMS, Msat(400_000_000)), opened(PARAMS.mirrored(), Msat(400_000_000))
    return taken(send_update_add_htlc(offerer, OFFER)), taken(receive_update_add_htlc(recipient, OFFER))


def after_signature() -> tuple[Channel, Channel]:
    """The same once the offerer's signature has arrived too: the recipient owes a revocation."""
    offerer, recipient = after_offer()
    message = next_commitment_signed(offerer)
    return taken(send_commitment_signed(offerer, message)), taken(receive_commitment_signed(recipient, message))


def test_signature_moves_the_offer_into_the_recipients_commitment() -> None:
    offerer, recipient = after_signature()
    assert (offerer.remote_commitment_number, recipient.local_commitment_number) == (1, 1)
    assert [node.htlcs.items[0].added for node in (offerer, recipient)] == [Stage.COMMITTED, Stage.COMMITTED]
    assert owes_revocation(recipient)
    assert not owes_revocation(offerer)


def test_sender_signs_only_if_something_changed() -> None:
    quiet = opened(PARAMS)
    assert send_commitment_signed(quiet, next_commitment_signed(quiet)) == Refused("B02-commitment-signed-s-01")
    offerer, _ = after_offer()
    taken(send_commitment_signed(offerer, next_commitment_signed(offerer)))


def test_sender_signs_again_only_after_the_revocation() -> None:
    offerer, recipient = after_signature()
    offerer = taken(send_update_add_htlc(offerer, replace(OFFER, id=1)))
    assert send_commitment_signed(offerer, next_commitment_signed(offerer)) == Refused("D02-commitment-signed-s-01")
    offerer = taken(receive_revoke_and_ack(offerer, next_revoke_and_ack(recipient)))
    taken(send_commitment_signed(offerer, next_commitment_signed(offerer)))


@pytest.mark.parametrize(
    ("change", "sender_rule", "receiver_rule"),
    [
        ({"signature": INVALID}, "D02-commitment-signed-s-02", "B02-commitment-signed-r-01"),
        ({"num_htlcs": 0}, "B02-commitment-signed-s-04", "B02-commitment-signed-r-02"),
        ({"num_htlcs": 2}, "B02-commitment-signed-s-04", "B02-commitment-signed-r-02"),
        ({"htlc_signatures": INVALID}, "B02-commitment-signed-s-04", "B02-commitment-signed-r-03"),
    ],
)
def test_signatures_cover_the_next_commitment_and_each_htlc(
    change: dict[str, Signature | int], sender_rule: str, receiver_rule: str
) -> None:
    offerer, recipient = after_offer()
    wrong: CommitmentSigned = replace(next_commitment_signed(offerer), **change)  # type: ignore[arg-type]
    assert send_commitment_signed(offerer, wrong) == Refused(sender_rule)
    assert receive_commitment_signed(recipient, wrong) == Rejected(receiver_rule, Reaction.WARN_OR_FAIL)


def test_a_signature_for_another_commitment_is_none() -> None:
    """One satoshi elsewhere is another commitment."""
    offerer, recipient = after_offer()
    right = next_commitment_signed(offerer)
    signed = right.signature.signed
    assert signed is not None
    other = replace(right, signature=Signature(replace(signed, to_owner_msat=signed.to_owner_msat + Msat(1))))
    assert receive_commitment_signed(recipient, other) == Rejected(
        "B02-commitment-signed-r-01", Reaction.WARN_OR_FAIL
    )


def test_trimmed_htlcs_are_not_counted() -> None:
    offerer, recipient = opened(PARAMS, Msat(400_000_000)), opened(PARAMS.mirrored(), Msat(400_000_000))
    dust = replace(OFFER, amount_msat=Msat(353_999))
    offerer, recipient = taken(send_update_add_htlc(offerer, dust)), taken(receive_update_add_htlc(recipient, dust))
    message = next_commitment_signed(offerer)
    assert message.num_htlcs == 0
    taken(receive_commitment_signed(recipient, message))


def test_receiver_fails_the_channel_on_a_second_signature_before_its_revocation() -> None:
    offerer, recipient = after_signature()
    offerer = taken(send_update_add_htlc(offerer, replace(OFFER, id=1)))
    recipient = taken(receive_update_add_htlc(recipient, replace(OFFER, id=1)))
    second = next_commitment_signed(offerer)
    assert receive_commitment_signed(recipient, second) == Rejected("D02-commitment-signed-r-01", Reaction.FAIL_CHANNEL)
    taken(send_revoke_and_ack(recipient, next_revoke_and_ack(recipient)))


def test_revocation_moves_the_offer_on_and_counts() -> None:
    offerer, recipient = after_signature()
    message = next_revoke_and_ack(recipient)
    recipient, offerer = taken(send_revoke_and_ack(recipient, message)), taken(receive_revoke_and_ack(offerer, message))
    assert message == RevokeAndAck(per_commitment_secret=0)
    assert (recipient.local_revocations, offerer.remote_revocations, offerer.remote_secrets) == (1, 1, 1)
    assert [node.htlcs.items[0].added for node in (offerer, recipient)] == [Stage.ACKED, Stage.ACKED]


def test_sender_revokes_only_for_a_newer_signed_commitment() -> None:
    _, recipient = after_offer()
    assert send_revoke_and_ack(recipient, next_revoke_and_ack(recipient)) == Refused("D02-revoke-and-ack-s-01")
    _, recipient = after_signature()
    revoked = taken(send_revoke_and_ack(recipient, next_revoke_and_ack(recipient)))
    assert send_revoke_and_ack(revoked, next_revoke_and_ack(revoked)) == Refused("D02-revoke-and-ack-s-01")


@pytest.mark.parametrize("secret", [WRONG_SECRET, 1])
def test_secret_is_that_of_the_superseded_commitment(secret: int) -> None:
    offerer, recipient = after_signature()
    assert send_revoke_and_ack(recipient, RevokeAndAck(secret)) == Refused("B02-revoke-and-ack-s-01")
    rejected = Rejected("B02-revoke-and-ack-r-01", Reaction.FAIL_CHANNEL)
    assert receive_revoke_and_ack(offerer, RevokeAndAck(secret)) == rejected


def test_receiver_fails_the_channel_on_a_revocation_that_answers_nothing() -> None:
    offerer, _ = after_offer()
    rejected = Rejected("D02-revoke-and-ack-r-01", Reaction.FAIL_CHANNEL)
    assert receive_revoke_and_ack(offerer, RevokeAndAck(0)) == rejected
    offerer, _ = after_signature()
    revoked = taken(receive_revoke_and_ack(offerer, RevokeAndAck(0)))
    assert receive_revoke_and_ack(revoked, RevokeAndAck(1)) == rejected
