"""How many messages per second the codec reads and writes (one core), for small, middling and large ones."""

from collections.abc import Callable

from boltwire import messages as m
from boltwire.bigsize import decode_bigsize, encode_bigsize
from boltwire.codec import decode_message, encode_message
from boltwire.gossip_arrays import decode_short_ids, encode_short_ids
from boltwire.gossip_signing import (
    Endpoint,
    complete_channel_announcement,
    sign_channel_announcement,
    unsigned_channel_announcement,
    verify_channel_announcement,
)
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import PrivateKey
from boltwire.tlv import TlvRecord, decode_tlv_stream, encode_tlv_stream

Bench = tuple[str, Callable[[], object], int, str, float | None]

_ID, _SIGNATURE = bytes(32), bytes(64)
_POINT = b"\x02" + bytes(32)
_UPDATE_FEE = m.UpdateFee(channel_id=_ID, feerate_per_kw=253)
_ADD_HTLC = m.UpdateAddHtlc(
    channel_id=_ID, id=1, amount_msat=1000, payment_hash=_ID, cltv_expiry=500, onion_routing_packet=bytes(1366)
)
_REVOKE = m.RevokeAndAck(channel_id=_ID, per_commitment_secret=_ID, next_per_commitment_point=_POINT)
_COMMIT = m.CommitmentSigned(channel_id=_ID, signature=_SIGNATURE, htlc_signature=(_SIGNATURE,) * 20)
_COMMIT_FULL = m.CommitmentSigned(channel_id=_ID, signature=_SIGNATURE, htlc_signature=(_SIGNATURE,) * 966)
_CHANNEL_UPDATE = m.ChannelUpdate(
    signature=_SIGNATURE,
    chain_hash=_ID,
    short_channel_id=ShortChannelId.of(539268, 845, 1),
    timestamp=1,
    message_flags=1,
    channel_flags=0,
    cltv_expiry_delta=40,
    htlc_minimum_msat=1,
    fee_base_msat=1000,
    fee_proportional_millionths=1,
    htlc_maximum_msat=1000,
)
_REESTABLISH = m.ChannelReestablish(
    channel_id=_ID,
    next_commitment_number=2,
    next_revocation_number=1,
    your_last_per_commitment_secret=_ID,
    my_current_per_commitment_point=_POINT,
    next_funding=m.NextFunding(_ID, 1),
    my_current_funding_locked=m.CurrentFundingLocked(_ID, 0),
)
_SCIDS = [ShortChannelId.of(height, 1, 0) for height in range(8000)]
_RECORDS = [TlvRecord(type_, bytes(32)) for type_ in range(1, 21)]


def _announcement() -> m.ChannelAnnouncement:
    keys = [PrivateKey(bytes((index,)) * 32) for index in range(1, 5)]
    pairs = [(keys[0], keys[1]), (keys[2], keys[3])]
    ends = [Endpoint(node.public_key.encoded, funding.public_key.encoded) for node, funding in pairs]
    unsigned = unsigned_channel_announcement(_ID, ShortChannelId(1), b"", (ends[0], ends[1]))
    pairs.sort(key=lambda pair: pair[0].public_key.encoded)
    signed = [sign_channel_announcement(unsigned, _ID, *pair) for pair in pairs]
    return complete_channel_announcement(unsigned, signed[0], signed[1])


_ANNOUNCEMENT = _announcement()


def _both_ways(message: m.Message, target: float | None) -> list[Bench]:
    data = encode_message(message)
    name = message.layout.name
    return [
        (f"decode {name} ({len(data)} bytes)", lambda: decode_message(data), 1, "messages", target),
        (f"encode {name} ({len(data)} bytes)", lambda: encode_message(message), 1, "messages", target),
    ]


_ENCODED_SCIDS = encode_short_ids(_SCIDS)
_STREAM = encode_tlv_stream(_RECORDS)
_BIGSIZE = encode_bigsize(70_000)

BENCHES: list[Bench] = [
    *_both_ways(_UPDATE_FEE, 50_000),
    *_both_ways(_REVOKE, 50_000),
    *_both_ways(_ADD_HTLC, 50_000),
    *_both_ways(_CHANNEL_UPDATE, 50_000),
    *_both_ways(_REESTABLISH, 50_000),
    *_both_ways(_COMMIT, None),
    *_both_ways(_COMMIT_FULL, None),
    ("decode encoded_short_ids", lambda: decode_short_ids(_ENCODED_SCIDS), len(_SCIDS), "scids", None),
    ("encode encoded_short_ids", lambda: encode_short_ids(_SCIDS), len(_SCIDS), "scids", None),
    ("decode a TLV stream of 20 records", lambda: decode_tlv_stream(_STREAM), len(_RECORDS), "records", None),
    ("encode a TLV stream of 20 records", lambda: encode_tlv_stream(_RECORDS), len(_RECORDS), "records", None),
    ("decode a BigSize of 5 bytes", lambda: decode_bigsize(_BIGSIZE), 1, "values", None),
    ("verify channel_announcement", lambda: verify_channel_announcement(_ANNOUNCEMENT), 4, "signatures", None),
]
