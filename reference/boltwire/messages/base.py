"""What all messages have in common: the base class, the decorator that reads their layout, the register of types."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar, dataclass_transform

from boltwire.fields import snake_case
from boltwire.layout import Layout, read_fields, split_fields
from boltwire.tlv import TlvRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of the BOLTs; a subclass per type, with the BOLT's field names. Absent TLV records are None."""

    layout: ClassVar[Layout]
    """The message's place in the BOLTs and on the wire."""

    unknown_tlvs: tuple[TlvRecord, ...] = ()
    """Odd records of the TLV stream that are not part of the BOLT; kept so that re-encoding gives the same bytes."""


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message whose odd type no BOLT defines: it is to be ignored (B01-message-format-r-01)."""

    type: int
    """0..65535."""
    payload: bytes
    """What follows the type."""


MESSAGES: Final[dict[int, type[Message]]] = {}
"""All message classes by type number; filled as the modules of this package are imported."""

_M = TypeVar("_M", bound=Message)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def message(type_: int, *, bolt: int, section: str, feature: str | None = None) -> Callable[[type[_M]], type[_M]]:
    """Make a class of annotated fields a message: frozen, slotted, keyword-only, registered under its type number.

    ``section`` is the anchor of the BOLT's section, ``feature`` the BOLT 9 feature that has to be negotiated.
    """

    def decorate(cls: type[_M]) -> type[_M]:
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        fixed, records = split_fields(read_fields(made))
        made.layout = Layout(snake_case(cls.__name__), type_, bolt, section, feature, fixed, records)
        if type_ in MESSAGES:
            raise TypeError(f"{MESSAGES[type_].__name__} and {cls.__name__} have the same type {type_}")
        MESSAGES[type_] = made
        return made

    return decorate
