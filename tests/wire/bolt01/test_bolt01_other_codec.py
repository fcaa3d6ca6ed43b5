"""Messages that another implementation has written (pyln-proto), two of each type with random values."""

import json
from pathlib import Path
from typing import Any

import pytest

from boltwire.codec import decode_message, encode_message
from boltwire.messages import MESSAGES, Message

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "bolt01_messages_by_pyln.json").read_text()
)


def plain(value: Any) -> Any:
    """A value as JSON has it: bytes as hex, NamedTuples as objects."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    return [plain(part) for part in value] if isinstance(value, tuple) else value


def records_of(message: Message) -> dict[str, Any]:
    """The records that are there, each as an object of its members; a single member without its name."""
    found = {field.name: getattr(message, field.name) for field in message.layout.records.values()}
    return {name: plain(value) for name, value in found.items() if value is not None and value is not False}


def listed_records(case: dict[str, Any]) -> dict[str, Any]:
    def unwrapped(members: dict[str, Any]) -> Any:
        return next(iter(members.values()), True) if len(members) < 2 else members

    return {name: unwrapped(members) for name, members in case.get("records", {}).items()}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
def test_same_bytes_and_same_values(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    message = decode_message(data)
    assert isinstance(message, Message)
    assert message.layout.name == case["message"]
    assert {field.name: plain(getattr(message, field.name)) for field in message.layout.fixed} == case["fields"]
    assert records_of(message) == listed_records(case)
    assert encode_message(message) == data


def test_every_type_is_there() -> None:
    assert {case["message"] for case in VECTORS["cases"]} == {cls.layout.name for cls in MESSAGES.values()}
