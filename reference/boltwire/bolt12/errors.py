"""What is wrong with an offer, invoice request or invoice, with the BOLT 12 requirement that says so.

A reader meets :class:`Bolt12Rejected` (answer with an ``invoice_error`` or not at all, do not pay) or its subclass
:class:`Bolt12Ignored` (do not answer), a writer :class:`Bolt12Refused` (do not issue this). All are ValueErrors; only
the first two are :class:`boltwire.errors.DecodeError`.
"""

from typing import Self

from boltwire.errors import Bolt12Error


class Bolt12Rejected(Bolt12Error):
    """Something that must not be responded to, answered with an invoice, or paid.

    ``rule`` is the id of the requirement that it breaks, or None where the bytes have no meaning at all. ``field`` is
    the TLV field's name in the BOLT. Offsets count bytes within the field, or characters of a text.
    """

    rule: str | None

    def __init__(
        self, reason: str, *, rule: str | None = None, offset: int | None = None, field: str | None = None
    ) -> None:
        super().__init__(reason, offset=offset, field=field)
        self.rule = rule

    def __str__(self) -> str:
        """As for any decoding error, and the rule in brackets."""
        return super().__str__() if self.rule is None else f"{super().__str__()} [{self.rule}]"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.reason, self.rule, self.offset, self.field)

    def within(self, field: str, offset: int = 0) -> Self:
        """The same error seen from outside, see :meth:`boltwire.errors.DecodeError.within`."""
        outer = super().within(field, offset)
        outer.rule = self.rule
        return outer


def _rebuild(
    kind: type[Bolt12Rejected], reason: str, rule: str | None, offset: int | None, field: str | None
) -> Bolt12Rejected:
    return kind(reason, rule=rule, offset=offset, field=field)


class Bolt12Ignored(Bolt12Rejected):
    """An invoice request that must not even be answered with an error: a reply would tell who we are."""


class Bolt12Refused(ValueError):
    """Something that its writer must not issue; ``rule`` is the requirement that forbids it."""

    def __init__(self, reason: str, rule: str) -> None:
        super().__init__(reason, rule)
        self.reason = reason
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.reason} [{self.rule}]"


def require(condition: bool, rule: str, reason: str, field: str | None = None) -> None:
    """A reader's guard: raise :class:`Bolt12Rejected` unless ``condition``."""
    if not condition:
        raise Bolt12Rejected(reason, rule=rule, field=field)


def insist(condition: bool, rule: str, reason: str) -> None:
    """A writer's guard: raise :class:`Bolt12Refused` unless ``condition``."""
    if not condition:
        raise Bolt12Refused(reason, rule)
