"""Every message: it survives a round trip, and no mangled form of it gets through as something else (BOLT 1)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boltwire.codec import decode_message, encode_message
from boltwire.errors import MessageError
from boltwire.messages import MESSAGES, Message

Messages = Callable[[int], st.SearchStrategy[Message]]
quick = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
every_type = pytest.mark.parametrize("type_", sorted(MESSAGES), ids=lambda type_: MESSAGES[type_].layout.name)


def accepts_only_canonical(data: bytes) -> None:
    """Either the documented error, or a message that encodes to the very same bytes."""
    try:
        found = decode_message(data)
    except MessageError:
        return
    assert encode_message(found) == data


@every_type
@quick
@given(data=st.data())
def test_round_trip(type_: int, any_message: Messages, data: st.DataObject) -> None:
    """B01-message-format-s-01 B01-tlv-r-05 B01-tlv-r-09"""
    message = data.draw(any_message(type_))
    encoded = encode_message(message)
    assert encoded[:2] == type_.to_bytes(2, "big")
    assert decode_message(encoded) == message


@every_type
@quick
@given(data=st.data())
def test_truncated_message(type_: int, any_message: Messages, data: st.DataObject) -> None:
    """B01-message-format-r-04"""
    encoded = encode_message(data.draw(any_message(type_)))
    fixed = fixed_size(encoded)
    for size in {2, fixed - 1, len(encoded) - 1, data.draw(st.integers(2, len(encoded)))}:
        if size < fixed:
            with pytest.raises(MessageError) as caught:
                decode_message(encoded[:size])
            assert caught.value.field is not None
            assert caught.value.field.startswith(MESSAGES[type_].layout.name)
        accepts_only_canonical(encoded[:size])


def fixed_size(encoded: bytes) -> int:
    """Bytes of the message without its TLV stream."""
    bare = decode_message(encoded)
    assert isinstance(bare, Message)
    absent: dict[str, Any] = {field.name: field.absent for field in bare.layout.records.values()}
    fixed = {field.name: getattr(bare, field.name) for field in bare.layout.fixed}
    return len(encode_message(type(bare)(**fixed, **absent)))


@every_type
@quick
@given(data=st.data(), tail=st.binary(min_size=1, max_size=12))
def test_extended_message(type_: int, any_message: Messages, data: st.DataObject, tail: bytes) -> None:
    """B01-message-format-r-07"""
    accepts_only_canonical(encode_message(data.draw(any_message(type_))) + tail)


@every_type
@quick
@given(data=st.data())
def test_mutated_message(type_: int, any_message: Messages, data: st.DataObject) -> None:
    """B01-message-format-r-07 B01-tlv-r-02 B01-tlv-r-03"""
    encoded = bytearray(encode_message(data.draw(any_message(type_))))
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(2, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    accepts_only_canonical(bytes(encoded))


@given(st.binary(max_size=200))
def test_arbitrary_bytes(data: bytes) -> None:
    accepts_only_canonical(data)


@every_type
def test_fields_that_have_no_encoding_are_named(type_: int, any_message: Messages) -> None:
    layout = MESSAGES[type_].layout
    empty = {field.name: None for field in layout.fixed}
    with pytest.raises(ValueError, match=layout.fixed[0].name):
        encode_message(MESSAGES[type_](**empty))  # type: ignore[arg-type]
