"""The splicing flows of BOLT 2: each message of each flow survives the wire, in order and over one stream.

The vectors give the order of messages and a few fields, no bytes; whether the order is right is the specification's
business.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from boltwire import messages as m
from boltwire.codec import decode_message, encode_message
from boltwire.frames import FrameDecryptor, FrameEncryptor
from boltwire.interactive_messages import stfu

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt02_splicing_flows.json").read_text())
CHANNEL = hashlib.sha256(b"channel").digest()
POINT = b"\x02" + bytes(31) + b"\x01"
SIGNATURE = bytes(range(64))


def txid(name: str | None) -> bytes | None:
    return None if name is None else hashlib.sha256(name.encode()).digest()


def message_of(step: dict[str, Any]) -> m.Message:
    """The step as a message, with the vectors' fields and fixed values for all others."""
    fields, name = step.get("fields", {}), step["message"]
    if name == "stfu":
        return stfu(CHANNEL, replying=step["from"] == "bob")
    return FIXED[name] if name in FIXED else with_fields(name, fields)


FIXED: dict[str, m.Message] = {
    "splice_init": m.SpliceInit(
        channel_id=CHANNEL,
        funding_contribution_satoshis=-5000,
        funding_feerate_perkw=253,
        locktime=0,
        funding_pubkey=POINT,
    ),
    "splice_ack": m.SpliceAck(channel_id=CHANNEL, funding_contribution_satoshis=0, funding_pubkey=POINT),
    "interactive_tx": m.TxAddOutput(channel_id=CHANNEL, serial_id=2, sats=1000, script=b"\0\x14" + bytes(20)),
    "tx_complete": m.TxComplete(channel_id=CHANNEL),
    "tx_init_rbf": m.TxInitRbf(channel_id=CHANNEL, locktime=0, feerate=300, funding_output_contribution=-5000),
    "tx_ack_rbf": m.TxAckRbf(channel_id=CHANNEL, require_confirmed_inputs=True),
    "tx_abort": m.TxAbort(channel_id=CHANNEL, data=b""),
    "revoke_and_ack": m.RevokeAndAck(
        channel_id=CHANNEL, per_commitment_secret=bytes(32), next_per_commitment_point=POINT
    ),
    "update_add_htlc": m.UpdateAddHtlc(
        channel_id=CHANNEL,
        id=0,
        amount_msat=1000,
        payment_hash=bytes(32),
        cltv_expiry=500,
        onion_routing_packet=bytes(1366),
    ),
}


def with_fields(name: str, fields: dict[str, Any]) -> m.Message:
    """A message of which the vectors give some fields."""
    funding = txid(fields.get("splice_txid", fields.get("funding_txid")))
    match name:
        case "commit_sig":
            return m.CommitmentSigned(
                channel_id=CHANNEL, signature=SIGNATURE, htlc_signature=(SIGNATURE,), funding_txid=funding
            )
        case "tx_signatures":
            return m.TxSignatures(
                channel_id=CHANNEL,
                txid=funding or bytes(32),
                witnesses=(b"\x01\x00",),
                shared_input_signature=SIGNATURE,
            )
        case "start_batch":
            return m.StartBatch(channel_id=CHANNEL, batch_size=fields["batch_size"], message_type=132)
        case "splice_locked":
            return m.SpliceLocked(channel_id=CHANNEL, splice_txid=funding or bytes(32))
        case "channel_reestablish":
            return reestablish(fields)
        case other:
            raise AssertionError(f"{other} has no message here")


def reestablish(fields: dict[str, Any]) -> m.ChannelReestablish:
    next_funding, locked = txid(fields.get("next_funding_txid")), txid(fields.get("my_current_funding_locked"))
    flags = int(bool(fields.get("retransmit_flags")))
    return m.ChannelReestablish(
        channel_id=CHANNEL,
        next_commitment_number=fields.get("next_commitment_number", 10),
        next_revocation_number=fields.get("next_revocation_number", 9),
        your_last_per_commitment_secret=bytes(32),
        my_current_per_commitment_point=POINT,
        next_funding=None if next_funding is None else m.NextFunding(next_funding, flags),
        my_current_funding_locked=None if locked is None else m.CurrentFundingLocked(locked, flags),
    )


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
def test_flow_survives_the_wire(case: dict[str, Any]) -> None:
    """B02-quiescence-s-04 B02-quiescence-s-05 B02-quiescence-s-06"""
    sent = [message_of(step) for step in case["steps"] if "message" in step]
    encryptor, decryptor = FrameEncryptor(b"k" * 32, b"c" * 32), FrameDecryptor(b"k" * 32, b"c" * 32)
    stream = encryptor.encrypt_all(map(encode_message, sent))
    received = [
        decode_message(data) for at in range(0, len(stream), 777) for data in decryptor.feed(stream[at : at + 777])
    ]
    assert received == sent
