"""Signatures of gossip (BOLT 7): what is signed, by which keys, and whether it holds.

The digest is the double SHA-256 of everything after the signatures up to the end of the message, unknown extensions
included; the type in front and the signatures themselves are not covered. Signatures with a high S do not verify, as
everywhere in Bitcoin.
"""

from dataclasses import replace
from typing import Final, NamedTuple, TypeAlias

from boltwire.codec import encode_message
from boltwire.errors import MessageError
from boltwire.hashes import sha256d
from boltwire.messages import AnnouncementSignatures, ChannelAnnouncement, ChannelUpdate, NodeAnnouncement
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import CurveError, PrivateKey, PublicKey

Gossip: TypeAlias = ChannelAnnouncement | NodeAnnouncement | ChannelUpdate

UNSIGNED: Final = bytes(64)
"""Stands for a signature that is still to be made."""


def signed_digest(message: Gossip) -> bytes:
    """The 32 bytes that the signatures of ``message`` sign.

    B07-channel-announcement-o-10: from offset 256 (after four signatures); the others: from offset 64.
    """
    signatures = 4 if isinstance(message, ChannelAnnouncement) else 1
    return sha256d(encode_message(message)[2 + 64 * signatures :])


class Endpoint(NamedTuple):
    """One end of a channel."""

    node_id: bytes
    """33 bytes."""
    funding_pubkey: bytes
    """33 bytes."""


def unsigned_channel_announcement(
    chain_hash: bytes, short_channel_id: ShortChannelId, features: bytes, ends: tuple[Endpoint, Endpoint]
) -> ChannelAnnouncement:
    """The announcement of a channel between ``ends``, given in any order, still without signatures.

    B07-channel-announcement-o-08: ``node_id_1`` is the lesser node id; B07-channel-announcement-o-09: the funding keys
    go with their nodes.
    """
    first, second = sorted(ends)
    return ChannelAnnouncement(
        node_signature_1=UNSIGNED,
        node_signature_2=UNSIGNED,
        bitcoin_signature_1=UNSIGNED,
        bitcoin_signature_2=UNSIGNED,
        features=features,
        chain_hash=chain_hash,
        short_channel_id=short_channel_id,
        node_id_1=first.node_id,
        node_id_2=second.node_id,
        bitcoin_key_1=first.funding_pubkey,
        bitcoin_key_2=second.funding_pubkey,
    )


def sign_channel_announcement(
    announcement: ChannelAnnouncement, channel_id: bytes, node_key: PrivateKey, funding_key: PrivateKey
) -> AnnouncementSignatures:
    """One end's half of the signatures (B07-channel-announcement-o-11, B07-channel-announcement-o-12)."""
    digest = signed_digest(announcement)
    return AnnouncementSignatures(
        channel_id=channel_id,
        short_channel_id=announcement.short_channel_id,
        node_signature=node_key.sign(digest),
        bitcoin_signature=funding_key.sign(digest),
    )


def verify_announcement_signatures(
    announcement: ChannelAnnouncement, signatures: AnnouncementSignatures, node_id: bytes
) -> None:
    """Raise :class:`MessageError` unless ``signatures`` are those of the end ``node_id`` (ValueError if it is none).

    B07-announcement-signatures-r-02: a wrong signature is reason enough to warn or to fail the channel.
    """
    if node_id not in (announcement.node_id_1, announcement.node_id_2):
        raise ValueError("the announcement is not about a channel of this node")
    first = node_id == announcement.node_id_1
    funding_pubkey = announcement.bitcoin_key_1 if first else announcement.bitcoin_key_2
    digest = signed_digest(announcement)
    _verify(digest, node_id, signatures.node_signature, "announcement_signatures.node_signature")
    _verify(digest, funding_pubkey, signatures.bitcoin_signature, "announcement_signatures.bitcoin_signature")


def complete_channel_announcement(
    announcement: ChannelAnnouncement, of_node_1: AnnouncementSignatures, of_node_2: AnnouncementSignatures
) -> ChannelAnnouncement:
    """The announcement with both halves of the signatures."""
    return replace(
        announcement,
        node_signature_1=of_node_1.node_signature,
        node_signature_2=of_node_2.node_signature,
        bitcoin_signature_1=of_node_1.bitcoin_signature,
        bitcoin_signature_2=of_node_2.bitcoin_signature,
    )


def verify_channel_announcement(announcement: ChannelAnnouncement) -> None:
    """Raise :class:`MessageError` unless all four signatures hold (B07-channel-announcement-r-01)."""
    digest = signed_digest(announcement)
    for key, signature in (
        ("node_id_1", "node_signature_1"),
        ("node_id_2", "node_signature_2"),
        ("bitcoin_key_1", "bitcoin_signature_1"),
        ("bitcoin_key_2", "bitcoin_signature_2"),
    ):
        found = getattr(announcement, signature)
        _verify(digest, getattr(announcement, key), found, f"channel_announcement.{signature}")


def sign_node_announcement(announcement: NodeAnnouncement, node_key: PrivateKey) -> NodeAnnouncement:
    """The announcement with its signature (B07-node-announcement-o-05); ValueError if the key is not the node's."""
    if node_key.public_key.encoded != announcement.node_id:
        raise ValueError("the key is not that of the announcement's node_id")
    return replace(announcement, signature=node_key.sign(signed_digest(announcement)))


def verify_node_announcement(announcement: NodeAnnouncement) -> None:
    """Raise :class:`MessageError` on an invalid node id (B07-node-announcement-r-03) or signature.

    B07-node-announcement-r-06: a message whose signature is invalid is not processed.
    """
    digest = signed_digest(announcement)
    _verify(digest, announcement.node_id, announcement.signature, "node_announcement.signature")


def sign_channel_update(update: ChannelUpdate, node_key: PrivateKey) -> ChannelUpdate:
    """The update with its signature (B07-channel-update-o-06)."""
    return replace(update, signature=node_key.sign(signed_digest(update)))


def verify_channel_update(update: ChannelUpdate, node_id: bytes) -> None:
    """Raise :class:`MessageError` unless ``node_id`` signed the update (B07-channel-update-r-06)."""
    _verify(signed_digest(update), node_id, update.signature, "channel_update.signature")


def _verify(digest: bytes, key: bytes, signature: bytes, field: str) -> None:
    try:
        valid = PublicKey(key).verify(digest, signature)
    except CurveError as error:
        raise MessageError(f"the key is invalid: {error.reason}", field=field) from error
    if not valid:
        raise MessageError("the signature is invalid", field=field)
