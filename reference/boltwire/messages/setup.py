"""BOLT 1: setup, errors, keeping alive, peer storage."""

from typing import Annotated

from boltwire.fields import U16, Blob, ChainHashes, ChannelId, Rest, Tlv
from boltwire.messages.base import Message, message


@message(16, bolt=1, section="the-init-message")
class Init(Message):
    """The first message in each direction: features and chains. See :mod:`boltwire.features` for the bit maps."""

    globalfeatures: Blob
    features: Blob
    networks: Annotated[ChainHashes | None, Tlv(1)] = None
    remote_addr: Annotated[Rest | None, Tlv(3)] = None


@message(17, bolt=1, section="the-error-and-warning-messages")
class Error(Message):
    """Something is wrong and the channel (all channels: 32 zero bytes) fails; ``data`` may be empty.

    B01-error-warning-s-06: the text is optional.
    """

    channel_id: ChannelId
    data: Blob


@message(1, bolt=1, section="the-error-and-warning-messages")
class Warning(Message):  # noqa: A001  # the BOLT's name
    """Something is wrong, but no channel fails for it; ``data`` may be empty."""

    channel_id: ChannelId
    data: Blob


@message(18, bolt=1, section="the-ping-and-pong-messages")
class Ping(Message):
    """Asks for a pong of ``num_pong_bytes``, or for nothing at 65532 and above."""

    num_pong_bytes: U16
    ignored: Blob


@message(19, bolt=1, section="the-ping-and-pong-messages")
class Pong(Message):
    """Answers a ping with as many bytes as it asked for."""

    ignored: Blob


@message(7, bolt=1, section="the-peer_storage-and-peer_storage_retrieval-messages", feature="option_provide_storage")
class PeerStorage(Message):
    """An encrypted backup that the peer should keep."""

    blob: Blob


@message(9, bolt=1, section="the-peer_storage-and-peer_storage_retrieval-messages", feature="option_provide_storage")
class PeerStorageRetrieval(Message):
    """The backup that the peer keeps for us, after a reconnection."""

    blob: Blob
