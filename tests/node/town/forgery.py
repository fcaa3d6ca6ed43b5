"""Messages that a corrupt peer may send: altered, repeated, out of turn, or from another state.

What the specification's own corrupt party may say (:mod:`boltspec.lifetime.temptations`) is made bytes here, besides
what was said before and what was about to be said, with one field changed. Loaded by conftest.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from facts import Known  # type: ignore[import-not-found]

from boltproofs.life_scenarios import BASE
from boltspec.closing.messages import ClosingComplete, ClosingSig, ClosingSigned, Shutdown
from boltspec.establishment.messages import ChannelReady
from boltspec.htlc import LOCAL
from boltspec.lifetime.messages import Error, Message, Warning  # noqa: A004  # the BOLT's name
from boltspec.lifetime.state import Life
from boltspec.lifetime.temptations import temptations
from boltspec.messages import (
    ChannelReestablish,
    CommitmentSigned,
    RevokeAndAck,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltwire import messages as wire
from boltwire.codec import encode_message
from boltwire.errors import DecodeError, MessageError

SOME_POINT = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
SOME_SCRIPT = b"\x00\x14" + bytes(range(20))


def altered(message: wire.Message, choice: int) -> wire.Message:
    """The message with one field changed by one, or by one bit."""
    changeable = [
        entry.name
        for entry in fields(message)
        if entry.name not in ("channel_id", "unknown_tlvs") and isinstance(getattr(message, entry.name), int | bytes)
        and getattr(message, entry.name) != b""
    ]  # fmt: skip
    if not changeable:
        return message
    name = changeable[choice % len(changeable)]
    value: Any = getattr(message, name)
    if isinstance(value, int):
        changed: Any = type(value)(max(0, value + (1, -1, 1_000_000)[choice // len(changeable) % 3]))
    else:
        at = choice // len(changeable) % len(value)
        changed = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
    return replace(message, **{name: changed})


def forgeries(life: Life, known: Known, channel_id: bytes, seat: int) -> Iterator[wire.Message]:
    """What the specification's corrupt party is tempted to say in that state, as bytes."""
    for _, fact in temptations(life, BASE, seat):
        made = worded(fact, known, channel_id)
        if made is not None:
            yield made
    yield wire.Error(channel_id=channel_id, data=b"made up")
    yield wire.Warning(channel_id=channel_id, data=b"made up")


def worded(fact: Message, known: Known, channel_id: bytes) -> wire.Message | None:  # a table
    """A message that states a fact, with made-up bytes where nothing stands behind it."""
    match fact:
        case UpdateAddHtlc():
            name = hashlib.sha256(b"forged %d" % fact.id).digest()
            return wire.UpdateAddHtlc(
                channel_id=channel_id, id=fact.id, amount_msat=int(fact.amount_msat), payment_hash=name,
                cltv_expiry=int(fact.cltv_expiry), onion_routing_packet=bytes(1366),
            )  # fmt: skip
        case UpdateFulfillHtlc():
            preimage = min(known.preimages, default=bytes(32))
            return wire.UpdateFulfillHtlc(channel_id=channel_id, id=fact.id, payment_preimage=preimage)
        case UpdateFailHtlc():
            return wire.UpdateFailHtlc(channel_id=channel_id, id=fact.id, reason=bytes(292))
        case UpdateFailMalformedHtlc():
            return wire.UpdateFailMalformedHtlc(
                channel_id=channel_id, id=fact.id, sha256_of_onion=bytes(32), failure_code=fact.failure_code
            )
        case UpdateFee():
            return wire.UpdateFee(channel_id=channel_id, feerate_per_kw=int(fact.feerate_per_kw))  # type: ignore[call-overload]
        case CommitmentSigned():
            signatures = (bytes(63) + b"\1",) * fact.num_htlcs
            return wire.CommitmentSigned(channel_id=channel_id, signature=bytes(63) + b"\1", htlc_signature=signatures)
        case RevokeAndAck(number):
            secret = known.secrets[LOCAL].get(number, bytes(31) + b"\1")
            return wire.RevokeAndAck(
                channel_id=channel_id, per_commitment_secret=secret, next_per_commitment_point=SOME_POINT
            )
        case ChannelReestablish():
            secret = known.secrets[LOCAL.other].get(fact.your_last_per_commitment_secret, bytes(32))
            return wire.ChannelReestablish(
                channel_id=channel_id, next_commitment_number=fact.next_commitment_number,
                next_revocation_number=fact.next_revocation_number, your_last_per_commitment_secret=secret,
                my_current_per_commitment_point=SOME_POINT,
            )  # fmt: skip
        case ChannelReady():
            return wire.ChannelReady(channel_id=channel_id, second_per_commitment_point=SOME_POINT)
        case _:
            return _closing(fact, channel_id)


def _closing(fact: Message, channel_id: bytes) -> wire.Message | None:
    signature = bytes(63) + b"\1"
    match fact:
        case Shutdown():
            return wire.Shutdown(channel_id=channel_id, scriptpubkey=SOME_SCRIPT)
        case ClosingSigned():
            return wire.ClosingSigned(channel_id=channel_id, fee_satoshis=int(fact.fee_satoshis), signature=signature)
        case ClosingComplete() | ClosingSig():
            kind = wire.ClosingComplete if isinstance(fact, ClosingComplete) else wire.ClosingSig
            return kind(
                channel_id=channel_id, closer_scriptpubkey=SOME_SCRIPT, closee_scriptpubkey=SOME_SCRIPT,
                fee_satoshis=int(fact.details.fee_satoshis), locktime=fact.details.locktime,
                closer_and_closee_outputs=signature,
            )  # fmt: skip
        case Error():
            return wire.Error(channel_id=channel_id, data=b"made up")
        case Warning():
            return wire.Warning(channel_id=channel_id, data=b"made up")
        case _:
            return None


def can_be_sent(message: wire.Message) -> bool:
    """Whether the message has a form on the wire."""
    try:
        encode_message(message)
    except (DecodeError, MessageError, ValueError):
        return False
    return True
