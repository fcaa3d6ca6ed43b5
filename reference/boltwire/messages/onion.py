"""BOLT 4: the message that carries an onion message; the onion itself is another module's business."""

from boltwire.fields import Blob, Point
from boltwire.messages.base import Message, message


@message(513, bolt=4, section="the-onion_message-message", feature="option_onion_messages")
class OnionMessage(Message):
    """An onion to peel and pass on, with the path key to peel it."""

    path_key: Point
    onion_message_packet: Blob
