"""Messages to bytes and back (BOLT 1, Lightning Message Format), for all messages of BOLTs 1, 2, 4 and 7.

>>> decode_message(bytes.fromhex("00120004 0002 0000"))
Ping(unknown_tlvs=(), num_pong_bytes=4, ignored=b'\\x00\\x00')

What is checked: lengths, the type of every field (points by form, not by equation), TLV streams in full. What is not:
whether a value makes sense (that is for the specification), and rules that bind the sender only (see
:mod:`boltwire.sender_rules`), so that ``encode_message(decode_message(data)) == data`` for every accepted ``data``.
"""

import struct
from typing import Final

from boltwire.errors import MessageError
from boltwire.message_codec import MAX_MESSAGE_SIZE, MessageCodec
from boltwire.messages import MESSAGES, Message, UnknownMessage

_CODECS: Final = {type_: (cls, MessageCodec(cls.layout)) for type_, cls in MESSAGES.items()}
_TYPE: Final = struct.Struct(">H")


def encode_message(message: Message | UnknownMessage) -> bytes:
    """The bytes of ``message``: type, fields, TLV records in order.

    At most 65535 bytes (B08-message-size-b-01). ValueError when a field has no encoding, or for an unknown message of
    even type, which needs a negotiation that this codec knows nothing of (B01-message-format-s-01,
    B01-message-format-s-02).
    """
    if isinstance(message, UnknownMessage):
        return _encode_unknown(message)
    return _CODECS[message.layout.type][1].encode(message)


def _encode_unknown(message: UnknownMessage) -> bytes:
    if message.type % 2 == 0 or message.type in _CODECS or not 0 <= message.type < 1 << 16:
        raise ValueError(f"an unknown message has an odd type that no BOLT defines, not {message.type}")
    if len(message.payload) + 2 > MAX_MESSAGE_SIZE:
        raise ValueError(f"a message has at most {MAX_MESSAGE_SIZE} bytes, not {len(message.payload) + 2}")
    return _TYPE.pack(message.type) + message.payload


def decode_message(data: bytes) -> Message | UnknownMessage:
    """The message in all of ``data``.

    Raises :class:`MessageError` for a message that is too short (B01-message-format-r-04) or otherwise malformed, one
    above 65535 bytes, and one of unknown even type (B01-message-format-r-02): the connection is to be closed. A
    message of unknown odd type is an :class:`UnknownMessage`, to be ignored (B01-message-format-r-01).
    """
    if not 2 <= len(data) <= MAX_MESSAGE_SIZE:
        raise MessageError(f"a message has 2 to {MAX_MESSAGE_SIZE} bytes, not {len(data)}")
    type_ = _TYPE.unpack_from(data)[0]
    entry = _CODECS.get(type_)
    if entry is None:
        return _unknown(type_, data)
    cls, codec = entry
    try:
        fields = codec.decode(data)
    except MessageError as error:
        raise error.within(cls.layout.name) from error
    return cls(**fields)


def _unknown(type_: int, data: bytes) -> UnknownMessage:
    if type_ % 2 == 0:
        raise MessageError(f"unknown even message type {type_}", offset=0, field="type")
    return UnknownMessage(type_, data[2:])
